"""An identity provider in small: who knows the client's secret gets a signed token (client credentials)."""

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLIENT, CLIENT_SECRET, AUDIENCE = "crm-connector", "planted-client-secret", "kafka"
_SECONDS = 3600


class Tokens:
    """A context manager. `url` gives tokens, `asked` times so far; `keys`: a file to verify them (JWKS)."""

    def __init__(self, folder: Path) -> None:
        """Write the keys."""
        self.asked = 0
        self._key = rsa.generate_private_key(65537, 2048)
        numbers = self._key.public_key().public_numbers()
        public = {"n": _number(numbers.n), "e": _number(numbers.e)}
        self.keys = folder / "jwks.json"
        kind = {"kty": "RSA", "kid": "test", "use": "sig", "alg": "RS256"}
        self.keys.write_text(json.dumps({"keys": [kind | public]}), encoding="utf-8")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}/token"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, name="tokens", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, authorization: str) -> tuple[int, dict[str, Any]]:
        """Status and body for who shows these credentials."""
        self.asked += 1
        given = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        if given != f"{CLIENT}:{CLIENT_SECRET}":
            return 401, {"error": "invalid_client", "error_description": f"not {given}"}
        return 200, {"access_token": self._token(), "token_type": "Bearer", "expires_in": _SECONDS}

    def _token(self) -> str:
        now = int(time.time())
        claims = {"sub": CLIENT, "aud": AUDIENCE, "iss": "test", "iat": now, "exp": now + _SECONDS}
        said = f"{_json({'alg': 'RS256', 'kid': 'test', 'typ': 'JWT'})}.{_json(claims)}"
        return f"{said}.{_base64(self._key.sign(said.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _handler(tokens: Tokens) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"] or 0))
            status, told = tokens.answer(self.headers["authorization"] or "")
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Handler


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value: int) -> str:
    return _base64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _json(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value).encode())
