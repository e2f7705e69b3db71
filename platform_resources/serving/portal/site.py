"""Where the portal is reached, and which paths are its own."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from starlette.requests import HTTPConnection

from platform_resources.lake import SettingError, public_url

_SECTIONS = frozenset(
    ("", "search", "products", "domains", "glossary", "fitness", "access", "council", "me", "sign-in", "sign-out")
)


def is_page(path: str) -> bool:
    """Whether a path is the portal's, so that its errors are pages and its bodies forms."""
    return path.lstrip("/").partition("/")[0] in _SECTIONS and not path.startswith("//")


@dataclass(frozen=True)
class Site:
    """`public` is `MESH_PUBLIC_URL`, the address that people type, without a slash at its end; "" when none is set."""

    public: str = ""
    dagster: str = ""  # `MESH_DAGSTER_URL`, of Dagster's UI

    @classmethod
    def from_env(cls) -> Site:
        return cls(public_url() if os.environ.get("MESH_PUBLIC_URL") else "", _dagster())

    @property
    def secure(self) -> bool:
        return self.public.startswith("https://")

    @property
    def host(self) -> str:
        return urlsplit(self.public).hostname or ""

    @property
    def session_cookie(self) -> str:
        return "__Host-mesh-session" if self.secure else "mesh-session"

    @property
    def sign_in_cookie(self) -> str:
        return "__Host-mesh-sign-in" if self.secure else "mesh-sign-in"

    @property
    def one_click_cookie(self) -> str:
        return "__Host-mesh-one-click" if self.secure else "mesh-one-click"

    def root(self, request: HTTPConnection) -> str:
        """The address of the portal: as configured, else as it was called."""
        return self.public or f"{request.url.scheme}://{request.url.netloc}"

    def is_own_origin(self, request: HTTPConnection, origin: str) -> bool:
        """Whether an `Origin` header names this portal."""
        if self.public and origin == _origin(self.public):
            return True
        parts = urlsplit(origin)
        called = parts.scheme in ("http", "https") and parts.netloc == request.headers.get("host", "")
        return called and (not self.public or is_loopback(request.url.hostname or ""))


def is_loopback(host: str) -> bool:
    """Whether a name or an address, as of a Host header or a peer, is this machine's own."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def local_path(text: str | None) -> str:
    """`text` when it is a path of this portal, to be sent on to; else the home page.

    Browsers read `//host`, `/\\host` and paths with tabs or line ends as other hosts, so anything unusual is the home.
    """
    if not text or len(text) > 2000 or not text.startswith("/") or text.startswith("//"):
        return "/"
    plain = unquote(text)
    if any(not c.isprintable() or c == "\\" for c in plain) or plain.startswith("//") or not text.isascii():
        return "/"
    parts = urlsplit(text)
    if parts.scheme or parts.netloc or not is_page(parts.path) or parts.path.startswith("/sign-"):
        return "/"
    return text


def sign_in_path(then: str) -> str:
    """Where to sign in, and go on to `then` afterwards."""
    wanted = local_path(then)
    return "/sign-in" if wanted == "/" else f"/sign-in?next={quote(wanted, safe='/')}"


def _dagster() -> str:
    text = os.environ.get("MESH_DAGSTER_URL", "").strip().rstrip("/")
    if text and not text.startswith(("http://", "https://")):
        raise SettingError(f"MESH_DAGSTER_URL is {text!r}; write an address, as https://dagster.example.org")
    return text


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
