"""The API's JSON resources without a server: its application is called in this process."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from platform_resources.access import Access
from platform_resources.client.http import refusal_of
from platform_resources.serving import create_app

_SERVER = "http://in-process"


class InProcessApi:
    def __init__(self, access: Access) -> None:
        self._app = create_app(access.settings, access=access)

    def ask(self, token: str | None, method: str, path: str, **options: Any) -> Any:
        """What the resource answers.

        Raises
        ------
        MeshError
            when it refuses.
        """

        async def call() -> httpx.Response:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url=_SERVER, headers=headers) as client:
                return await client.request(method, f"/api/v1{path}", **options)

        with ThreadPoolExecutor(1) as thread:  # a notebook runs a loop of its own in this one
            response = thread.submit(asyncio.run, call()).result()
        if response.status_code >= 300:
            raise refusal_of(_SERVER, response)
        return response.json()

    def close(self) -> None:
        self._app.state.view.close()
