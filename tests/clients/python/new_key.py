import json
from pathlib import Path

from joserfc.jwk import ECKey

key = ECKey.generate_key("P-256", {"alg": "ES256", "use": "sig"}, auto_kid=True)
private = Path("private.jwk")
private.touch(mode=0o600, exist_ok=False)
private.write_text(json.dumps(key.as_dict(private=True)))
print(json.dumps({"keys": [key.as_dict(private=False)]}))
