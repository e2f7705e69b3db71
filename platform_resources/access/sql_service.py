"""SQL of consumers: decided over its parse tree, run in a confined process on masked copies of the ports it names."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from platform_resources.access.errors import AccessError, BadQueryError, TooManyRequestsError
from platform_resources.access.guard import Guard
from platform_resources.access.model import Caller
from platform_resources.access.relation import GuardedRelation
from platform_resources.access.sandbox import Answer, Sandbox, SandboxJob, SqlLimits
from platform_resources.access.sandbox.inside.wire import MAX_COPIES
from platform_resources.access.sandbox.process import copy_path
from platform_resources.access.sql_columns import columns_used
from platform_resources.control.audit_log import AuditLog
from platform_resources.lake import InvalidNameError, PortAddress, qualified, quote_identifier, quote_literal
from platform_resources.quality.checks import NotEvaluableError
from platform_resources.quality.sql_guard import Grants, check_query, name_of, parse, tree_nodes
from platform_resources.quality.sql_vocabulary import CONSUMERS

if TYPE_CHECKING:
    import pyarrow as pa

_RUNNING = 2  # queries at once in one process: each may take a core and `SqlLimits.memory`
_DEFAULT_LIMITS = SqlLimits()


@dataclass(frozen=True)
class ParsedQuery:
    """A query that was found harmless: its ports, and the names that may be columns (None: any)."""

    text: str
    ports: tuple[PortAddress, ...]
    names: frozenset[str] | None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


class SqlService:
    """`run` a query of a consumer. Safe between threads."""

    def __init__(self, guard: Guard, audit: AuditLog, sandbox: Sandbox | None = None) -> None:
        self._guard = guard
        self._audit = audit
        self._sandbox = sandbox or Sandbox()
        self._places = _Places(_RUNNING)
        self._parser: duckdb.DuckDBPyConnection | None = None
        self._parsing = threading.Lock()

    def prepare(self) -> None:
        """Start the confined processes that the first query needs, without waiting for them."""
        self._sandbox.prepare()

    def parse(self, text: str) -> ParsedQuery:
        """What a query reads.

        Raises
        ------
        BadQueryError
            when it is not one SELECT over ports, or uses what is not on the lists of `quality.sql_vocabulary`.
        """
        with self._parsing:
            if self._parser is None:
                config = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "threads": "1"}
                self._parser = duckdb.connect(config=config)
            try:
                tree = parse(self._parser, text)
                ports = _ports(tree)
                check_query(self._parser, text, _grants(ports), CONSUMERS)
            except (NotEvaluableError, InvalidNameError) as error:
                raise BadQueryError(f"the query is refused: {error}") from None
        if not ports:
            raise BadQueryError("the query reads no port", "Name one: select * from crm.customer_360.v1 limit 10")
        if len(ports) > MAX_COPIES:
            raise BadQueryError(f"the query reads {len(ports)} ports", f"Read at most {MAX_COPIES} at once.")
        return ParsedQuery(text, ports, columns_used(tree))

    def run(
        self,
        caller: Caller,
        text: str,
        purpose: str | None = None,
        limits: SqlLimits = _DEFAULT_LIMITS,
        door: str | None = None,
    ) -> SqlReading:
        """Answer one SELECT over ports, each as `caller` sees it: one publication, masked, its rows filtered.

        Every port is decided before anything is copied. The audit log has the query (its SHA-256: a text may hold
        personal values) before the first byte.

        Raises
        ------
        AccessError
            when a port may not be read or the query can't be answered; no message holds a value of the data.
        """
        query = self.parse(text)
        relations = {str(port): self._open(caller, port, purpose, door) for port in query.ports}
        used = {address: _columns(relation, query.names) for address, relation in relations.items()}
        entry = self._told(caller, query, relations, used)
        place = self._places.take(limits)
        try:
            with ExitStack() as opened:
                copies = [opened.enter_context(self._guard.copies.opened(relation)) for relation in relations.values()]
                setup = [s for i, r in enumerate(relations.values()) for s in _setup(i, r, used[str(r.port)])]
                answer = self._sandbox.run(SandboxJob(setup, text, copies, limits))
        except BaseException as error:
            self._places.free(place)
            if isinstance(error, AccessError):
                error.remedy = error.remedy or _columns_told(relations.values())
                self._audit.append("failed", caller.identity.id, entry=entry, code=error.code)
            raise
        return SqlReading(self, answer, caller, relations, used, entry, place)

    def _open(self, caller: Caller, port: PortAddress, purpose: str | None, door: str | None) -> GuardedRelation:
        return self._guard.open(caller, port, purpose=purpose)

    def _told(
        self,
        caller: Caller,
        query: ParsedQuery,
        relations: Mapping[str, GuardedRelation],
        used: Mapping[str, tuple[str, ...]],
    ) -> int:
        """The entry of a query in the audit log: of its ports the log's `port` is the first."""
        ports = {
            address: {
                "publication": relation.publication.number,
                "columns": list(used[address]),
                "masked": [name for name in relation.decision.profile.masked if name in used[address]],
                "filtered": bool(relation.decision.profile.filters),
                "grant": relation.decision.grant,
                "purpose": relation.decision.purpose,
            }
            for address, relation in relations.items()
        }
        return self._audit.append(
            "sql",
            caller.identity.id,
            next(iter(relations)),
            credential=caller.credential,
            ports=ports,
            sql_sha256=query.sha256,
        )

    def finished(self, reading: SqlReading) -> None:
        """Called by a reading that ends, once: frees its place and tells what was served."""
        self._places.free(reading.place)
        self._audit.append(
            "served",
            reading.caller.identity.id,
            next(iter(reading.relations)),
            entry=reading.entry,
            rows=reading.rows,
            bytes=reading.bytes,
        )

    def close(self) -> None:
        self._sandbox.close()
        with self._parsing:
            if self._parser is not None:
                self._parser.close()
                self._parser = None


