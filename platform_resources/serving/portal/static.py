"""Style, script and icon: their address holds their digest, so browsers keep them until they change."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Response

from platform_resources.access.errors import NotFoundError

router = APIRouter()

_FOLDER = Path(__file__).with_name("static")
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


@cache
def _files() -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(_FOLDER.iterdir()) if file.suffix in _TYPES}


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]


@cache
def asset(name: str) -> str:
    """The address of a file; KeyError when there is none of that name."""
    return f"/static/{_digest(_files()[name])}/{name}"


@router.get("/static/{digest}/{name}")
async def file(digest: str, name: str) -> Response:
    """A file of this version of the portal."""
    body = _files().get(name)
    if body is None or digest != _digest(body):
        raise NotFoundError("there is no such file")
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(body, media_type=_TYPES[Path(name).suffix], headers=headers)
