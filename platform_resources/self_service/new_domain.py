"""`mesh new domain`: a folder, a code location and a dbt target, so that the next command can add a product."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from platform_resources.contracts.names import is_email
from platform_resources.self_service.changeset import ChangeSet, ScaffoldError
from platform_resources.self_service.new_names import check_new_name
from platform_resources.self_service.yaml_text import insert_under, scalar


@dataclass(frozen=True)
class NewDomain:
    """What a new domain says of itself. None: a default that is told, or left out where it is no must."""

    name: str
    owner: str | None = None
    title: str | None = None
    purpose: str | None = None
    team: str | None = None
    contact: str | None = None
    channel: str | None = None


@dataclass(frozen=True)
class Scaffolded:
    """What was written, and what the person should know."""

    created: tuple[str, ...]  # paths relative to the project
    changed: tuple[str, ...]
    notes: tuple[str, ...] = ()


def scaffold_domain(project: Path, wanted: NewDomain) -> Scaffolded:
    """Write a new domain into the project.

    Raises
    ------
    ScaffoldError
        when the name can't be borne, nobody owns it, or a file of it is there already. Nothing is written then.
    """
    name = check_new_name(wanted.name, "domain")
    folder = project / "domains" / name
    if folder.exists():
        raise ScaffoldError(
            f"the domain {name} is there already: domains/{name}; add a product: mesh new product {name}.…"
        )
    owner = checked_owner(wanted.owner, project)
    title = wanted.title or name.replace("_", " ").title()
    notes = []
    if wanted.owner is None:
        notes.append(f"owner: {owner}, from `git config user.email`")
    purpose = wanted.purpose
    if not purpose:
        purpose = f"The data that {title} answers for."
        notes.append(f"say what the domain is for: `purpose` in domains/{name}/domain.yaml")
    changes = ChangeSet(project)
    lines = [
        f"name: {name}",
        f"title: {scalar(title)}",
        f"purpose: {scalar(purpose)}",
        f"team: {scalar(wanted.team or title)}",
        f"owner: {scalar(owner)}",
        *([f"contact: {scalar(wanted.contact)}"] if wanted.contact else []),
        *([f"channel: {scalar(wanted.channel)}"] if wanted.channel else []),
    ]
    changes.create(folder / "domain.yaml", "\n".join(lines) + "\n")
    changes.create(folder / "glossary.yaml", f"domain: {name}\nterms: []\n")
    changes.create(folder / "__init__.py", "")
    changes.create(folder / "definitions.py", _DEFINITIONS.format(name=name, title=title.replace('"', "'")))
    changes.create(folder / "assets.py", f'"""Python models of the {title.replace(chr(34), chr(39))} domain."""\n')
    for part in ("products", "sources"):
        changes.create(folder / part / ".gitkeep", "")
    _register_location(changes, project / "workspace.yaml", name)
    register_dbt_target(changes, project, name)
    changes.apply()
    return Scaffolded(
        tuple(changes.shown(path) for path in changes.created),
        tuple(changes.shown(path) for path in changes.changed),
        tuple(notes),
    )


_DEFINITIONS = '''\
"""Code location of the {title} domain."""

from platform_resources.orchestration import domain_definitions

defs = domain_definitions("{name}")
'''


def checked_owner(owner: str | None, project: Path) -> str:
    """The e-mail address of who answers for it: as given, else of whoever works in this repository."""
    found = owner or _git_email(project)
    if found is None:
        raise ScaffoldError(
            "who answers for it? Add --owner <e-mail address> (`git config user.email` is taken where it is set)",
            asked_wrongly=True,
        )
    if not is_email(found):
        whence = "" if owner else " (from `git config user.email`)"
        raise ScaffoldError(
            f"{found!r}{whence} is no e-mail address; write --owner person@example.com", asked_wrongly=True
        )
    return found


def _git_email(folder: Path) -> str | None:
    try:
        done = subprocess.run(
            ["git", "config", "user.email"], cwd=folder, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None  # no git here: the owner has to be said
    return done.stdout.strip() or None


def _register_location(changes: ChangeSet, workspace: Path, name: str) -> None:
    text = changes.read(workspace)
    if text is None:
        raise ScaffoldError("there is no workspace.yaml here; run this in the project's folder, or set MESH_PROJECT")
    if f"domains.{name}.definitions" in text:
        return
    entry = f"- python_module: {{module_name: domains.{name}.definitions, location_name: {name}}}"
    changes.change(workspace, insert_under(text, ("load_from",), [entry], "workspace.yaml"))


def register_dbt_target(changes: ChangeSet, project: Path, domain: str) -> None:
    """A dbt target of the domain's name; nothing where the project has no dbt or the target is there."""
    profiles = project / "dbt_project" / "profiles.yml"
    text = changes.read(profiles)
    if text is None or f"\n    {domain}:" in text:
        return
    lines = [
        f"{domain}:",
        "  type: duckdb",
        '  path: ":memory:"',
        "  schema: internal",
        "  threads: 1",
        "  plugins: [{module: platform_resources.access.inputs.dbt_plugin}]",
    ]
    if "&domain" in text:  # the first target holds what all have in common
        lines = [f"{domain}:", "  <<: *domain"]
    lines += [f"  database: {domain}", f'  attach: [{{path: "ducklake:{domain}", alias: {domain}, is_ducklake: true}}]']
    changes.change(profiles, insert_under(text, ("mesh", "outputs"), lines, "dbt_project/profiles.yml"))
