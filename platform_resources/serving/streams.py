"""An answer that is sent while it is computed. What ends before its time is cut off: it never looks whole."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from platform_resources.serving.edge import trace_without_values
from platform_resources.serving.limits import Threads

_PART_BYTES = 256 << 10

log = logging.getLogger("mesh.api")


class StreamedAnswer(Response):
    """Sends `first`, then `rest` as threads for bulk work make it; one chunk is made while another is sent.

    A reader who takes less than 256 KB in `silent_seconds` is cut off: it holds a query, a pin and one of a few places.
    `close` is called exactly once, whatever the end: the last chunk, a reader who has gone (at once: a batch that is
    computed is given up), an error, the end of the server. Memory is that of three chunks.
    """

    def __init__(
        self,
        first: bytes,
        rest: Iterator[bytes],
        close: Callable[[], None],
        threads: Threads,
        headers: Mapping[str, str],
        media_type: str,
        silent_seconds: float = 30,
    ) -> None:
        super().__init__(None, 200, headers, media_type)
        del self.headers["Content-Length"]
        self._first = first
        self._rest = rest
        self._close = close
        self._threads = threads
        self._silent_seconds = silent_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(_gone(receive))
        making: asyncio.Future[bytes | None] | None = None
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            chunk: bytes | None = self._first
            while chunk is not None:
                making = asyncio.ensure_future(self._threads.bulk(lambda: next(self._rest, None)))
                await self._send(send, chunk)
                await asyncio.wait({making, gone}, return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    return
                chunk = making.result()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except Exception as error:  # noqa: BLE001  (told without values; the missing end tells the reader)
            log.error("id=%s cut off: %s", scope.get("mesh.request_id"), trace_without_values(error))
        finally:
            gone.cancel()
            await asyncio.shield(self._end(making))

    async def _send(self, send: Send, chunk: bytes) -> None:
        """In parts: each must be taken in time, so that who takes nothing holds a stream no longer than that."""
        whole = memoryview(chunk)
        for start in range(0, len(chunk), _PART_BYTES):
            part = whole[start : start + _PART_BYTES]  # uvicorn joins it with its length: a copy here would be one more
            async with asyncio.timeout(self._silent_seconds):
                await send({"type": "http.response.body", "body": part, "more_body": True})

    async def _end(self, making: asyncio.Future[bytes | None] | None) -> None:
        await self._threads.small(self._close)  # first: it interrupts what is being made
        if making is not None:
            await asyncio.wait({making})
            if not making.cancelled():
                making.exception()  # seen: it ended because it was closed, or was told already


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
