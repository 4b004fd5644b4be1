import json
import os
import time
from pathlib import Path

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey


class ShortLived(PrivateKeyJWT):
    def sign(self, auth, token_endpoint):
        self.claims = {"exp": int(time.time()) + 60}  # anew for each request, or Authlib sends the same jti again
        return super().sign(auth, token_endpoint)


issuer = os.environ["ISSUER"]
server = requests.get(f"{issuer}/.well-known/oauth-authorization-server", timeout=10).json()
key = ECKey.import_key(json.loads(Path("private.jwk").read_text()))

session = OAuth2Session(os.environ["CLIENT_ID"], key, token_endpoint_auth_method="private_key_jwt", default_timeout=10)
session.register_client_auth_method(ShortLived(issuer, alg="ES256"))  # the audience is the issuer
session.fetch_token(server["token_endpoint"], grant_type="client_credentials")
answer = session.get(f"{issuer}/Order")
session.fetch_token(server["token_endpoint"], grant_type="client_credentials")  # and again, with another assertion
print(json.dumps({"status": answer.status_code, "again": session.get(f"{issuer}/Order").status_code}))
