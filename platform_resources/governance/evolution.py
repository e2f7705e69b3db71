"""What changed against the published promise, whom it breaks, and who consented.

A port may change within its major version as long as no consumer is broken by it. What breaks somebody goes into a new
major beside the old one, unless every registered consumer that reads what is touched has consented to exactly this
version. Where nobody is registered nobody can be asked: then it warns. A contract that is published as a draft may
change in any way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from platform_resources.contracts import (
    Change,
    Comparison,
    ContractError,
    Finding,
    Mesh,
    OutputPort,
    Product,
    Severity,
    compare_contracts,
    contract_of_text,
)
from platform_resources.contracts.changes.model import CLASSIFICATIONS, TIERS, Step, raised, version_key
from platform_resources.contracts.findings import shown
from platform_resources.contracts.nodes import Node
from platform_resources.governance.consumers import Consumer, check_inputs, consumers_of, load_consumers, unregistered
from platform_resources.governance.model import Council, Judgement, PublishedPort, Standing

_SEVERITIES: dict[Standing, Severity] = {"blocks": "error", "warns": "warning", "informs": "info"}
_COLUMNS_TOLD = 3
_LONG = 50  # characters of a value that are read at a glance
NOTICE_DAYS = 30  # an end at least so far away asks nobody: within a month every team releases, so it can move


def judge_changes(
    mesh: Mesh,
    published: Mapping[str, PublishedPort],
    now: datetime,
    *,
    domain: str | None = None,
    classifications: Sequence[str] = CLASSIFICATIONS,
    tiers: Sequence[str] = TIERS,
) -> list[Judgement]:
    """Judgements on changed contracts of published ports, and on what is said of consumers.

    `classifications`: their names in rising secrecy; `tiers`: theirs, from that which promises least. A
    contract that is byte for byte what is published costs nothing.
    """
    found: list[Judgement] = []
    orders = (classifications, tiers)
    for product in mesh.products:
        if domain not in (None, product.domain):
            continue
        found += _judge_consumers(mesh, product)
        for port in product.ports:
            served, document = published.get(port.address), port.contract.document
            if served is not None and document is not None and document.raw != served.document.encode():
                found += _judge_port(mesh, product, port, served, now, orders)
    return found


def by_secrecy(council: Council) -> tuple[str, ...]:
    """Names of the council's classifications in rising secrecy; those of the platform where it has none."""
    ranked = sorted(council.classifications.values(), key=lambda classification: classification.rank)
    return tuple(classification.name for classification in ranked) or CLASSIFICATIONS


def strictest(classifications: Iterable[str], order: Sequence[str]) -> str | None:
    """The most secret of some classifications, `order` being their names in rising secrecy; None of none.

    One that the council doesn't know counts as more secret than all.
    """
    names = sorted(set(classifications))
    return max(names, key=lambda name: order.index(name) if name in order else len(order), default=None)


def by_promise(council: Council) -> tuple[str, ...]:
    """Names of the council's tiers from that which promises least; those of the platform where it has none.

    `tiers.yaml` names the tier that promises most first.
    """
    return tuple(reversed(council.tiers)) or TIERS


def _judge_consumers(mesh: Mesh, product: Product) -> Iterator[Judgement]:
    """An unreadable list of consumers blocks: whom a change hits would not be known."""
    for finding in (*load_consumers(product)[1], *check_inputs(mesh, product)):
        yield Judgement(finding, "blocks" if finding.severity == "error" else "warns", product.address)


@dataclass(frozen=True)
class _Case:
    """One port whose contract is not what is published."""

    mesh: Mesh
    product: Product
    port: OutputPort
    comparison: Comparison
    now: datetime

    @property
    def address(self) -> str:
        return self.port.address

    @property
    def version(self) -> str:
        return self.comparison.after.version

    @property
    def is_raised(self) -> bool:
        return version_key(self.version) > version_key(self.comparison.before.version)

    @property
    def next_major(self) -> str:
        return f"{self.product.address}.v{self.port.major + 1}"

    def asked(self, change: Change, consumers: Sequence[Consumer]) -> list[Consumer]:
        """The consumers whom a change hits and who have not consented to it."""
        return [
            consumer
            for consumer in consumers
            if consumer.reads(change.columns)
            and not (self.is_raised and consumer.has_consented(self.version, change.columns, self.now))
        ]

    def judged(self, change: Change, standing: Standing, message: str, remedy: str) -> Judgement:
        file, line = self.port.contract.file, change.place_line
        severity = _SEVERITIES[standing]
        finding = Finding(file, line, change.place, message, remedy, severity, "breaking-change")
        column = change.columns[0] if len(change.columns) == 1 else None
        return Judgement(finding, standing, self.product.address, column=column)


