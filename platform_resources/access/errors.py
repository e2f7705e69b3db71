"""Refusals. Each says what, why and what to do; `status` is the HTTP status that it means. No message holds a value."""

from __future__ import annotations

# A remedy for every door.
PORTS_ARE_LISTED = "`mesh status`, or GET /api/v1/products, lists what there is."


class AccessError(Exception):
    """A read or an act that is refused. `code` is stable and for programs."""

    status = 403
    code = "denied"

    def __init__(self, message: str, remedy: str = "", **facts: object) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.facts = facts  # JSON-ready, safe for the reader


class UnauthenticatedError(AccessError):
    """No credential, or one that doesn't hold: unknown, expired, revoked. They look alike."""

    status = 401
    code = "unauthenticated"


class DeniedError(AccessError):
    """The caller is known and may not; what it asks for may be known to it."""


class PurposeMissingError(DeniedError):
    code = "purpose-missing"


class NotFoundError(AccessError):
    """No such thing, or one whose existence the caller may not know: they look alike."""

    status = 404
    code = "not-found"


class UnknownPortError(AccessError):
    """No such port, or one whose existence the caller may not know: they look alike."""

    status = 404
    code = "unknown-port"


class UnknownRequestError(AccessError):
    """No such request or grant, or one that is none of the caller's business: they look alike."""

    status = 404
    code = "unknown-request"


class NotPublishedError(AccessError):
    """The port exists and has no such publication (yet, or any more)."""

    status = 404
    code = "not-published"


class RetiredPortError(AccessError):
    status = 410
    code = "retired"


class BadQueryError(AccessError):
    """A query that can't be answered as it is written."""

    status = 400
    code = "bad-query"


class BadRequestError(AccessError):
    """What is asked for can't be asked: an unknown purpose, too many days, no reason."""

    status = 400
    code = "bad-request"


class LimitExceededError(AccessError):
    """A query that needs more time, memory or rows than a reader may use."""

    status = 422
    code = "limit-exceeded"


class TooManyRequestsError(AccessError):
    status = 429
    code = "too-many-requests"


class ConflictError(AccessError):
    """What is asked for can't be done in the state that it is in: a request that was decided already."""

    status = 409
    code = "conflict"


class UnavailableError(AccessError):
    """The platform can't answer now: a lake or the audit log can't be used."""

    status = 503
    code = "unavailable"
