import json
import os

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from joserfc.jwk import KeySet

issuer = os.environ["ISSUER"]
server = requests.get(f"{issuer}/.well-known/oauth-authorization-server", timeout=10).json()

session = OAuth2Session(
    os.environ["CLIENT_ID"],
    os.environ["CLIENT_SECRET"],
    token_endpoint_auth_method="client_secret_basic",
    default_timeout=10,
)
token = session.fetch_token(server["token_endpoint"], grant_type="client_credentials")
answer = session.get(f"{issuer}/Order")


class Validator(JWTBearerTokenValidator):
    def get_jwks(self):
        return KeySet.import_key_set(requests.get(server["jwks_uri"], timeout=10).json())


validator = Validator(issuer, resource_server=issuer)
claims = validator.authenticate_token(token["access_token"])
validator.validate_token(claims, scopes=["orders"], request=None)
print(json.dumps({"status": answer.status_code, "claims": claims}))
