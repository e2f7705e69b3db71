"""`mesh whatif`: a proposed rule, run as if it blocked now, over today's products and everything ever published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from platform_resources.contracts import ContractError, Domain, Finding, Mesh, Product, contract_of_text
from platform_resources.governance import (
    Candidate,
    CompiledRules,
    Council,
    Judgement,
    Rule,
    judge_contract,
    judge_rules,
)
from platform_resources.governance.waivers import waive
from platform_resources.self_service.history import History, Run

_NO_HISTORY = {
    "product": "the log keeps contracts, not product documents: what products said earlier is not known",
    "input": "the log keeps contracts, not product documents: what products read earlier is not known",
}
_OF_TODAY = {
    "$product": "the rule looks at the product's document: for the past, today's is taken",
    "$domain": "the rule looks at the domain's descriptor: for the past, today's is taken",
    "$facts.consumers": "who read a port earlier is not kept: for the past, the rule sees no consumers",
    "$facts.inputStates": "the states of inputs are not kept: for the past, the rule sees none",
    "$facts.slowestInput": "what inputs promised is not kept: for the past, the rule sees nothing of it",
}


@dataclass(frozen=True)
class Failing:
    """A product that the rule would keep from being published today."""

    product: str
    findings: tuple[Finding, ...]
    waived_until: date | None = None  # a waiver of this rule holds that long: it would be published all the same


@dataclass(frozen=True)
class Stretch:
    """Publications of one port in a row that the rule would have refused."""

    port: str
    first: int
    last: int
    since: datetime
    until: datetime
    versions: tuple[str, ...]  # of the contract
    messages: tuple[str, ...]  # what would have been found, each once
    count: int


@dataclass(frozen=True)
class WhatIf:
    """What enacting a rule would do, and would have done."""

    rule: Rule
    products: tuple[str, ...]  # that were judged
    failing: tuple[Failing, ...]
    publications: int  # that were judged
    stretches: tuple[Stretch, ...]
    notes: tuple[str, ...]  # what this answer can't know

    @property
    def refused(self) -> int:
        """Publications that would have been refused."""
        return sum(stretch.count for stretch in self.stretches)


def what_if(rule: Rule, mesh: Mesh, council: Council, history: History, now: datetime) -> WhatIf:
    """Run `rule` over the products of the mesh and over the history.

    It is taken as if it blocked at once: dates, grace and severity are for the council to choose afterwards. Each
    distinct contract is judged once (a rule that looks at the day: once for each day on which it was published).

    Raises
    ------
    ContractError
        when the rule is a program that can't be loaded.
    """
    enacted = replace(rule, severity="error", effective_from=date.min, grace_until=None)
    compiled = CompiledRules((enacted,), council, now)
    if compiled.failures:
        raise ContractError([item.finding for item in compiled.failures])
    notes = list(_notes(rule, mesh, council))
    last = {run.port: run for run in history.runs}
    if rule.applies_to == "publication":
        today = _today_by_last_run(compiled, mesh, council, last, now)
        products = tuple(sorted({address.rpartition(".")[0] for address in mesh.ports if address in last}))
        unpublished = sorted({product.address for product in mesh.products} - set(products))
        if unpublished:
            notes.append(f"never published, so there is nothing to judge: {', '.join(unpublished)}")
    else:
        today = judge_rules(mesh, replace(council, rules=(enacted,)), now)
        products = tuple(sorted(product.address for product in mesh.products))
    notes += [f"{item.finding.message} {item.finding.remedy}" for item in today if item.product is None]
    today = [item for item in today if item.product is not None]
    past = () if rule.applies_to in _NO_HISTORY else tuple(_past(enacted, compiled, mesh, council, history, now))
    unreadable = sorted({run.port for run, found in past if found is None})
    if unreadable:
        notes.append(
            f"contracts in the log of {', '.join(unreadable)} can't be read, so their publications are left out"
        )
    judged = [(run, found) for run, found in past if found is not None]
    return WhatIf(
        rule,
        products,
        tuple(_failing(waive(today, council.waivers, now))),
        len(judged),
        tuple(_stretches(judged)),
        tuple(notes),
    )


def _notes(rule: Rule, mesh: Mesh, council: Council) -> Iterator[str]:
    if rule.severity != "error":
        yield f"its severity is {rule.severity}: enacted as it is written, it would tell and refuse nothing"
    if any(
        other.id == rule.id and other.origin.file.resolve() != rule.origin.file.resolve() for other in council.rules
    ):
        yield f"the council has a rule {rule.id} already; here the proposed one is run instead"
    blocked = [f"{name}.{product}" for name, loaded in mesh.usable.items() for product in loaded.blocked]
    blocked += [f"{name} (all of it)" for name in mesh.broken]
    if blocked:
        yield f"their documents have errors, so they can't be judged: {', '.join(sorted(blocked))}"
    if rule.applies_to in _NO_HISTORY:
        yield _NO_HISTORY[rule.applies_to]
        return
    texts = set(_texts((rule.where, rule.require)))
    for start, note in _OF_TODAY.items():
        if any(text == start or text.startswith(f"{start}.") for text in texts):
            yield note
    if rule.python is not None:
        yield "the rule is a program: what it looks up besides the contract is as it is today"


def _texts(value: Any) -> Iterator[str]:
    """Every text in a predicate, fields among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _today_by_last_run(
    compiled: CompiledRules, mesh: Mesh, council: Council, last: Mapping[str, Run], now: datetime
) -> list[Judgement]:
    """A rule on publications, judged on what was measured last, with the contracts of the working tree."""
    found: list[Judgement] = []
    for address, (product, port) in mesh.ports.items():
        if address in last:
            domain = mesh.usable[product.domain].domain
            found += judge_contract(compiled, port.contract, council, now, product, domain, _candidate(last[address]))
    return found


