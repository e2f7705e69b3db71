"""Columns of a contract to be written: what a profile suggests, each line with its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from platform_resources.governance import Council, SemanticType
from platform_resources.governance.terms import Glossary, Term, link_to, normal
from platform_resources.self_service.classifying import suggest
from platform_resources.self_service.profiling import KEY_NAME, ColumnProfile, Profile, plain_number
from platform_resources.self_service.typing_texts import MONEY_NAME
from platform_resources.self_service.yaml_text import comment, flow, scalar

STRONG = 100  # rows from which on what holds for every row is promised; below, it is only told
_LOGICAL = (
    ("VARCHAR", "string"), ("DATE", "date"), ("TIMESTAMP", "timestamp"), ("TIME", "time"), ("DECIMAL", "number"),
    ("DOUBLE", "number"), ("FLOAT", "number"), ("BOOLEAN", "boolean"), ("STRUCT", "object"), ("MAP", "object"),
)  # fmt: skip


@dataclass(frozen=True)
class ColumnDraft:
    """A column as it will stand in a contract."""

    name: str
    type: str
    description: str | None = None
    title: str | None = None
    required: bool = False
    key_position: int | None = None
    classification: str = "internal"
    options: Mapping[str, Any] = field(default_factory=dict)
    rules: tuple[Mapping[str, Any], ...] = ()
    custom: tuple[Mapping[str, Any], ...] = ()  # customProperties
    term: str | None = None  # link into a glossary
    evidence: Mapping[str, str] = field(default_factory=dict)  # field ("name" for the column) -> what speaks for it
    logical: str | None = None
    is_empty: bool = False  # no value was ever seen

    @property
    def logical_type(self) -> str | None:
        return self.logical or logical_type(self.type)

    def lines(self) -> list[str]:
        """YAML of the column, its first line beginning with `- `."""
        said: list[tuple[str, str, Any]] = [
            ("name", "name", self.name),
            ("businessName", "title", self.title),
            ("logicalType", "logical", self.logical_type),
            ("physicalType", "type", self.type),
            ("required", "required", True if self.required or self.key_position else None),
            ("primaryKey", "key", True if self.key_position else None),
            ("primaryKeyPosition", "position", self.key_position),
            ("classification", "classification", self.classification),
            ("description", "description", self.description),
        ]
        lines = [f"{key}: {scalar(value)}{self._told(mark)}" for key, mark, value in said if value is not None]
        if self.options:
            lines.append(f"logicalTypeOptions: {flow(self.options)}{self._told('options')}")
        if self.term:
            lines.append("authoritativeDefinitions:")
            lines.append(f"  - {flow({'type': 'glossary', 'url': self.term})}{self._told('term')}")
        if self.rules:
            lines.append("quality:")
            for rule in self.rules:
                first, *others = [f"{key}: {flow(value)}" for key, value in rule.items()]
                lines += [f"  - {first}", *(f"    {line}" for line in others)]
        if self.custom:
            lines.append("customProperties:")
            lines += [f"  - {flow(entry)}" for entry in self.custom]
        return [f"- {lines[0]}", *(f"  {line}" for line in lines[1:])]

    def _told(self, mark: str) -> str:
        return comment(self.evidence.get(mark, ""))


def logical_type(type_: str) -> str | None:
    """The ODCS logicalType of a DuckDB type."""
    if type_.endswith("]"):
        return "array"
    if type_.removeprefix("U") in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"):
        return "integer"
    return next((logical for prefix, logical in _LOGICAL if type_.startswith(prefix)), "string")


def drafts(
    found: Profile, council: Council, glossary: Glossary, domain: str, *, source: bool = False
) -> list[ColumnDraft]:
    """What the profile of a table suggests for each of its columns.

    `source`: for the contract of a landed feed, where a broken rule refuses a whole file: only types and the key block.
    """
    key = _promised_key(found)
    made = []
    for column in found.columns:
        position = key.index(column.name) + 1 if column.name in key else None
        made.append(_draft(column, found, position, council, glossary, domain, source))
    return made


def _promised_key(found: Profile) -> tuple[str, ...]:
    """The key, when there are enough rows to believe in it, or its name says so."""
    if not found.key:
        return ()
    named = any(KEY_NAME.search(name) for name in found.key)
    return found.key if found.rows >= STRONG or (named and found.rows >= 2) else ()


def _draft(
    column: ColumnProfile,
    found: Profile,
    position: int | None,
    council: Council,
    glossary: Glossary,
    domain: str,
    source: bool,
) -> ColumnDraft:
    suggested = suggest(column, council, position is not None)
    hidden = suggested.mask is not None
    evidence = {"name": "; ".join(_seen(column, hidden))}
    type_, options = column.type, {}
    custom: list[Mapping[str, Any]] = []
    semantic = semantic_type(council, column)
    if semantic is not None and not source:
        type_, options = semantic.physical_type, dict(semantic.options)
        evidence["type"] = f"semantic type {semantic.id} of the council"
    elif position is not None and column.is_whole and isinstance(column.minimum, int) and column.minimum >= 1:
        options = {"minimum": 1}
        evidence["options"] = "a number that identifies; none below 1 was seen"
    if suggested.mask is not None and not source:
        custom.append({"property": "mask", "value": dict(suggested.mask)})
    if suggested.reason:
        evidence["classification"] = suggested.reason
    if position is not None:
        evidence["key"] = _key_evidence(found)
    filled = column.rows > 0 and column.filled == column.rows
    # A masked date becomes NULL for most readers, so it can't be promised to be there.
    required = filled and column.rows >= STRONG and not source and not (hidden and not column.is_text)
    if required and position is None:
        evidence["required"] = f"filled in all {column.rows:,} rows"
    term = _term(glossary, domain, column.name)
    if term is not None:
        evidence["term"] = f"same name as the term {term.address}"
    return ColumnDraft(
        name=column.name,
        type=type_,
        title=column.written if column.written and column.written != column.name else None,
        required=required,
        key_position=position,
        classification=suggested.classification,
        options=options,
        rules=() if source else tuple(_rules(column, hidden)),
        custom=tuple(custom),
        term=None if term is None or source else link_to(term.address, domain),
        evidence=evidence,
        is_empty=column.rows > 0 and not column.filled,
    )


def _key_evidence(found: Profile) -> str:
    if len(found.key) == 1:
        return f"0 duplicates in {found.rows:,} rows"
    return f"together with {len(found.key) - 1} more: 0 duplicates in {found.rows:,} rows; no single column has none"


def _seen(column: ColumnProfile, hidden: bool) -> list[str]:
    """What was counted, in words; values of personal columns are not told."""
    if not column.rows:
        return ["no rows were seen", *column.notes]
    told = [f"{column.filled:,} of {column.rows:,} rows filled"]
    if not column.filled:
        return [*told, "nothing is known of its values", *column.notes]
    if column.is_unique:
        told.append("0 duplicates")
    elif column.exact and column.distinct:
        told.append(f"{column.distinct:,} distinct")
    elif column.distinct:
        told.append(f"about {column.distinct:,} distinct")
    if not hidden and column.minimum is not None:
        told.append(f"{column.minimum} to {column.maximum}")
    if column.longest is not None:
        lengths = f"{column.shortest} to {column.longest}" if column.shortest != column.longest else f"{column.longest}"
        told.append(f"{lengths} characters")
    return [*told, *column.notes]


def _rules(column: ColumnProfile, hidden: bool) -> list[dict[str, Any]]:
    """Rules that the data suggests without proving them: they warn."""
    found: list[dict[str, Any]] = []
    if column.rows < STRONG or not column.filled:
        return found
    warns = {"mustBe": 0, "dimension": "conformity", "severity": "warning"}
    base = {"type": "library", "metric": "invalidValues"}
    if column.pattern is not None:
        arguments = {"pattern": column.pattern}
        told = f"All {column.filled:,} values seen were of the form {column.kind}."
        name = f"{column.name[:40]}_has_the_form_of_{_slug(column.kind)}"
        found.append({"name": name, "description": told, **base, "arguments": arguments, **warns})
    few = 1 < len(column.values) <= max(2, column.filled // 10)
    if few and column.is_text and not hidden and column.pattern is None:
        values = [value for value, _ in column.values]
        if all(len(value) <= 60 and value.isprintable() and value.strip() == value for value in values):
            told = f"The {len(values)} values seen in {column.filled:,} rows."
            name = f"{column.name[:46]}_is_on_the_list"
            found.append({"name": name, "description": told, **base, "arguments": {"validValues": values}, **warns})
    low = plain_number(column.minimum)
    if column.is_number and not hidden and low is not None and low >= 0 and _counts(column.name):
        found.append(
            {
                "name": f"{column.name[:46]}_is_not_negative",
                "description": f"None of {column.filled:,} values seen was below 0.",
                "type": "sql",
                "query": "select count(*) from {table} where {property} < 0",
                **warns,
            }
        )
    return found


def _counts(name: str) -> bool:
    words = ("quantity", "count", "number_of", "units", "menge", "anzahl", "stock", "days")
    return MONEY_NAME.search(name) is not None or any(word in name for word in words)


def _slug(kind: str | None) -> str:
    return (kind or "").lower().replace("-", "_").replace(" ", "_")


def semantic_type(council: Council, column: ColumnProfile) -> SemanticType | None:
    """The council's type of a column of this name, when the values seen can be of it."""
    wanted = next((item for item in council.semantic_types.values() if column.name in item.names), None)
    if wanted is None:
        return None
    same = logical_type(column.type) == wanted.logical_type
    low, high = plain_number(column.minimum), plain_number(column.maximum)
    least, most = wanted.options.get("minimum"), wanted.options.get("maximum")
    fits = (
        (low is None or not isinstance(least, int | float) or low >= least)
        and (high is None or not isinstance(most, int | float) or high <= most)
        and (column.shortest is None or column.shortest >= wanted.options.get("minLength", 0))
        and (column.longest is None or column.longest <= wanted.options.get("maxLength", column.longest))
    )
    return wanted if same and fits and column.matches(wanted.options.get("pattern")) else None


def _term(glossary: Glossary, domain: str, name: str) -> Term | None:
    """The term that a column of this name is probably about: the domain's own, else the only one of that name."""
    called = [term for term in glossary.words.get(normal(name), ()) if normal(term.name) == normal(name)]
    own = [term for term in called if term.domain == domain]
    if own:
        return own[0]
    return called[0] if len(called) == 1 else None


def lean(column: ColumnDraft) -> ColumnDraft:
    """The column with what a contract must say of it, and no more."""
    return replace(column, title=None, rules=(), term=None, options={})


def unknown_words(columns: Sequence[ColumnDraft], glossary: Glossary) -> list[ColumnDraft]:
    """Columns whose name is no word of any glossary: each needs a term of its own."""
    return [
        column
        for column in columns
        if column.term is None and not column.is_empty and not glossary.words.get(normal(column.name))
    ]
