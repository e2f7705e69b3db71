"""The council's rules applied to the documents of the mesh."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from platform_resources.contracts import Contract, Domain, Finding, Mesh, Product, Severity
from platform_resources.contracts.documents import path_text
from platform_resources.contracts.findings import printable
from platform_resources.governance.days import today
from platform_resources.governance.facts import Need
from platform_resources.governance.fields import FieldPath, parse_field, place
from platform_resources.governance.messages import Template, compile_text
from platform_resources.governance.model import Candidate, Council, Judgement, Rule, Standing
from platform_resources.governance.model import Subject as Kind
from platform_resources.governance.predicates import Compiler, Predicate, fields_of
from platform_resources.governance.python_rules import Check, Problem, PythonRuleError, load_check, problems_of
from platform_resources.governance.subjects import (
    Around,
    Subject,
    World,
    publication,
    walk_inputs,
    walk_promises,
    walk_rules,
    walk_tables,
)

_SEVERITIES: Mapping[Standing, Severity] = {
    "blocks": "error",
    "warns": "warning",
    "grace": "warning",
    "announced": "info",
    "informs": "info",
}
_OF_PRODUCTS: tuple[Kind, ...] = ("product", "input")


@dataclass(frozen=True)
class _Ready:
    """A rule as functions. `require` or `check` decides."""

    rule: Rule
    where: Predicate | None
    require: Predicate | None
    check: Check | None
    at: FieldPath | None
    message: Template
    remedy: Template
    standing: Standing
    until: date | None
    needs: frozenset[Need]


class CompiledRules:
    """Rules made ready for one day and one council; what-if over many contracts makes them ready once."""

    def __init__(self, rules: Iterable[Rule], council: Council, now: datetime) -> None:
        self.council, self.today = council, today(now, council)
        self.failures: list[Judgement] = []
        self.by_kind: dict[Kind, list[_Ready]] = defaultdict(list)
        for rule in rules:
            try:
                self.by_kind[rule.applies_to].append(_ready(rule, council, self.today))
            except PythonRuleError as bad:
                self.failures.append(_failure(rule, f"The rule can't be used: {bad}."))


def judge_rules(
    mesh: Mesh, council: Council, now: datetime, *, domain: str | None = None, candidate: Candidate | None = None
) -> list[Judgement]:
    """Every breach of a rule of the council by a product of the mesh (of one domain), waivers aside.

    Sources are no products: what a feed looks like is for its domain to say.
    """
    rules = CompiledRules(council.rules, council, now)
    world = World(council, rules.today, mesh)
    run = _Run(rules, world)
    for owner in mesh.domains:
        if domain is None or owner.name == domain:
            for product in owner.products:
                run.product(owner, product)
                for port in product.ports:
                    measured = candidate if candidate is not None and candidate.address == port.address else None
                    run.contract(owner, product, port.contract, port.address, measured)
    return run.found


def judge_contract(
    rules: Sequence[Rule] | CompiledRules,
    contract: Contract,
    council: Council,
    now: datetime,
    product: Product | None = None,
    domain: Domain | None = None,
    candidate: Candidate | None = None,
) -> list[Judgement]:
    """What `rules` find in one contract alone, as it stands or stood.

    Rules that ask for what isn't known here are left out: those on products and `$product` without a `product`,
    `$domain` without a `domain`, and facts that follow from the whole mesh, such as `consumers`.
    """
    ready = rules if isinstance(rules, CompiledRules) else CompiledRules(rules, council, now)
    run = _Run(ready, World(council, ready.today))
    if product is not None:
        run.product(domain, product)
    run.contract(domain, product, contract, _address(contract, product), candidate)
    return run.found


class _Run:
    """One pass over subjects; `found` grows."""

    def __init__(self, rules: CompiledRules, world: World) -> None:
        self.rules, self.world = rules, world
        self.found: list[Judgement] = list(rules.failures)
        self.failed: set[str] = set()  # ids of Python rules that raised: told once

    def product(self, domain: Domain | None, product: Product) -> None:
        around = Around(self.world, domain, product)
        if around.product_subject is None:
            return
        name = domain.name if domain else product.domain
        ready = self._in_scope(_OF_PRODUCTS, name, product.status, around)
        if ready["product"]:
            self._judge((around.product_subject,), ready["product"], product.address)
        if ready["input"]:
            self._judge(walk_inputs(around.product_subject), ready["input"], product.address)

    def contract(
        self,
        domain: Domain | None,
        product: Product | None,
        contract: Contract,
        address: str,
        candidate: Candidate | None,
    ) -> None:
        around = Around(self.world, domain, product, contract, address)
        subject = around.contract_subject
        if subject is None:
            raise ValueError(f"contract {contract.id} has no document to be judged")
        owner = product.address if product is not None else address.rpartition(".")[0]
        name = domain.name if domain else contract.domain or address.partition(".")[0]
        kinds = tuple(kind for kind in self.rules.by_kind if kind not in _OF_PRODUCTS)
        ready = self._in_scope(kinds, name, contract.status, around)
        subjects: Mapping[Kind, Callable[[], Iterable[Subject]]] = {
            "contract": lambda: (subject,),
            "table": lambda: walk_tables(subject),
            "column": lambda: around.columns,
            "rule": lambda: walk_rules(subject, around.columns),
            "promise": lambda: walk_promises(subject),
            "publication": lambda: () if candidate is None else (publication(subject, candidate),),
        }
        for kind, chosen in ready.items():
            if chosen:
                self._judge(subjects[kind](), chosen, owner)

    def _in_scope(self, kinds: Iterable[Kind], domain: str, status: str, around: Around) -> dict[Kind, list[_Ready]]:
        """The rules that are for this product or contract, without those that ask for what isn't known here."""
        surroundings = {"domain": around.domain, "product": around.product, "mesh": self.world.mesh}
        known = {need for need, there in surroundings.items() if there is not None}
        return {
            kind: [
                ready
                for ready in self.rules.by_kind.get(kind, ())
                if ready.needs <= known and in_scope(ready.rule, domain, status, around)
            ]
            for kind in kinds
        }

    def _judge(self, subjects: Iterable[Subject], rules: Sequence[_Ready], product: str) -> None:
        plain = [(ready, ready.where, ready.require) for ready in rules if ready.require is not None]
        others = [ready for ready in rules if ready.require is None]
        for subject in subjects:
            for ready, where, require in plain:
                if (where is None or where(subject)) and not require(subject) and _meant(ready.rule, subject):  # type: ignore[misc]
                    self.found.append(_judgement(ready, subject, product))
            for ready in others:
                if (ready.where is None or ready.where(subject)) and _meant(ready.rule, subject):
                    self.found.extend(self._checked(ready, subject, product))

    def _checked(self, ready: _Ready, subject: Subject, product: str) -> Iterator[Judgement]:
        rule = ready.rule
        if rule.id in self.failed or ready.check is None or rule.python is None:
            return
        try:
            for problem in problems_of(ready.check, subject, rule.python):
                yield _judgement(ready, subject, product, problem)
        except PythonRuleError as bad:
            self.failed.add(rule.id)
            yield _failure(rule, f"The rule failed on {product}: {bad}. It has judged nothing since.")


