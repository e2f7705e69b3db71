"""dbt's constraints and tests -> promises of a contract. What has no counterpart is told, never dropped in silence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from platform_resources.self_service.fitting import as_name

_REFERENCE = re.compile(r"\s*(?:\{\{)?\s*(?:ref|source)\(\s*(.*?)\s*\)\s*(?:\}\})?\s*")
_LIMIT = re.compile(r"\s*(>|>=|!=)\s*([0-9]{1,9})\s*")


@dataclass(frozen=True)
class Targets:
    """Tables of the domain that a foreign key may point to."""

    names: frozenset[str]

    def find(self, text: str) -> str | None:
        """The table that `ref('customers')`, `source('shop', 'feed')` or a relation's name means; None: unknown."""
        match = _REFERENCE.fullmatch(text)
        words = re.findall(r"[\"'`]([^\"'`]+)[\"'`]", match[1]) if match else re.split(r"[.]", text)
        # A relation is named in quotes or not, and a reference may end in its version.
        for word in reversed(words):
            name = as_name(word.strip("\"'`[] "))
            if name in self.names:
                return name
        return None


@dataclass
class Promises:
    """A contract's columns and rules while constraints and tests are noted in them."""

    where: str  # "model orders"
    columns: list[dict[str, Any]]
    names: Mapping[str, str]  # dbt's name of a column, in lower case -> its name in the contract
    targets: Targets
    not_taken: list[tuple[str, str]]
    quality: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)  # columns of the primary key

    def column(self, name: Any) -> dict[str, Any] | None:
        wanted = self.names.get(str(name).strip('"`[]').lower())
        return next((column for column in self.columns if column["name"] == wanted), None)

    def refuse(self, what: str, why: str) -> None:
        self.not_taken.append((f"{self.where}, {what}", why))

    def add_rule(self, column: dict[str, Any] | None, rule: dict[str, Any]) -> None:
        """Add a library rule under a name of its own."""
        used = {entry["name"] for entry in self.quality}
        used |= {entry["name"] for c in self.columns for entry in c.get("quality", ())}
        name, number = str(rule["name"]), 1
        while rule["name"] in used:
            number += 1
            rule["name"] = f"{name}_{number}"
        (self.quality if column is None else column.setdefault("quality", [])).append(rule)

    def add_key(self, columns: Sequence[Any], what: str) -> None:
        """Promise a primary key; a second one is told."""
        found = [self.column(name) for name in columns]
        if self.keys or not found or None in found:
            if self.keys != [c["name"] for c in found if c]:
                self.refuse(what, "a table has one primary key" if self.keys else "it names no column of the model")
            return
        for position, column in enumerate(found, 1):
            assert column is not None
            column |= {"required": True, "primaryKey": True, "primaryKeyPosition": position}
            self.keys.append(column["name"])

    def add_reference(self, column: dict[str, Any], to: Any, field_name: Any, what: str) -> None:
        table = self.targets.find(str(to))
        if table is None:
            self.refuse(
                what, f"{to} is no product or feed of this domain; declare its port as an input, then refer to it"
            )
            return
        entry = {"type": "foreignKey", "to": f"{table}.{as_name(str(field_name))}"}
        if entry not in column.setdefault("relationships", []):
            column["relationships"].append(entry)


def note_constraints(promises: Promises, node: Mapping[str, Any]) -> None:
    """Constraints of the model and of its columns."""
    for constraint in _dicts(node.get("constraints")):
        columns = constraint.get("columns") if isinstance(constraint.get("columns"), list) else []
        _constraint(promises, constraint, columns)
    described = node.get("columns")
    for name, column in (described if isinstance(described, dict) else {}).items():
        for constraint in _dicts(column.get("constraints") if isinstance(column, dict) else None):
            _constraint(promises, constraint, [name])


def _constraint(promises: Promises, constraint: Mapping[str, Any], columns: Sequence[Any]) -> None:
    kind = str(constraint.get("type"))
    what = f"constraint {kind} on {', '.join(map(str, columns)) or 'the table'}"
    column = promises.column(columns[0]) if len(columns) == 1 else None
    if kind == "primary_key":
        promises.add_key(columns, what)
    elif kind == "not_null" and column is not None:
        column["required"] = True
    elif kind == "unique" and column is not None:
        column["unique"] = True
    elif kind == "unique" and columns:
        _unique_together(promises, columns, "error", what)
    elif kind == "foreign_key" and column is not None and constraint.get("to"):
        fields = constraint.get("to_columns") or columns
        promises.add_reference(column, constraint["to"], fields[0], what)
    else:
        expression = constraint.get("expression")
        promises.refuse(
            what, f"write it as a rule of type sql: {expression}" if expression else "it has no counterpart"
        )


