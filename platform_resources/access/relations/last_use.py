"""When tokens were last used, to the minute, written beside the requests that use them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

from sqlalchemy import or_

from platform_resources.access.callers.tokens import Token
from platform_resources.control import ControlDatabase, ControlError
from platform_resources.control.tables import tokens
from platform_resources.lake import utc_now

_EVERY = timedelta(minutes=1)


class LastUse:
    """Writes `last_used_at` of a token at most once a minute, in a thread of its own: no request waits for it."""

    def __init__(self, control: ControlDatabase) -> None:
        self._control = control
        self._writer = ThreadPoolExecutor(1, "last-use")
        self._lock = threading.Lock()
        self._under_way: set[str] = set()

    def of(self, token: Token) -> None:
        if token.last_used_at is not None and utc_now() - token.last_used_at < _EVERY:
            return
        with self._lock:
            if token.id in self._under_way:
                return
            self._under_way.add(token.id)
        with suppress(RuntimeError):  # closed meanwhile
            self._writer.submit(self._write, token.id)

    def close(self) -> None:
        self._writer.shutdown()

    def _write(self, token: str) -> None:
        now = utc_now()
        stale = or_(tokens.c.last_used_at.is_(None), tokens.c.last_used_at < now - _EVERY)
        try:
            with suppress(ControlError), self._control.writing() as connection:  # no request fails for this
                connection.execute(tokens.update().where(tokens.c.id == token, stale).values(last_used_at=now))
        finally:
            with self._lock:
                self._under_way.discard(token)