def in_scope(rule: Rule, domain: str, status: str, around: Around) -> bool:
    """Whether a rule is for a contract (or product); a column's own classification is looked at later."""
    scope = rule.scope
    if scope.domains and domain not in scope.domains:
        return False
    if status not in scope.lifecycle if scope.lifecycle else status == "retired":
        return False
    if scope.tiers and not set(scope.tiers).intersection(around.tiers):
        return False
    return not scope.classifications or not around.classifications.isdisjoint(scope.classifications)


def _meant(rule: Rule, subject: Subject) -> bool:
    """Whether the column that a rule found is of a classification in its scope."""
    wanted, column = rule.scope.classifications, subject.column_subject
    return not wanted or column is None or column.data.get("classification") in wanted


def breaches(rule: Rule, subject: Subject) -> list[Finding]:
    """The findings of one rule on one subject, whatever its dates say. Raises PythonRuleError when it fails."""
    ready = _ready(rule, subject.around.world.council, rule.effective_from)
    if (ready.where is not None and not ready.where(subject)) or not _meant(rule, subject):
        return []
    if ready.require is not None:
        return [] if ready.require(subject) else [_judgement(ready, subject, "").finding]
    if ready.check is None or rule.python is None:
        return []
    return [_judgement(ready, subject, "", p).finding for p in problems_of(ready.check, subject, rule.python)]


def standing_of(rule: Rule, today: date) -> tuple[Standing, date | None]:
    """What a breach of the rule means today, and until (or from) when."""
    if today < rule.effective_from:
        return "announced", rule.effective_from
    if rule.grace_until is not None and today <= rule.grace_until:
        return "grace", rule.grace_until
    by_severity: Mapping[Severity, Standing] = {"error": "blocks", "warning": "warns", "info": "informs"}
    return by_severity[rule.severity], None


def _ready(rule: Rule, council: Council, today: date) -> _Ready:
    compiler = Compiler(rule.applies_to, council)
    standing, until = standing_of(rule, today)
    at = rule.at or next(iter(fields_of(rule.require)), None)
    return _Ready(
        rule,
        compiler.compile(rule.where) if rule.where else None,
        compiler.compile(rule.require) if rule.require else None,
        load_check(rule.python) if rule.python is not None else None,
        parse_field(at) if at else None,
        compile_text(rule.message or f"{rule.title.rstrip('.')}: this is not so here."),
        compile_text(rule.remedy),
        standing,
        until,
        frozenset(compiler.needs),
    )


def _judgement(ready: _Ready, subject: Subject, product: str, problem: Problem | None = None) -> Judgement:
    rule = ready.rule
    if problem is None:
        at, message, remedy = ready.at, ready.message(subject), ready.remedy(subject)
    else:
        at = parse_field(problem.path) if problem.path else ready.at
        message, remedy = printable(problem.message), printable(problem.remedy)
    document, path = place(at, subject)
    message = f"{message} {_when(ready)}".rstrip()
    finding = Finding(
        document.path, document.line(path), path_text(path), message, remedy, _SEVERITIES[ready.standing], rule.id
    )
    return Judgement(finding, ready.standing, product, rule, ready.until, subject.column)


def _when(ready: _Ready) -> str:
    if ready.standing == "announced":
        return f"The rule holds from {ready.until}."
    return f"Until {ready.until} this only warns." if ready.standing == "grace" else ""


def _failure(rule: Rule, message: str) -> Judgement:
    """A rule that can't judge: told on its own file, for the council, and against no product."""
    origin = rule.origin
    remedy = "Mend the Python file; nothing is known about what this rule asks for until then."
    finding = Finding(origin.file, origin.line, "python", printable(message), remedy, "error", rule.id)
    return Judgement(finding, "blocks", None, rule)


def _address(contract: Contract, product: Product | None) -> str:
    if product is not None:
        return f"{product.address}.v{contract.major}"
    return f"{contract.domain or contract.id.partition('.')[0]}.{contract.table.name}.v{contract.major}"
