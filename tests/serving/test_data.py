"""The rows of a port over HTTP."""

from __future__ import annotations

from tests.serving.conftest import Api


def test_each_reader_gets_its_own_view(reading_api: Api) -> None:
    ana, desk = reading_api.get("ana"), reading_api.get("desk")
    assert ana.status_code == desk.status_code == 200
    assert "CANARY" not in ana.text
    assert "CANARY" in desk.text
    assert reading_api.get("nobody").status_code in (403, 404)
    assert reading_api.get("anonymous").status_code == 401
