import json
import os

import requests
from authlib.integrations.requests_client import OAuth2Session

issuer = os.environ["ISSUER"]
server = requests.get(f"{issuer}/.well-known/oauth-authorization-server", timeout=10).json()

session = OAuth2Session(
    os.environ["CLIENT_ID"],
    os.environ["CLIENT_SECRET"],
    token_endpoint_auth_method="client_secret_basic",
    default_timeout=10,
)
token = session.fetch_token(server["token_endpoint"], grant_type="client_credentials")["access_token"]


def told():
    answer = session.introspect_token(server["introspection_endpoint"], token=token, token_type_hint="access_token")
    answer.raise_for_status()
    return answer.json()


good = told()
session.revoke_token(server["revocation_endpoint"], token=token, token_type_hint="access_token").raise_for_status()
refused = session.get(f"{issuer}/Order")
challenge = refused.headers["WWW-Authenticate"]
print(json.dumps({"good": good, "revoked": told(), "status": refused.status_code, "challenge": challenge}))