def _judge_port(
    mesh: Mesh,
    product: Product,
    port: OutputPort,
    served: PublishedPort,
    now: datetime,
    orders: tuple[Sequence[str], Sequence[str]],
) -> Iterator[Judgement]:
    try:
        before = contract_of_text(served.document, f"{port.address} {served.version} (published)")
    except ContractError as refused:
        reason = refused.findings[0].message
        message = f"What is published as {port.address} can't be compared with: {reason}"
        yield _at_version(product, port, "warns", "published-unreadable", message, "Publish it anew.")
        return
    comparison = compare_contracts(before, port.contract, *orders)
    if not comparison.changes:
        return  # comments and layout
    case = _Case(mesh, product, port, comparison, now)
    yield from _judge_version(case)
    if before.status in ("draft", "proposed"):
        return
    breaking = [change for change in comparison.breaking if not _is_end_of_life(change, comparison, now)]
    consumers = consumers_of(mesh, port.address, comparison) if breaking else ()
    if breaking:
        consumers += unregistered(served.holders(), consumers, product, port.address)
    told: dict[frozenset[str], int] = {}  # who is asked -> line that says how they consent
    for change in breaking:
        asked = case.asked(change, consumers)
        names = frozenset(consumer.name for consumer in asked)
        line = next((line for others, line in told.items() if names <= others), None)
        if asked and line is not None:
            remedy = f"As for line {line}: one consent to the version, one new major, or take the change back."
            yield case.judged(change, "blocks", _unconsented(case, change, asked), remedy)
            continue
        if asked:
            told[names] = change.place_line
        yield _judge_change(case, change, consumers, alone=len(breaking) == 1)


def _is_end_of_life(change: Change, comparison: Comparison, now: datetime) -> bool:
    """Whether a change is a step of the port's life, which `lifecycle` judges: it can't wait for everybody's consent.

    An end of support that comes earlier than was promised is none, nor is a first one that leaves no time to move.
    """
    if change.keys == ("status",):
        return True
    if not _is_new_end(change):
        return False
    if comparison.after.status == "retired":  # who still reads it, and whether that may be forced, is asked there
        return True
    end = comparison.after.end_of_support
    return comparison.after.status == "deprecated" and end is not None and end >= _earliest_end(now)


def _is_new_end(change: Change) -> bool:
    return change.kind == "added" and change.keys == ("slaProperties", "endOfSupport")


def _earliest_end(now: datetime) -> date:
    """The first day on which a port may end without consents."""
    return now.date() + timedelta(days=NOTICE_DAYS)


def _judge_version(case: _Case) -> Iterator[Judgement]:
    old, new, wanted = case.comparison.before.version, case.version, wanted_version(case.comparison)
    remedy = f"Write `version: {wanted}`."
    if version_key(new) < version_key(old):
        message = f"{case.address} is published as {old}; {new} would take its consumers back."
        yield _at_version(case.product, case.port, "blocks", "version-lowered", message, remedy)
    elif version_key(new) < version_key(wanted):
        count = sum(change.keys != ("version",) for change in case.comparison.changes)
        what = "1 field differs" if count == 1 else f"{count} fields differ"
        message = f"{what} from what is published as {case.address} {old}, and the version is {new}."
        yield _at_version(case.product, case.port, "warns", "version-not-raised", message, remedy)


def wanted_version(comparison: Comparison) -> str:
    """The version within the same major that the changes ask for; whether the major may stay is judged by itself."""
    step: Step | None = "minor" if comparison.step == "major" else comparison.step
    return raised(comparison.before.version, step)


def _unconsented(case: _Case, change: Change, asked: Sequence[Consumer]) -> str:
    told = f"{what_changed(change)} {change.reason}"
    return f"{told} Without consent of {_named(asked, change)}.{_strange(asked, case.version)}"


def _judge_change(case: _Case, change: Change, consumers: Sequence[Consumer], *, alone: bool) -> Judgement:
    told = f"{what_changed(change)} {change.reason}"
    asked = case.asked(change, consumers)
    if asked:
        remedy = _remedy(case, change, asked, change.columns if alone else ())
        return case.judged(change, "blocks", _unconsented(case, change, asked), remedy)
    hit = [consumer for consumer in consumers if consumer.reads(change.columns)]
    if hit:
        message = f"{told} {_named(hit, change)} consented to {case.version}."
        return case.judged(change, "informs", message, "Nothing: publish it.")
    if consumers:
        message = f"{told} No registered consumer of {case.address} reads it, so nobody is asked."
        remedy = f"Publish it as {case.next_major} if somebody may read it all the same."
        return case.judged(change, "warns", message, remedy)
    message = f"{told} Nobody is registered as a consumer of {case.address}, so nobody is asked."
    remedy = f"Publish it as {case.next_major} if somebody may read it all the same, or register its consumers."
    if _is_new_end(change):
        remedy = f"End it on {_earliest_end(case.now)} or later, or register its consumers."
    return case.judged(change, "warns", message, remedy)


