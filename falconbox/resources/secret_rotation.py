"""`POST /Client/<id>/$rotate-secret`: a new secret for a client, while the old ones go on for as long as is said.

The caller makes the secret: an answer that holds one could be lost, logged or kept on its way.
"""

from __future__ import annotations

import time

import falcon

from falconbox.authentication.rotation import rotated
from falconbox.authentication.secrets import SecretHasher
from falconbox.resources import exchange
from falconbox.resources.clients import Clients


class SecretRotation:
    """Adds a secret to a client that the API may change."""

    def __init__(self, clients: Clients, hasher: SecretHasher) -> None:
        self._clients = clients
        self._hasher = hasher

    def on_post(self, req: falcon.Request, resp: falcon.Response, resource_id: str) -> None:
        """Rotate; answer with the client as it is then."""
        rotation = self._clients.admission.rotation(exchange.read_object(req))
        previous = self._clients.existing(req, resource_id)
        body = rotated(previous.body, rotation["secret"], self._hasher, overlap=rotation["overlap"], now=time.time())
        self._clients.replace(req, resp, previous, body, "client-secret-rotated")