def note_tests(promises: Promises, tests: Iterable[Mapping[str, Any]]) -> None:
    """Generic tests that the standard has words for; the others are told."""
    for test in tests:
        metadata = test.get("test_metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        _test(promises, test, metadata)


def _test(promises: Promises, test: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
    config = test.get("config") if isinstance(test.get("config"), dict) else {}
    arguments = metadata.get("kwargs") if isinstance(metadata.get("kwargs"), dict) else {}
    arguments = {**arguments, **(arguments.get("arguments") if isinstance(arguments.get("arguments"), dict) else {})}
    name = str(metadata.get("name") or "")
    column = promises.column(test.get("column_name") or arguments.get("column_name"))
    what = f"test {test.get('name')}"
    severity = "warning" if str(config.get("severity", "")).upper() == "WARN" else "error"
    if config.get("enabled") is False:
        promises.refuse(what, "it is disabled")
        return
    if config.get("where"):
        promises.refuse(what, f"it holds only where {config['where']}; write it as a rule of type sql")
        return
    limit = _limit(config, severity)
    if limit is None:
        promises.refuse(what, f"its limits ({config.get('error_if')}, {config.get('warn_if')}) have no counterpart")
        return
    strict = severity == "error" and limit == 0
    if name == "unique" and column is not None:
        if strict:
            column["unique"] = True
        else:
            promises.add_rule(
                column, _rule(f"{column['name']}_unique", "duplicateValues", "uniqueness", severity, limit)
            )
    elif name == "not_null" and column is not None:
        if strict:
            column["required"] = True
        else:
            promises.add_rule(
                column, _rule(f"{column['name']}_not_null", "nullValues", "completeness", severity, limit)
            )
    elif name == "accepted_values" and column is not None and isinstance(arguments.get("values"), list):
        rule = _rule(f"{column['name']}_accepted_values", "invalidValues", "conformity", severity, limit)
        rule["arguments"] = {"validValues": arguments["values"]}
        promises.add_rule(column, rule)
    elif name == "relationships" and column is not None:
        if strict:
            promises.add_reference(column, arguments.get("to"), arguments.get("field"), what)
        else:
            promises.refuse(
                what, "a foreign key of the contract blocks, and this test doesn't; write a rule of type sql"
            )
    elif name == "unique_combination_of_columns" and isinstance(arguments.get("combination_of_columns"), list):
        _unique_together(promises, arguments["combination_of_columns"], severity, what, limit)
    else:
        _refuse(promises, what, name, arguments)


def _refuse(promises: Promises, what: str, name: str, arguments: Mapping[str, Any]) -> None:
    if not name:
        promises.refuse(what, "a test of its own SQL; write it as a rule of type sql, or keep it in the dbt project")
    elif "expression" in arguments:
        promises.refuse(what, f"write it as a rule of type sql: {arguments['expression']}")
    else:
        promises.refuse(
            what, f"{name} has no counterpart; write it as a rule of type sql, or keep it in the dbt project"
        )


def _limit(config: Mapping[str, Any], severity: str) -> int | None:
    """How many bad rows pass; None when the condition says something else."""
    condition = config.get("warn_if" if severity == "warning" else "error_if") or "!= 0"
    match = _LIMIT.fullmatch(str(condition))
    if match is None or (match[1] == "!=" and match[2] != "0") or (match[1] == ">=" and match[2] == "0"):
        return None
    return int(match[2]) - (1 if match[1] == ">=" else 0)


def _rule(name: str, metric: str, dimension: str, severity: str, limit: int) -> dict[str, Any]:
    operator = {"mustBe": 0} if limit == 0 else {"mustBeLessOrEqualTo": limit}
    return {
        "name": name,
        "type": "library",
        "metric": metric,
        **operator,
        "dimension": dimension,
        "severity": severity,
    }


def _unique_together(promises: Promises, columns: Sequence[Any], severity: str, what: str, limit: int = 0) -> None:
    found = [promises.column(name) for name in columns]
    names = [column["name"] for column in found if column is not None]
    if len(names) < len(found):
        promises.refuse(what, "it names an expression or a column that the model doesn't list")
        return
    rule = _rule(f"{'_and_'.join(names)[:56]}_unique", "duplicateValues", "uniqueness", severity, limit)
    rule["arguments"] = {"properties": names}
    promises.add_rule(None, rule)


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
