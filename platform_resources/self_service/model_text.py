"""The text of a draft's model: a dbt model with its properties, or a function in the domain's `assets.py`."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from platform_resources.contracts.names import is_name
from platform_resources.lake import quote_identifier
from platform_resources.self_service.changeset import ScaffoldError
from platform_resources.self_service.new_names import sql_words
from platform_resources.self_service.yaml_text import scalar

_IMPORT = "from platform_resources.orchestration import python_model"
TableName = tuple[str, str, str]  # domain, schema, table
_QUOTED = re.compile(
    r"""(?<!\w)[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*"
        | (?<![\w$])\$(?P<tag>(?:[A-Za-z_]\w*)?)\$.*?\$(?P=tag)\$ | --[^\n]*""",
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True)
class Part:
    """SQL, or the name of a table in it."""

    sql: str
    table: TableName | None = None


@dataclass(frozen=True)
class Model:
    """A SELECT in parts, so that its tables can be written as names or as dbt's references."""

    name: str
    doc: str
    parts: tuple[Part, ...]

    def sql(self) -> str:
        """As DuckDB runs it where the lakes are attached."""
        return "".join(part.sql if part.table is None else dotted(part.table) for part in self.parts)

    @property
    def tables(self) -> list[TableName]:
        return list(dict.fromkeys(part.table for part in self.parts if part.table is not None))


def identifier(name: str) -> str:
    """A column or table in generated SQL: quoted only where it must be."""
    return name if (is_name(name) or is_name(name.lstrip("_"))) and name not in sql_words() else quote_identifier(name)


def dotted(table: TableName) -> str:
    return ".".join(map(identifier, table))


def selection(columns: Sequence[tuple[str, str]]) -> str:
    """The list of a SELECT, one column a line: (expression, name)."""
    return ",\n".join(
        f"    {sql}" if sql.rpartition(".")[2] == name else f"    {sql} as {identifier(name)}" for sql, name in columns
    )


def indented(sql: str, margin: str) -> str:
    """`sql` with a margin before each line but the first; as it is where that would change what it says.

    A text or a quoted name of several lines would get the margin into its value.
    """
    return sql.replace("\n", f"\n{margin}") if _may_be_indented(sql) else sql


def _may_be_indented(sql: str) -> bool:
    return "/*" not in sql and not any("\n" in token[0] for token in _QUOTED.finditer(sql))


# --- Python


def python_text(text: str) -> str:
    """A text as it is written in Python, whatever characters it holds; in double quotes where that needs no escape."""
    written = repr(text)
    return f'"{written[1:-1]}"' if written[0] == "'" and '"' not in text else written


def with_python_model(source: str | None, model: Model, domain: str, reads: Iterable[str]) -> tuple[str, str]:
    """The text of `assets.py` with the model added at its end, and the name of the new function.

    `reads`: own tables as `<domain>.internal.<table>`, without SQL's quotes.
    """
    text = source if source and source.strip() else f'"""Python models of the {domain} domain."""\n'
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise ScaffoldError(f"domains/{domain}/assets.py, line {error.lineno}: {error.msg}; mend it first") from None
    taken = _names_in(tree)
    function = model.name
    if keyword.iskeyword(function) or function in taken or hasattr(builtins, function):
        function = f"{model.name}_model"
    if function in taken:
        raise ScaffoldError(f"domains/{domain}/assets.py has a {function} already; rename it, and try again")
    fresh = not any(isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body)
    if fresh:
        text = _with_imports(text, tree, ["import duckdb", "", _IMPORT])
    elif "python_model" not in taken:
        text = _with_imports(text, tree, [_IMPORT])
    hinted = fresh or "duckdb" in taken
    argument = "lake: duckdb.DuckDBPyConnection" if hinted else "lake"
    result = " -> duckdb.DuckDBPyRelation" if hinted else ""
    tables = [python_text(table) for table in reads]
    listed = ", ".join(tables)
    decorator = f'@python_model("{model.name}", reads=[{listed}])' if listed else f'@python_model("{model.name}")'
    if len(decorator) > 120:
        inner = "".join(f"        {table},\n" for table in tables)
        decorator = f'@python_model(\n    "{model.name}",\n    reads=[\n{inner}    ],\n)'
    body = model.sql()
    if _may_be_indented(body):
        body = "\n".join(f"        {line}".rstrip() for line in body.split("\n"))
    # Python would read a carriage return in its source as the end of a line, a line feed.
    body = body.replace("\\", "\\\\").replace('"""', '\\"\\"\\"').replace("\r", "\\r")
    doc = model.doc.replace("\\", "\\\\").replace('"', "'")
    noqa = "  # noqa: E501" if any(len(line) > 120 for line in body.split("\n")) else ""
    made = (
        f"{decorator}\ndef {function}({argument}){result}:\n"
        f'    """{doc}"""\n    return lake.sql("""\n{body}\n    """){noqa}\n'
    )
    return f"{text.rstrip()}\n\n\n{made}", function


def _names_in(tree: ast.Module) -> set[str]:
    """Names that the module binds at its top."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            found.add(node.name)
        else:
            found |= {
                name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
            }
    return found


def _with_imports(text: str, tree: ast.Module, imports: list[str]) -> str:
    """Imports after the last ones of the file, or after its docstring."""
    lines = text.split("\n")  # as Python counts them: other separators are characters of a text
    existing = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    if existing:
        last = existing[-1]
        module = last.module if isinstance(last, ast.ImportFrom) else last.names[0].name
        ours = (module or "").split(".")[0] in ("domains", "platform_resources")
        at, imports = last.end_lineno or 0, imports if ours else ["", *imports]
    elif ast.get_docstring(tree) is not None:
        at, imports = tree.body[0].end_lineno or 0, ["", *imports]
    else:
        at = 0
    return "\n".join([*lines[:at], *imports, *lines[at:]]) + "\n"


# --- dbt


@dataclass(frozen=True)
class DbtNames:
    """What dbt calls tables in one domain: its own models, and the sources that are declared."""

    models: frozenset[str]
    sources: Mapping[TableName, tuple[str, str]]


def dbt_names(folder: Path, domain: str) -> DbtNames:
    """The models and declared sources in a domain's models folder."""
    models = frozenset(file.stem for file in folder.rglob("*.sql"))
    sources: dict[TableName, tuple[str, str]] = {}
    for file in sorted([*folder.rglob("*.yml"), *folder.rglob("*.yaml")]):
        try:
            data = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ScaffoldError(f"{file} can't be read: {str(error).splitlines()[0]}; mend it first") from None
        for source in _mappings(data, "sources"):
            for table in _mappings(source, "tables"):
                place = (
                    str(source.get("database", domain)),
                    str(source.get("schema", source.get("name"))),
                    str(table.get("identifier", table.get("name"))),
                )
                sources[place] = (str(source.get("name")), str(table.get("name")))
    return DbtNames(models, sources)


def _mappings(data: Any, key: str) -> list[dict[str, Any]]:
    value = data.get(key) if isinstance(data, dict) else None
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def dbt_model_text(model: Model, domain: str, names: DbtNames) -> tuple[str, list[tuple[str, TableName]]]:
    """The model's SQL, and the sources (name, table) that still have to be declared."""
    known = dict(names.sources)
    taken = {source: table[:2] for table, (source, _) in known.items()}
    missing: list[tuple[str, TableName]] = []
    written = []
    for part in model.parts:
        if part.table is None:
            written.append(part.sql.replace("{{", "{{ '{{' }}").replace("{%", "{{ '{%' }}").replace("{#", "{{ '{#' }}"))
            continue
        owner, schema, table = part.table
        if owner == domain and schema == "internal" and table in names.models:
            written.append(f"{{{{ ref('{table}') }}}}")
            continue
        if part.table not in known:
            name = schema if taken.get(schema, (owner, schema)) == (owner, schema) else f"{owner}_{schema}"
            known[part.table], taken[name] = (name, table), (owner, schema)
            missing.append((name, part.table))
        source, called = known[part.table]
        written.append(f"{{{{ source('{source}', '{called}') }}}}")
    doc = model.doc.replace("#}", "")
    return f"{{#- {doc} -#}}\n{''.join(written).strip()}\n", missing


def dbt_properties_text(
    model: Model, columns: Sequence[tuple[str, str, bool]], missing: Sequence[tuple[str, TableName]]
) -> str:
    """`_<model>.yml`: columns (name, type, not null) that dbt enforces, and sources that were not declared yet."""
    lines = ["version: 2", ""]
    if missing:
        lines.append("sources:")
        for name in dict.fromkeys(name for name, _ in missing):
            tables = [table for other, table in missing if other == name]
            database, schema, _ = tables[0]
            lines += [
                f"  - name: {scalar(name)}",
                f"    database: {scalar(database)}",
                f"    schema: {scalar(schema)}",
                "    tables:",
            ]
            lines += [f"      - name: {scalar(table)}" for *_, table in tables]
        lines.append("")
    lines += ["models:", f"  - name: {model.name}", f"    description: {scalar(model.doc)}", "    columns:"]
    for name, type_, filled in columns:
        constraint = ", constraints: [{type: not_null}]" if filled else ""
        lines.append(f"      - {{name: {scalar(name)}, data_type: {scalar(type_.lower())}{constraint}}}")
    return "\n".join(lines) + "\n"
