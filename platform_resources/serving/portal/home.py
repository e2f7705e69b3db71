"""The first page: search, the state of the mesh, and what needs who is signed in."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from platform_resources.serving.portal.pages import PortalReader, render

router = APIRouter()


@router.get("/")
def home(request: Request, reader: PortalReader) -> Response:
    """The home page."""
    return render(request, reader, "home.html")
