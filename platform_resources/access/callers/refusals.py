"""Acts that are refused are on record, as reads that are refused are: one entry each, by whichever door."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from platform_resources.access.errors import AccessError
from platform_resources.access.model import Caller
from platform_resources.control.audit_log import AuditLog

_LONGEST_ADDRESS = 200  # characters of a port in the audit log
_NOT_ALLOWED = (403, 404)  # what isn't the caller's business looks as if it weren't there


def record_refusal(
    audit: AuditLog, caller: Caller, act: str, *, code: str, port: str | None = None, **facts: object
) -> None:
    """Put on record that `caller` may not `act`. Call it outside of the transaction that ends with the refusal."""
    told = None if port is None else port[:_LONGEST_ADDRESS]
    audit.append("refused", caller.identity.id, told, credential=caller.credential, act=act, code=code, **facts)


@contextmanager
def refusals_on_record(
    audit: AuditLog, caller: Caller, act: str, *, port: str | None = None, **facts: object
) -> Iterator[None]:
    """Around an act: what it may not do is on record before the caller is told. What was asked wrongly is not."""
    try:
        yield
    except AccessError as refusal:
        if refusal.status in _NOT_ALLOWED:
            record_refusal(audit, caller, act, code=refusal.code, port=port, **facts)
        raise
