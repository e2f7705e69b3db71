"""Signing in at the OpenID provider with a browser: authorization code flow with PKCE, state and nonce (RFC 9700).

All three are made of one secret that only the browser's own cookie has, so nothing is kept between the two halves: an
answer that comes with another browser's cookie, or with none, fits no state, and its code fits no verifier.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, TypeGuard
from urllib.parse import quote, urlencode

from platform_resources.access.callers.oidc import OidcVerifier
from platform_resources.access.callers.oidc_documents import ProviderError, fetch, unavailable
from platform_resources.access.callers.oidc_settings import is_trustworthy
from platform_resources.access.errors import UnauthenticatedError

SCOPES = ("openid", "profile", "email")
_LONGEST_CODE = 4_096  # characters


class OidcSignIn:
    """The browser's way to a JWT of the provider. `secret` is random and of one attempt; `back` is our own address."""

    def __init__(self, verifier: OidcVerifier) -> None:
        self._verifier = verifier
        self.settings = verifier.settings

    def address(self, secret: str, back: str) -> str:
        """Where the browser goes to sign in; UnavailableError when the provider can't be asked where that is."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(_of(secret, "verifier").encode()).digest())
        asked = {
            "response_type": "code",
            "client_id": self.settings.client,
            "redirect_uri": back,
            "scope": " ".join(SCOPES),
            "state": _of(secret, "state"),
            "nonce": _of(secret, "nonce"),
            "code_challenge": challenge.rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        address = self._endpoint("authorization_endpoint")
        return f"{address}{'&' if '?' in address else '?'}{urlencode(asked, quote_via=quote)}"

    def is_state(self, secret: str, state: str) -> bool:
        return hmac.compare_digest(_of(secret, "state").encode(), state.encode())

    def claims(self, secret: str, back: str, code: str) -> Mapping[str, Any]:
        """What the provider says of who came back with `code`.

        Raises
        ------
        UnauthenticatedError
            when it says nothing, or something that is not for this attempt.
        UnavailableError
            when it can't be asked.
        """
        refused = UnauthenticatedError("the OpenID provider did not vouch for you", "Sign in again.")
        if not 0 < len(code) <= _LONGEST_CODE:
            raise refused
        client, password = self.settings.client, self.settings.client_secret
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "client_id": client,
            "code_verifier": _of(secret, "verifier"),
        }
        auth = None if password is None else (quote(client, safe=""), quote(password, safe=""))  # RFC 6749, 2.3.1
        try:
            answer = fetch(self._endpoint("token_endpoint"), form, auth)
        except ProviderError as error:
            if error.status in (400, 401, 403):
                raise refused from None
            raise unavailable() from error
        token = answer.get("id_token") if isinstance(answer, dict) else None
        if not isinstance(token, str):
            raise refused
        claims = self._verifier.claims(token)
        nonce, audience = claims.get("nonce"), claims["aud"]
        for_us = client in (audience if isinstance(audience, list) else [audience])
        if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), _of(secret, "nonce").encode()):
            raise refused
        if not for_us or claims.get("azp", client) != client:
            raise refused
        return claims

    def _endpoint(self, name: str) -> str:
        """An address of the provider, by its own document."""
        address = self._verifier.document.get(lambda document: _is_endpoint(document.get(name))).get(name)
        if not _is_endpoint(address):
            raise unavailable()
        return address


def _is_endpoint(address: object) -> TypeGuard[str]:
    """Whether it may be an address to send somebody to, or a code; it may have a query."""
    return isinstance(address, str) and is_trustworthy(address.partition("?")[0])


def _of(secret: str, what: str) -> str:
    """A value of its own for each use; of none of them the secret or another one can be told."""
    digest = hmac.new(secret.encode(), what.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
