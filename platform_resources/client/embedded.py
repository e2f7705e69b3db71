"""The door in-process: the same guard without a server, on the files and lakes of a project."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platform_resources.access import Access, AccessError, Caller, Condition, GuardedRelation, ReadQuery
from platform_resources.access.callers.personas import DEFAULT_PERSONA, persona_token
from platform_resources.client.answers import Answer, Facts
from platform_resources.client.errors import MeshError, PersonaWarning, error_of
from platform_resources.client.queries import Query
from platform_resources.lake import MeshSettings, PortAddress, SettingError
from platform_resources.lake.settings import find_project_root

if TYPE_CHECKING:
    import pyarrow as pa

    from platform_resources.client.in_process_api import InProcessApi

_BATCH_ROWS = 65_536


class EmbeddedDoor:
    """The mesh of a project, asked with one token; without one, as the demo's default persona."""

    cache = None  # what lies in the lake needs no copy

    def __init__(self, project: Path | None, token: str | None) -> None:
        self.settings = settings_of(project)
        self.access = Access(self.settings)
        self._token = token or self._default_token()
        self._in_process: InProcessApi | None = None

    def open(self, query: Query) -> Answer:
        with _told():
            address = query.address
            port = PortAddress(address.domain, address.product, address.major or 0)
            relation = self.access.guard.open(
                self._caller(), port, purpose=query.purpose, as_of=query.as_of, door="client"
            )
            asked = ReadQuery(
                query.columns,
                tuple(Condition(c.column, c.operator, c.value) for c in query.where),  # type: ignore[arg-type]
                query.order,
                query.limit,
            )
            relation.sql(asked)  # a query that can't be answered is told at once, not with the first row
            return Answer(_facts(relation, asked), _GuardedRows(relation, asked))

    def sql(self, text: str, purpose: str | None) -> Answer:
        with _told():
            reading = self.access.sql.run(self._caller(), text, purpose=purpose)
            masked = {f"{port}.{name}" for port, r in reading.relations.items() for name in r.decision.profile.masked}
            return Answer(Facts(None, masked=tuple(sorted(masked))), _SqlRows(reading))

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> Any:
        """A JSON resource below `/api/v1`, from the same code that serves it over HTTP."""
        return self._api("GET", path, params=parameters)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._api("POST", path, json=body)

    def close(self) -> None:
        if self._in_process is not None:
            self._in_process.close()
        self.access.close()

    def _api(self, method: str, path: str, **options: Any) -> Any:
        if self._in_process is None:
            from platform_resources.client.in_process_api import InProcessApi  # noqa: PLC0415  (FastAPI: 0.3 s)

            self._in_process = InProcessApi(self.access)
        return self._in_process.ask(self._token, method, path, **options)

    def _caller(self) -> Caller:
        """Proved anew for each read: a token that was revoked holds no longer here than at a server."""
        return self.access.authenticate(self._token)

    def _default_token(self) -> str | None:
        token = persona_token(self.settings, DEFAULT_PERSONA) if self.access.embedded else None
        if token is not None:
            warnings.warn(
                f"no token was given: you read as the demo's {DEFAULT_PERSONA} (Mesh(token=...) or MESH_TOKEN)",
                PersonaWarning,
                stacklevel=5,
            )
        return token


def settings_of(project: Path | None) -> MeshSettings:
    """Settings of the mesh whose project lies at (or around) a folder; None: as the environment says.

    Raises
    ------
    MeshError
        when there is none.
    """
    if project is not None and not project.exists():
        raise MeshError("no-project", f"there is no folder {project}", "Name a project's folder, or http://...")
    if project is not None and (project / "domains").is_dir():
        return MeshSettings.from_env(project.resolve())
    try:
        found = find_project_root(project)
    except SettingError as error:
        raise MeshError("no-project", str(error), "Name a project's folder, or http://...") from None
    return MeshSettings.from_env(found)


def _facts(relation: GuardedRelation, asked: ReadQuery) -> Facts:
    publication, wanted = relation.publication, asked.columns
    masked = tuple(name for name in relation.decision.profile.masked if wanted is None or name in wanted)
    notice = relation.notice
    if notice and relation.sunset:
        notice = f"{relation.port} is deprecated; it is served until {relation.sunset}"
    return Facts(publication.number, publication.contract_version, masked, notice, relation.etag)


class _GuardedRows:
    """Rows of a guarded relation, computed while they are read."""

    def __init__(self, relation: GuardedRelation, query: ReadQuery) -> None:
        self._relation = relation
        self._query = query

    def table(self) -> pa.Table:
        with _told(), self._relation.read(self._query, _BATCH_ROWS) as reading:
            return reading.table()

    def batches(self) -> Iterator[pa.RecordBatch]:
        with _told(), self._relation.read(self._query, _BATCH_ROWS) as reading:
            yield from reading

    def close(self) -> None:
        pass


class _SqlRows:
    """Rows of the reader's own SQL."""

    def __init__(self, reading: Any) -> None:
        self._reading = reading

    def table(self) -> pa.Table:
        with _told():
            return self._reading.table()

    def batches(self) -> Iterator[pa.RecordBatch]:
        with _told():
            yield from self._reading

    def close(self) -> None:
        self._reading.close()


@contextmanager
def _told() -> Iterator[None]:
    """A refusal of the guard as the client's error: the same as over HTTP."""
    try:
        yield
    except AccessError as error:
        raise error_of(error.status, error.code, error.message.rstrip("."), error.remedy, error.facts) from None
