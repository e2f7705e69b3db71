"""`python -m platform_resources.serving.document > docs/openapi.json` writes the stored copy of the API's document.

It is the same for every mesh. A test compares it with what the server tells.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from fastapi import FastAPI

from platform_resources.access import Access
from platform_resources.lake import MeshSettings
from platform_resources.serving.app import create_app


def text_of(app: FastAPI) -> str:
    """The document of an app, as it is stored."""
    return json.dumps(app.openapi(), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = MeshSettings(home=Path(folder), project=Path(folder))
        with Access(settings, personas=False) as access:
            sys.stdout.write(text_of(create_app(settings, access=access)))


if __name__ == "__main__":
    main()
