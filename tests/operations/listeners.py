"""Who listens to alerts, for real: a web server and a mail server on this machine that keep what they get."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.running import free_port


@dataclass(frozen=True)
class Posted:
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> dict:
        return json.loads(self.body)


@dataclass
class Hook:
    """What a web server got. It answers `status`; a redirect leads to `location`."""

    url: str = ""
    status: int = 200
    location: str | None = None
    got: list[Posted] = field(default_factory=list)


@contextmanager
def web_hook(tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[Hook]:
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            hook.got.append(Posted(self.path, headers, body))
            self.send_response(hook.status)
            if hook.location is not None:
                self.send_header("Location", hook.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815  (a redirect that is followed would come as GET)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    hook.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}/hook"
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@dataclass
class Mailbox:
    """What a mail server got, and from whom it took it."""

    port: int = 0
    got: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)  # (sender, recipients)
    users: list[str] = field(default_factory=list)
    refuses: bool = False


@contextmanager
def mail_server(tls: ssl.SSLContext | None = None, password: str | None = None) -> Iterator[Mailbox]:
    """With `tls` STARTTLS is asked for; with `password` the user `mesh` has to sign in by it."""
    box = Mailbox()

    class Handler:
        async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
            if box.refuses:
                return "451 Try again later"
            box.got.append(message_from_bytes(envelope.content or b"", policy=policy.default))
            box.envelopes.append((envelope.mail_from or "", tuple(envelope.rcpt_tos)))
            return "250 OK"

    def signed_in(_server: object, _session: object, _envelope: object, _how: object, given: object) -> AuthResult:
        right = isinstance(given, LoginPassword) and given.password == (password or "").encode()
        if right:
            box.users.append(given.login.decode())
        return AuthResult(success=right, handled=right)

    more = {"authenticator": signed_in, "auth_required": True} if password is not None else {}
    controller = Controller(
        Handler(), hostname="127.0.0.1", port=free_port(), tls_context=tls, require_starttls=tls is not None, **more
    )
    controller.start()
    box.port = controller.port
    try:
        yield box
    finally:
        controller.stop()


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """What a server on 127.0.0.1 shows, and the file that trusts it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mesh tests")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    trusted, private = folder / "trusted.pem", folder / "private.pem"
    trusted.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem = serialization.PrivateFormat.PKCS8
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, pem, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, private)
    return context, trusted
