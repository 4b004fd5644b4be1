import json
import os
import sys

import httpx
import jwt
from httpx_auth import OAuth2ClientCredentials

issuer = os.environ["ISSUER"]
server = httpx.get(f"{issuer}/.well-known/oauth-authorization-server").json()

credentials = OAuth2ClientCredentials(server["token_endpoint"], os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"])
with httpx.Client(auth=credentials) as client:
    answer = client.get(f"{issuer}/Order")

token = answer.request.headers["Authorization"].removeprefix("Bearer ")
key = jwt.PyJWKClient(server["jwks_uri"]).get_signing_key_from_jwt(token)
decoded = jwt.decode_complete(token, key, algorithms=["ES256"], audience=issuer, issuer=issuer)
if decoded["header"]["typ"] != "at+jwt":
    sys.exit("this is another kind of token")
print(json.dumps({"status": answer.status_code, "claims": decoded["payload"]}))