def _candidate(run: Run) -> Candidate:
    return Candidate(run.port, run.score, run.scores, run.rows, run.age_seconds)


def _past(
    rule: Rule, compiled: CompiledRules, mesh: Mesh, council: Council, history: History, now: datetime
) -> Iterator[tuple[Run, tuple[str, ...] | None]]:
    """Every run with what the rule would have found: messages; None where its contract can't be read."""
    by_day = rule.python is not None or "today" in set(_texts((rule.where, rule.require)))
    by_run = rule.applies_to == "publication"
    ready = {now.date(): compiled}
    known: dict[tuple[Any, ...], tuple[str, ...] | None] = {}
    for run in history.runs:
        day = run.published_at.date() if by_day else now.date()
        key = (
            run.port,
            run.sha256,
            day,
            (run.score, run.rows, run.age_seconds, *run.scores.items()) if by_run else None,
        )
        if key not in known:
            if day not in ready:
                ready[day] = CompiledRules((rule,), council, run.published_at)
            moment = run.published_at if by_day else now
            known[key] = _found_in(
                ready[day], mesh, council, history.text(run), run if by_run else None, run.port, moment
            )
        yield run, known[key]


def _found_in(
    rules: CompiledRules,
    mesh: Mesh,
    council: Council,
    text: str | None,
    measured: Run | None,
    port: str,
    now: datetime,
) -> tuple[str, ...] | None:
    try:
        contract = contract_of_text(text, f"{port}.odcs.yaml") if text is not None else None
    except ContractError:
        contract = None
    if contract is None:
        return None
    domain, product = _home(mesh, port)
    candidate = None if measured is None else _candidate(measured)
    found = judge_contract(rules, contract, council, now, product, domain, candidate)
    return tuple(dict.fromkeys(item.finding.message for item in found if item.product is not None))


def _home(mesh: Mesh, port: str) -> tuple[Domain | None, Product | None]:
    """Domain and product of a port as they are today, as far as they are still there."""
    name, product, _ = port.split(".")
    domain = mesh.usable[name].domain if name in mesh.usable else None
    products = domain.products if domain is not None else ()
    return domain, next((found for found in products if found.name == product), None)


def _failing(judgements: Sequence[Judgement]) -> Iterator[Failing]:
    by_product: dict[str, list[Judgement]] = {}
    for item in judgements:
        by_product.setdefault(str(item.product), []).append(item)
    for product, items in sorted(by_product.items()):
        waived = [item.until for item in items if item.standing == "waived" and item.until is not None]
        all_waived = waived and len(waived) == len(items)
        yield Failing(product, tuple(item.finding for item in items), min(waived) if all_waived else None)


def _stretches(runs: Sequence[tuple[Run, tuple[str, ...]]]) -> Iterator[Stretch]:
    """Refused runs of a port that follow each other, as one."""
    open_: list[tuple[Run, tuple[str, ...]]] = []
    for run, found in runs:
        if open_ and (not found or open_[-1][0].port != run.port):
            yield _stretch(open_)
            open_ = []
        if found:
            open_.append((run, found))
    if open_:
        yield _stretch(open_)


def _stretch(runs: Sequence[tuple[Run, tuple[str, ...]]]) -> Stretch:
    first, last = runs[0][0], runs[-1][0]
    versions = tuple(dict.fromkeys(run.version for run, _ in runs))
    messages = tuple(dict.fromkeys(message for _, found in runs for message in found))
    return Stretch(
        first.port, first.number, last.number, first.published_at, last.published_at, versions, messages, len(runs)
    )