class SqlReading:
    """The answer to a query, as record batches that come while they are computed; at its end it is counted.

    `relations` (address -> relation) tells the publication, masks and notices of each port; `columns` what was used.
    `truncated` is known at the end.
    """

    def __init__(
        self,
        service: SqlService,
        answer: Answer,
        caller: Caller,
        relations: Mapping[str, GuardedRelation],
        columns: Mapping[str, tuple[str, ...]],
        entry: int,
        place: object,
    ) -> None:
        self.schema: pa.Schema = answer.schema
        self.caller = caller
        self.relations = relations
        self.columns = columns
        self.entry = entry  # of the audit log
        self.place = place
        self.rows = 0
        self.bytes = 0
        self._answer = answer
        self._service = service
        self._open = True

    @property
    def truncated(self) -> bool:
        return self._answer.truncated

    @property
    def masked(self) -> dict[str, tuple[str, ...]]:
        """Port -> columns that the query uses and this reader gets masked; ports without any are left out."""
        found = {
            address: tuple(name for name in relation.decision.profile.masked if name in self.columns[address])
            for address, relation in self.relations.items()
        }
        return {address: names for address, names in found.items() if names}

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            for batch in self._answer:
                self.rows += batch.num_rows
                self.bytes += batch.nbytes
                yield batch
        finally:
            self.close()

    def table(self) -> pa.Table:
        import pyarrow as pa  # noqa: PLC0415  (40 ms, and only here)

        return pa.Table.from_batches(list(self), schema=self.schema)

    def close(self) -> None:
        self._answer.close()
        if self._open:
            self._open = False
            self._service.finished(self)

    def __enter__(self) -> SqlReading:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Places:
    """How many queries run at once. A place that is never given back is free when its query must be dead."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._taken: dict[object, float] = {}
        self._changed = threading.Condition()

    def take(self, limits: SqlLimits) -> object:
        until = time.monotonic() + limits.wait
        with self._changed:
            while not self._is_free():
                remaining = until - time.monotonic()
                if remaining <= 0:
                    raise TooManyRequestsError("too many queries are running", "Try again in a few seconds.")
                self._changed.wait(min(remaining, 1.0))
            place = object()
            self._taken[place] = time.monotonic() + limits.seconds
            return place

    def _is_free(self) -> bool:
        now = time.monotonic()
        self._taken = {place: end for place, end in self._taken.items() if end > now}
        return len(self._taken) < self._count

    def free(self, place: object) -> None:
        with self._changed:
            self._taken.pop(place, None)
            self._changed.notify()


def _ports(tree: dict[str, Any]) -> tuple[PortAddress, ...]:
    """The ports that a parsed query names, in the order of their addresses."""
    named = {name_of(node) for node in tree_nodes(tree) if node.get("type") == "BASE_TABLE"}
    # A bare name is a WITH part, or the guard refuses it.
    return tuple(sorted({PortAddress.parse(".".join(part for part in n if part)) for n in named if any(n[:2])}))


def _grants(ports: Iterable[PortAddress]) -> Grants:
    """A query may read the ports that it names, should the guard open them; nothing else can be written at all."""
    return Grants(frozenset(port.key for port in ports), named="a port; write <domain>.<product>.v<major>")


def _columns(relation: GuardedRelation, names: frozenset[str] | None) -> tuple[str, ...]:
    """The columns that a query uses of a port, in its order."""
    visible = relation.schema.names
    return tuple(name for name in visible if names is None or name.lower() in names)


def _columns_told(relations: Iterable[GuardedRelation]) -> str:
    """The columns that a reader may name, to mend a query with."""
    return "; ".join(f"{relation.port} has {', '.join(relation.schema.names)}" for relation in relations)


def _setup(number: int, relation: GuardedRelation, used: tuple[str, ...]) -> list[str]:
    """SQL that shows a copy under the port's name: the columns that the query uses; a count needs one of any."""
    port, copy = relation.port, quote_identifier(f"_copy{number}")
    shown = used or (min(relation.schema.names),)
    domain = quote_identifier(port.domain)  # no domain is called as a copy: names start with a letter
    return [
        f"ATTACH {quote_literal(copy_path(number))} AS {copy} (READ_ONLY)",
        f"ATTACH IF NOT EXISTS ':memory:' AS {domain}",
        f"CREATE SCHEMA IF NOT EXISTS {qualified(port.domain, port.product)}",
        f"CREATE VIEW {port.sql} AS SELECT {', '.join(map(quote_identifier, shown))} FROM {copy}.data",
    ]
