"""An OpenID provider with keys that tests hold: it signs anything, changes its keys, dawdles, lies or is gone."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
_ALGORITHMS = {
    rsa.RSAPrivateKey: ("RS256", jwt.algorithms.RSAAlgorithm),
    ec.EllipticCurvePrivateKey: ("ES256", jwt.algorithms.ECAlgorithm),
    ed25519.Ed25519PrivateKey: ("EdDSA", jwt.algorithms.OKPAlgorithm),
}


@cache
def rsa_key(name: str = "another") -> rsa.RSAPrivateKey:
    """A key of that name; each takes 0.1 s to make, so it is made once."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _open_gate() -> threading.Event:
    gate = threading.Event()
    gate.set()
    return gate


@dataclass
class Issuer:
    """`keys`: kid -> key that it publishes. `answers` and `delay` change what its addresses say, and how fast."""

    url: str = ""
    keys: dict[str, Key] = field(default_factory=dict)
    answers: dict[str, bytes] = field(default_factory=dict)  # path -> body in place of the real one
    delay: float = 0.0
    gate: threading.Event = field(default_factory=_open_gate)  # it answers while that is set
    asked: list[str] = field(default_factory=list)

    def token(self, kid: str | None = "one", key: Key | None = None, header: dict | None = None, **claims: Any) -> str:
        """A token that is right but for what is given; a claim that is None is left out."""
        signing = key or self.keys[kid or "one"]
        algorithm = next(name for kind, (name, _) in _ALGORITHMS.items() if isinstance(signing, kind))
        headers = {**({"kid": kid} if kid else {}), **(header or {})}
        return jwt.encode(self.claims(**claims), signing, algorithm=algorithm, headers=headers)

    def claims(self, **claims: Any) -> dict[str, Any]:
        now = int(time.time())
        right = {"iss": self.url, "aud": "mesh", "sub": "sub-1", "iat": now, "exp": now + 600}
        right |= {"email": "Zoe@retailer.example", "email_verified": True, "name": "Zoe"}
        return {name: value for name, value in {**right, **claims}.items() if value is not None}

    def answer(self, path: str) -> bytes | None:
        self.asked.append(path)
        time.sleep(self.delay)
        self.gate.wait(60)
        if path in self.answers:
            return self.answers[path]
        if path == "/.well-known/openid-configuration":
            return json.dumps({"issuer": self.url, "jwks_uri": f"{self.url}/jwks"}).encode()
        if path == "/jwks":
            return json.dumps({"keys": [self._public(kid, key) for kid, key in self.keys.items()]}).encode()
        return None

    @staticmethod
    def _public(kid: str, key: Key) -> dict[str, Any]:
        name, algorithm = next(found for kind, found in _ALGORITHMS.items() if isinstance(key, kind))
        return {**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, "use": "sig", "alg": name}


@contextmanager
def run_issuer() -> Iterator[Issuer]:
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = issuer.answer(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body or b"")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    issuer.keys["one"] = rsa_key("one")
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
