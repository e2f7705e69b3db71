"""The demo's personas: made once, on a laptop only, their tokens for their owner's eyes."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from platform_resources.access import Access
from platform_resources.access.callers.identities import list_identities
from platform_resources.access.callers.personas import PERSONAS, persona_names, persona_token, personas_told
from platform_resources.governance import load_council
from platform_resources.lake import MeshSettings
from tests.control.test_database import start_together
from tests.tiny_mesh import REPOSITORY

_START = """
import sys
from pathlib import Path
from platform_resources.access import Access
from platform_resources.lake import MeshSettings

settings = MeshSettings(home=Path(sys.argv[1]), project=Path("/"))
print("ready", flush=True)
sys.stdin.readline()
with Access(settings) as access:
    if access.made:
        settings.home.joinpath(f"made-{access.made[0].identity.id}").touch(exist_ok=False)
    token = (settings.home / "personas" / "analyst.token").read_text().strip()
    assert access.authenticate(token).identity.id == "analyst"
"""


@pytest.fixture
def settings(tmp_path: Path) -> MeshSettings:
    return MeshSettings(home=tmp_path / "home", project=tmp_path)


def test_of_several_processes_that_start_first_one_makes_them(settings):
    assert start_together(_START, 3, str(settings.home)) == [0] * 3
    assert len(list(settings.home.glob("made-*"))) == 1
    with Access(settings) as access:
        assert access.made == ()
        assert len(list_identities(access.control)) == len(PERSONAS)
        assert access.audit.verify().sound


def test_each_proves_itself_with_its_token_and_is_told_once(settings):
    with Access(settings) as access:
        told = personas_told(settings, access.made)
        for persona in PERSONAS:
            caller = access.authenticate(persona_token(settings, persona.identity.id))
            assert caller.identity.id == persona.identity.id
            assert caller.identity.clearances == persona.identity.clearances
            assert caller.scopes == set(persona.scopes)
            assert persona.identity.id in told
        assert str(settings.home / "personas") in told
        assert "mesh_" not in told
    assert personas_told(settings, ()) == ""


def test_their_tokens_are_their_owners_alone(settings):
    with Access(settings):
        pass
    folder = settings.home / "personas"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert persona_names(settings) == tuple(sorted(persona.identity.id for persona in PERSONAS))
    assert persona_token(settings, "../keys/audit.key") is None


@pytest.mark.parametrize(
    "environment",
    [
        {"MESH_PERSONAS": "off"},
        {"MESH_OIDC_ISSUER": "https://login.retailer.example", "MESH_OIDC_AUDIENCE": "mesh"},
        {"MESH_CONTROL_DATABASE": "sqlite:///{elsewhere}"},
    ],
)
def test_none_is_made_where_it_is_no_demo(settings, tmp_path, monkeypatch, environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value.format(elsewhere=tmp_path / "elsewhere.sqlite"))
    with Access(settings) as access:
        assert access.made == ()
        assert list_identities(access.control) == ()
    assert not (settings.home / "personas").exists()


def test_their_purposes_are_the_councils():
    council = load_council(REPOSITORY / "governance")
    wanted = {persona.identity.purpose for persona in PERSONAS} - {None}
    assert wanted <= set(council.purposes)
