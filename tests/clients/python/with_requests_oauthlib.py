import json
import os
import sys

import jwt
import requests
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session

issuer = os.environ["ISSUER"]
server = requests.get(f"{issuer}/.well-known/oauth-authorization-server", timeout=10).json()

session = OAuth2Session(client=BackendApplicationClient(os.environ["CLIENT_ID"]))
token = session.fetch_token(server["token_endpoint"], client_secret=os.environ["CLIENT_SECRET"], timeout=10)
answer = session.get(f"{issuer}/Order", timeout=10)

key = jwt.PyJWKClient(server["jwks_uri"]).get_signing_key_from_jwt(token["access_token"])
decoded = jwt.decode_complete(token["access_token"], key, algorithms=["ES256"], audience=issuer, issuer=issuer)
if decoded["header"]["typ"] != "at+jwt":
    sys.exit("this is another kind of token")
print(json.dumps({"status": answer.status_code, "claims": decoded["payload"]}))
