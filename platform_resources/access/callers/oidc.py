"""Callers who show a JWT of the configured OpenID provider: its signature, and who it says they are."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import jwt

from platform_resources.access.callers.oidc_settings import OidcSettings, is_trustworthy
from platform_resources.access.errors import UnauthenticatedError, UnavailableError

# Asymmetric only: with HS256 the public key would be the secret, "none" is no signature.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")

_LONGEST = 16_384  # characters of a token
_LONGEST_LIFE = 366 * 86_400  # seconds
_LEEWAY = 30  # seconds by which clocks may differ
_TIMEOUT = 3.0  # seconds for the provider to answer
_AGAIN = 5.0  # seconds without another attempt after it did not
_KEYS_LAST = 300.0  # seconds; a key that the provider takes back is trusted so long at most
_KEYS_AGAIN = 10.0  # seconds between two fetches for keys that are not known: anybody can name one
_LARGEST_ANSWER = 1_000_000  # bytes


class ProviderError(Exception):
    """The provider did not answer, or not as one. `status` is of an answer that is no success."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class _Keys(jwt.PyJWKClient):
    """The provider's keys. One that does not answer is left alone for a while, so that requests do not queue up."""

    def __init__(self, uri: str) -> None:
        super().__init__(uri, lifespan=_KEYS_LAST, cooldown_duration=_KEYS_AGAIN, timeout=_TIMEOUT)

    def fetch_data(self) -> Any:
        found = fetch(self.uri)
        if self.jwk_set_cache is not None:
            self.jwk_set_cache.put(self._as_jwk_set_payload(found))
        self._last_successful_fetch = time.monotonic()
        return found


class OidcVerifier:
    """Verifies JWTs of one provider. Its keys are fetched when first needed, and again when they may have changed."""

    def __init__(self, settings: OidcSettings) -> None:
        self.settings = settings
        self._keys: _Keys | None = None
        self._lock = threading.Lock()
        self._failed_at = float("-inf")

    def claims(self, token: str) -> Mapping[str, Any]:
        """What a token says, once it is proved to be the provider's, for this mesh, and valid now.

        Raises
        ------
        UnauthenticatedError
            when it is not: whatever the reason, in the same words.
        UnavailableError
            when the provider can't be asked for its keys.
        """
        refused = UnauthenticatedError("the token is not valid", "Sign in again at the OpenID provider.")
        if len(token) > _LONGEST:
            raise refused
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                raise refused
            return jwt.decode(
                token,
                self._key(header.get("kid")),
                algorithms=list(ALGORITHMS),
                audience=list(self.settings.audiences),
                issuer=self.settings.issuer,
                leeway=_LEEWAY,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except (
            jwt.InvalidTokenError,
            jwt.PyJWKClientError,
            jwt.PyJWKSetError,
            ValueError,
            OverflowError,
            RecursionError,
        ):
            raise refused from None

    def _key(self, kid: str | None) -> jwt.PyJWK:
        """The provider's key of that name, or its only one. One asks at a time; after a failure none for a while."""
        with self._lock:
            if time.monotonic() - self._failed_at < _AGAIN:
                raise _unavailable()
            try:
                if self._keys is None:
                    self._keys = _Keys(_keys_of(self.settings.issuer))
                if kid is not None:
                    return self._keys.get_signing_key(kid)
                (only,) = self._keys.get_signing_keys()  # a ValueError, which refuses, if there are several
                return only
            except (ProviderError, jwt.PyJWKSetError) as error:
                self._failed_at = time.monotonic()
                raise _unavailable() from error


def expiry_of(claims: Mapping[str, Any]) -> datetime:
    """When verified claims end. A provider may write any number; none counts for longer than a year from now."""
    return datetime.fromtimestamp(min(int(claims["exp"]), int(time.time()) + _LONGEST_LIFE), UTC)


def _unavailable() -> UnavailableError:
    return UnavailableError("the OpenID provider can't be asked now", "Try again in a moment.", retry_after=_AGAIN)


def _keys_of(issuer: str) -> str:
    """Where the provider's keys are."""
    uri = discover(issuer).get("jwks_uri")
    if not isinstance(uri, str) or not is_trustworthy(uri):
        raise ProviderError("no discovery document of this issuer")
    return uri


def discover(issuer: str) -> Mapping[str, Any]:
    """What the provider says of itself; ProviderError when it says nothing that can be used."""
    document = fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    # A document for another issuer would let one tenant of a provider speak for the other.
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise ProviderError("no discovery document of this issuer")
    return document


def fetch(url: str, form: Mapping[str, str] | None = None, auth: tuple[str, str] | None = None) -> Any:
    """A JSON document of the provider, got or, with a form, posted; no redirects, a size and a time that end."""
    deadline = time.monotonic() + _TIMEOUT
    body = bytearray()
    try:
        method = "GET" if form is None else "POST"
        with httpx.stream(method, url, data=form, auth=auth, timeout=_TIMEOUT, follow_redirects=False) as answer:
            if answer.status_code != 200:
                raise ProviderError(f"status {answer.status_code}", answer.status_code)
            for part in answer.iter_bytes():
                body += part
                if len(body) > _LARGEST_ANSWER or time.monotonic() > deadline:
                    raise ProviderError("too large or too slow")
        return httpx.Response(200, content=bytes(body)).json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise ProviderError(type(error).__name__) from error
