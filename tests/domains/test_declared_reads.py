"""What the shipped products say that they read of their inputs is what their SQL reads: no column less, none more.

All SQL of a product is taken: its dbt models with their macros, the SQL in its Python models, and the rules of its
contracts. Columns that reach it through a private table of its own domain count as read by it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import jinja2
import pytest
import sqlglot
import yaml
from sqlglot import exp
from sqlglot.optimizer.pushdown_projections import pushdown_projections
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope

from platform_resources.contracts import Mesh, Product, errors, load_mesh
from platform_resources.governance.consumers import check_inputs, consumers_of, load_consumers

ROOT = Path(__file__).parents[2]
MODELS, MACROS = ROOT / "dbt_project" / "models", ROOT / "dbt_project" / "macros"


@cache
def mesh() -> Mesh:
    return load_mesh(ROOT / "domains")


def products_with_inputs() -> list[Product]:
    return [product for product in mesh().products if product.inputs]


Schema = dict[str, dict[str, dict[str, dict[str, str]]]]


def known_schema(product: Product) -> Schema:
    """Columns of every table that a product may read: ports, private tables, and itself as `here.self.table`."""
    found: Schema = {}
    for address, (_, port) in mesh().ports.items():
        domain, name, version = address.split(".")
        found.setdefault(domain, {}).setdefault(name, {})[version] = _typed(c.name for c in port.contract.table.columns)
    private = found[product.domain].setdefault("internal", {})
    for source in mesh().usable[product.domain].domain.sources:
        names = [column.name for column in source.table.columns]
        private[source.table.name] = _typed([*names, "_load_id", "_landed_at"])
    for model in sorted((MODELS / product.domain).glob("*.sql")):
        query = sqlglot.parse_one(rendered(product.domain, model)[0], dialect="duckdb")
        private[model.stem] = _typed(query.named_selects)
    own = _typed(column.name for port in product.ports for column in port.contract.table.columns)
    return found | {"here": {"self": {"table": own}}}


def _typed(names: Iterable[str]) -> dict[str, str]:
    return dict.fromkeys(names, "VARCHAR")  # only the names matter


def rendered(domain: str, model: Path) -> list[str]:
    """The SQL of a dbt model as in an incremental run, and of the queries that its macros ask on the way."""
    queries: list[str] = []
    declared = yaml.safe_load((MODELS / domain / f"_{domain}.yml").read_text(encoding="utf-8"))["sources"]
    places = {source["name"]: f"{source['database']}.{source['schema']}" for source in declared}

    def run_query(sql: str) -> SimpleNamespace:
        queries.append(sql)
        return SimpleNamespace(columns=[SimpleNamespace(values=lambda: [1])])

    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(MACROS), autoescape=False)  # SQL, no HTML
    environment.globals |= {
        "config": lambda **_: "",
        "source": lambda name, table: f"{places[name]}.{table}",
        "ref": lambda name: f"{domain}.internal.{name}",
        "is_incremental": lambda: True,
        "run_query": run_query,
        "this": f"{domain}.internal.{model.stem}",
    }
    for file in sorted(MACROS.glob("*.sql")):
        module = environment.from_string(file.read_text(encoding="utf-8")).module
        environment.globals |= {name: value for name, value in vars(module).items() if not name.startswith("_")}
    return [environment.from_string(model.read_text(encoding="utf-8")).render(), *queries]


def sql_in(file: Path) -> Iterator[str]:
    """The SQL texts of a Python module; what is put into them by name is an address or a number."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in ("execute", "sql"):
            text = call.args[0]
            parts = text.values if isinstance(text, ast.JoinedStr) else [text]
            names = {"bookings": "sales.bookings.v1", "levels": "inventory.inventory_levels.v1"}
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else names.get(ast.unparse(part.value), "1")
                for part in parts
                if isinstance(part, ast.Constant | ast.FormattedValue)
            )


def reads(sql: str, schema: Schema) -> dict[str, set[str]]:
    """Three-part table name -> the columns that a query uses of it."""
    query = sqlglot.parse_one(sql, dialect="duckdb")
    query = pushdown_projections(qualify(query, schema=schema, dialect="duckdb", validate_qualify_columns=False))
    found: dict[str, set[str]] = {}
    for scope in traverse_scope(query):
        for column in scope.columns:
            source = scope.sources.get(column.table)
            if isinstance(source, exp.Table):
                found.setdefault(".".join(part.name for part in source.parts), set()).add(column.name)
    return found


def sql_of(product: Product) -> list[str]:
    model = MODELS / product.domain / f"{product.name}.sql"
    if model.is_file():
        texts = rendered(product.domain, model)
    else:
        texts = [sql for file in sorted((ROOT / "domains" / product.domain).glob("*.py")) for sql in sql_in(file)]
    for port in product.ports:
        table = port.contract.table
        rules = [*table.quality, *(rule for column in table.columns for rule in column.quality)]
        # The table itself is left out of the count: its name is none of a port.
        texts += [rule.query.replace("{table}", "here.self.table") for rule in rules if rule.query]
    return texts


def port_reads(product: Product) -> dict[str, set[str]]:
    """Address of a port -> its columns that the product reads, also through private tables of its domain."""
    schema = known_schema(product)
    found: dict[str, set[str]] = {}
    waiting = [(sql, None) for sql in sql_of(product)]
    done: set[str] = set()
    while waiting:
        sql, wanted = waiting.pop()
        for table, columns in _reads_of(sql, wanted, schema).items():
            if table in mesh().ports:
                found.setdefault(table, set()).update(columns)
            model = MODELS / product.domain / f"{table.rpartition('.')[2]}.sql"
            if table.startswith(f"{product.domain}.internal.") and model.is_file() and table not in done:
                done.add(table)
                main, *queries = rendered(product.domain, model)
                waiting += [(main, columns), *((query, None) for query in queries)]
    return found


def _reads_of(sql: str, wanted: set[str] | None, schema: Schema) -> dict[str, set[str]]:
    """What a query reads; of a query for a private table, only what the `wanted` columns of it need."""
    if wanted is not None:
        query = sqlglot.parse_one(sql, dialect="duckdb")
        select = query.selects
        query.set("expressions", [item for item in select if item.alias_or_name in wanted or item.is_star])
        sql = query.sql(dialect="duckdb")
    return reads(sql, schema)


@pytest.mark.parametrize("product", products_with_inputs(), ids=lambda product: product.address)
def test_declared_columns_are_those_that_are_read(product: Product) -> None:
    read = port_reads(product)
    assert {item.address: set(item.columns or ()) for item in product.inputs} == read
    for item in product.inputs:
        order = [column.name for column in mesh().ports[item.address][1].contract.table.columns]
        assert list(item.columns or ()) == sorted(item.columns or (), key=order.index)
        assert item.purpose


def test_everybody_who_is_registered_is_found() -> None:
    assert not errors(mesh().findings)
    assert len(products_with_inputs()) >= 4
    for product in mesh().products:
        assert load_consumers(product)[1] == []
        assert list(check_inputs(mesh(), product)) == []
    readers = {consumer.name for consumer in consumers_of(mesh(), "sales.bookings.v1")}
    assert readers >= {"crm.customer_360", "crm.customer_lifetime_value", "finance.revenue"}
    assert [c.name for c in consumers_of(mesh(), "finance.revenue.v1")] == ["Executive Dashboard", "Group Controlling"]
