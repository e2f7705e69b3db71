"""What can go wrong, for people and for programs: the same errors over HTTP and in-process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class MeshError(Exception):
    """A read or an act that was not done. `code` is stable; `remedy` says what to do; `status` as HTTP knows it."""

    def __init__(
        self,
        code: str,
        message: str,
        remedy: str = "",
        status: int | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{message}. {remedy}".strip() if remedy else message)
        self.code = code
        self.message = message
        self.remedy = remedy
        self.status = status
        self.facts = dict(facts or {})


class UnauthenticatedError(MeshError):
    """No token, or one that doesn't hold."""


class DeniedError(MeshError):
    """The caller is known and may not; `remedy` says how to ask."""


class NotFoundError(MeshError):
    """No such port or publication (any more), or one that the caller may not know of."""


class BadQueryError(MeshError):
    """The query can't be answered as it is written, or asks for more than a reader may use."""


class UnavailableError(MeshError):
    """The mesh can't be reached, or can't answer now."""


class TruncatedError(UnavailableError):
    """An answer that ended before its end. What came of it is never handed out as a whole result."""


class StaleWarning(UserWarning):
    """The mesh can't be reached: what is shown is what was read last."""


class DeprecatedPortWarning(FutureWarning):
    """A port that will not be served any more some day. (Python hides a DeprecationWarning in what is imported.)"""


class PersonaWarning(UserWarning):
    """No token was given: the demo's default persona reads."""


_OF_STATUS = {
    400: BadQueryError,
    401: UnauthenticatedError,
    403: DeniedError,
    404: NotFoundError,
    406: BadQueryError,
    410: NotFoundError,
    413: BadQueryError,
    422: BadQueryError,
    429: UnavailableError,
}


def error_of(
    status: int, code: str, message: str, remedy: str = "", facts: Mapping[str, Any] | None = None
) -> MeshError:
    """The error that a refusal of the mesh means."""
    kind = _OF_STATUS.get(status, UnavailableError if status >= 500 else MeshError)
    return kind(code, message, remedy, status, facts)