def _strange(asked: Sequence[Consumer], version: str) -> str:
    """Why the consents that stand there don't count, where others gave them."""
    pairs = [(approver, consumer) for consumer in asked for approver in consumer.strangers(version)]
    return "".join(
        f" The consent by {approver} doesn't count for {consumer.name}: it is not theirs to give."
        for approver, consumer in pairs
    )


def what_changed(change: Change) -> str:
    """The field and its values: "`email.mask` is `none` instead of `hash`."."""
    name = f"`{change.field}`"
    if change.kind == "removed":
        return f"{name} is gone."
    if change.kind == "added":
        return f"{name} is new."
    now, was = change.after, change.before
    if isinstance(now, str) and isinstance(was, str) and len(now) > _LONG and len(was) > _LONG:
        same = next((i for i, (a, b) in enumerate(zip(now, was, strict=False)) if a != b), min(len(now), len(was)))
        begin = max(same - _LONG // 4, 0)  # of two long texts, the place where they part is what is of interest
        now, was = (("…" if begin else "") + text[begin:] for text in (now, was))
    return f"{name} is {shown(now)} instead of {shown(was)}."


def _named(consumers: Sequence[Consumer], change: Change) -> str:
    return ", ".join(f"{consumer.name} ({_fields(consumer, change)})" for consumer in consumers)


def _fields(consumer: Consumer, change: Change) -> str:
    """The columns that a consumer reads, those that are touched first."""
    if consumer.columns is None:
        return "reads all columns"
    changed = {name.casefold() for name in change.columns}
    touched = [name for name in consumer.columns if name.casefold() in changed]
    names = [*touched, *(name for name in consumer.columns if name not in touched)]
    more = len(names) - _COLUMNS_TOLD
    return f"reads {', '.join(names[:_COLUMNS_TOLD])}{f' and {more} more' if more > 0 else ''}"


def _remedy(case: _Case, change: Change, asked: Sequence[Consumer], touched: Sequence[str]) -> str:
    """How to go on; consents are for the columns `touched`, or for all that the version changes."""
    version = case.version if case.is_raised else wanted_version(case.comparison)
    columns = f", columns: [{', '.join(touched)}]" if touched else ""
    places: dict[str, list[str]] = {}  # what to write -> who, and where; one person often answers for several
    for consumer in asked:
        consent = f"{{version: {version}, approver: {consumer.contact or 'person@example.com'}, given: "
        consent += f"{case.now.date()}{columns}}}"
        entry = (
            f"`{{property: consents, value: [{consent}]}}` to the customProperties of the input port"
            if consumer.kind == "product"
            else f"`consents: [{consent}]` to the entry"
        )
        if not consumer.is_registered:
            entry = f"an entry with its name, kind, contact, ports and `consents: [{consent}]`, as it holds a grant"
        places.setdefault(entry, []).append(f"{consumer.name} ({_place(consumer, case.mesh)})")
    consents = "; ".join(f"{', '.join(who)} by adding {entry}" for entry, who in places.items())
    raising = "" if case.is_raised else f"write `version: {version}`, and "
    if _is_new_end(change) and case.comparison.after.status == "deprecated":
        return (
            f"End it on {_earliest_end(case.now)} or later, so that they have {NOTICE_DAYS} days to move; "
            f"or {raising}have everybody consent: {consents}; or take the change back."
        )
    return (
        f"Leave this port as it is and publish the change as {case.next_major} beside it (mesh new version "
        f"{case.product.address}); or {raising}have everybody consent: {consents}; or take the change back."
    )


def _place(consumer: Consumer, mesh: Mesh) -> str:
    file = consumer.origin.file
    shown_file = file.relative_to(mesh.folder.parent) if file.is_relative_to(mesh.folder.parent) else file
    return f"{shown_file}:{consumer.origin.line}"


def _at_version(
    product: Product, port: OutputPort, standing: Standing, code: str, message: str, remedy: str
) -> Judgement:
    document = port.contract.document
    if document is None:
        raise ValueError(f"the contract of {port.address} was made without its document")
    node = Node(document, document.data).at("version")
    return Judgement(node.finding(code, message, remedy, _SEVERITIES[standing]), standing, product.address)
