"""Callers who show a JWT of the configured OpenID provider: its signature, and who it says they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

import jwt

from platform_resources.access.callers.oidc_documents import FetchedDocument, ProviderError, discover, fetch
from platform_resources.access.callers.oidc_settings import OidcSettings, is_trustworthy
from platform_resources.access.errors import UnauthenticatedError

# Asymmetric only: with HS256 the public key would be the secret, "none" is no signature.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")

_LONGEST = 16_384  # characters of a token
_LEEWAY = 30  # seconds by which clocks may differ


class OidcVerifier:
    """Verifies JWTs of one provider. Its keys are fetched when first needed, and again when they may have changed.

    `document`: what the provider says of itself.
    """

    def __init__(self, settings: OidcSettings) -> None:
        self.settings = settings
        self.document: FetchedDocument[Mapping[str, Any]] = FetchedDocument(lambda: discover(settings.issuer))
        self._keys: FetchedDocument[list[jwt.PyJWK]] = FetchedDocument(self._published_keys)

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
        except (jwt.InvalidTokenError, ValueError, OverflowError, RecursionError):
            raise refused from None

    def _key(self, kid: str | None) -> jwt.PyJWK:
        """The provider's key of that name, or its only one; a ValueError, which refuses, if there is no such key."""
        keys = self._keys.get(lambda kept: kid is None or any(key.key_id == kid for key in kept))
        (only,) = keys if kid is None else [key for key in keys if key.key_id == kid][:1]
        return only

    def _published_keys(self) -> list[jwt.PyJWK]:
        """Those that the provider signs with, as it says now."""
        uri = self.document.get(lambda document: _is_address(document.get("jwks_uri"))).get("jwks_uri")
        if not _is_address(uri):
            raise ProviderError("it does not say where its keys are")
        found = fetch(uri)
        try:
            keys = jwt.PyJWKSet.from_dict(found).keys if isinstance(found, dict) else []
        except (jwt.PyJWTError, TypeError, ValueError) as error:
            raise ProviderError("its keys can't be read") from error
        keys = [key for key in keys if key.key_id and key.public_key_use in (None, "sig")]
        if not keys:
            raise ProviderError("it publishes no key that signs")
        return keys


def _is_address(uri: object) -> TypeGuard[str]:
    return isinstance(uri, str) and is_trustworthy(uri)
