"""SQL of consumers: decided over its parse tree, run in a confined process on masked copies of the ports it names."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

import duckdb

from platform_resources.access.consumer_sql.columns import columns_used
from platform_resources.access.consumer_sql.reading import Places, SqlReading, SqlTextReading
from platform_resources.access.consumer_sql.records import SqlRecords
from platform_resources.access.consumer_sql.sandbox import Answer, Sandbox, SandboxJob, SqlLimits, TextAnswer
from platform_resources.access.consumer_sql.sandbox.inside.wire import MAX_COPIES
from platform_resources.access.consumer_sql.sandbox.process import copy_path
from platform_resources.access.errors import AccessError, BadQueryError, DeniedError
from platform_resources.access.guard import Guard
from platform_resources.access.model import Caller
from platform_resources.access.relations.reading import Served
from platform_resources.access.relations.relation import GuardedRelation
from platform_resources.access.relations.rendering import TextForm
from platform_resources.access.relations.standing import ended_meanwhile
from platform_resources.control.audit_log import AuditLog
from platform_resources.lake import InvalidNameError, PortAddress, qualified, quote_identifier, quote_literal
from platform_resources.quality.checks import NotEvaluableError
from platform_resources.quality.sql_guard import Grants, check_query, name_of, parse, tree_nodes
from platform_resources.quality.sql_vocabulary import CONSUMERS

_HOW_TO_ASK = (
    "Write one SELECT over ports, each named by three parts as crm.customer_360.v1; docs/consuming.md has examples."
)
_RUNNING = 2  # queries at once in one process: each may take a core and `SqlLimits.memory`
_DEFAULT_LIMITS = SqlLimits()
_NOTHING = Served(0, 0, "failed", 0.0)


@dataclass(frozen=True)
class ParsedQuery:
    """A query that was found harmless: its ports, and the names that may be columns (None: any)."""

    text: str
    ports: tuple[PortAddress, ...]
    names: frozenset[str] | None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class _Asked:
    caller: Caller
    query: ParsedQuery
    purpose: str | None
    limits: SqlLimits
    door: str


_Sent = TypeVar("_Sent", Answer, TextAnswer)
_AnyReading = TypeVar("_AnyReading", SqlReading, SqlTextReading)


class SqlService:
    """`run` a query of a consumer. Safe between threads."""

    def __init__(self, guard: Guard, audit: AuditLog, sandbox: Sandbox | None = None) -> None:
        self._guard = guard
        self._records = SqlRecords(audit, guard.usage)
        self._sandbox = sandbox or Sandbox()
        self._places = Places(_RUNNING)
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
                raise BadQueryError(f"the query is refused: {error}", _HOW_TO_ASK) from None
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
        door: str = "sql",
    ) -> SqlReading:
        """Answer one SELECT over ports, each as `caller` sees it: one publication, masked, its rows filtered.

        Every port is decided before anything is copied. The audit log has the query (its SHA-256: a text may hold
        personal values) before the first byte.

        Raises
        ------
        AccessError
            when a port may not be read or the query can't be answered; no message holds a value of the data.
        """
        asked = _Asked(caller, self.parse(text), purpose, limits, door)
        return self._answered(asked, self._sandbox.run, SqlReading)

    def run_text(
        self,
        caller: Caller,
        text: str,
        form: TextForm,
        purpose: str | None = None,
        limits: SqlLimits = _DEFAULT_LIMITS,
        door: str = "sql",
    ) -> SqlTextReading:
        """The same as text, which is written where the query runs, within its limits."""
        asked = _Asked(caller, self.parse(text), purpose, limits, door)
        return self._answered(asked, lambda job: self._sandbox.run_text(job, form), SqlTextReading)

    def _answered(
        self, asked: _Asked, run: Callable[[SandboxJob], _Sent], reading: Callable[..., _AnyReading]
    ) -> _AnyReading:
        query, limits = asked.query, asked.limits
        relations = {
            str(p): self._guard.open(asked.caller, p, purpose=asked.purpose, door=asked.door) for p in query.ports
        }
        columns = {address: _columns(relation, query.names) for address, relation in relations.items()}
        entries = self._records.query_begun(relations, columns, query.sha256)

        def told(served: Served) -> None:
            self._records.query_ended(relations, columns, entries, served)

        try:
            place = self._places.take(limits)
            try:
                answer = self._start(query, relations, columns, limits, run)
            except BaseException:  # also Ctrl-C: a place that is not freed is lost for good
                self._places.free(place)
                raise
        except AccessError as error:
            told(_NOTHING)
            error.remedy = error.remedy or _columns_told(relations.values())
            raise

        def ended(served: Served) -> None:
            self._places.free(place)
            told(served)

        def refused() -> DeniedError | None:
            gone = (r for r in relations.values() if not self._guard.still_stands(r))
            return next((ended_meanwhile(relation.port) for relation in gone), None)

        return reading(answer, relations, columns, entries, ended, refused)

    def _start(
        self,
        query: ParsedQuery,
        relations: Mapping[str, GuardedRelation],
        columns: Mapping[str, tuple[str, ...]],
        limits: SqlLimits,
        run: Callable[[SandboxJob], _Sent],
    ) -> _Sent:
        with ExitStack() as opened:
            copies = [opened.enter_context(self._guard.copies.opened(relation)) for relation in relations.values()]
            setup = [
                statement
                for number, (address, relation) in enumerate(relations.items())
                for statement in view_statements(number, relation, columns[address])
            ]
            return run(SandboxJob(setup, query.text, copies, limits))

    def close(self) -> None:
        self._sandbox.close()
        with self._parsing:
            if self._parser is not None:
                self._parser.close()
                self._parser = None


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


def view_statements(number: int, relation: GuardedRelation, used: tuple[str, ...]) -> list[str]:
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
