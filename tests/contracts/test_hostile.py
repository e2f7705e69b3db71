"""A domain that somebody wrote to do harm is refused in bounded time and memory, and its words steer nothing."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from platform_resources.contracts import (
    ContractError,
    Finding,
    load_domain_partially,
    load_usable_domain,
    render_findings,
)
from tests.work import calls_of

Change = Callable[[Path, str, str], int]

NAMES = [
    "../../etc/passwd",
    "/etc/passwd",
    "a/b",
    "..",
    ".",
    "a.b",
    "-rf",
    "a b",
    "",
    "x; DROP TABLE y",
    'x"; DROP TABLE y; --',
    "x' OR '1'='1",
    "x/*",
    "{table}",
    "$HOME",
    "%s",
    "Ünïcode",
    "ＡＢ",
    "a" * 64,
    "a" * 100_000,
]


def findings(folder: Path) -> list[Finding]:
    try:
        return load_domain_partially(folder)[1]
    except ContractError as refused:
        return list(refused.findings)


def quoted(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"


@pytest.mark.parametrize("name", NAMES, ids=[repr(name[:20]) for name in NAMES])
@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("domain.yaml", "name: crm\n", "name: {}\n"),
        ("products/customer_360/v1.odcs.yaml", "  - name: customer_360\n", "  - name: {}\n"),
        (
            "products/customer_360/v1.odcs.yaml",
            "  - name: customer_360\n",
            "  - name: customer_360\n    physicalName: {}\n",
        ),
        ("products/customer_360/v1.odcs.yaml", "      - name: spend\n", "      - name: {}\n"),
        ("products/customer_360/v1.odcs.yaml", "domain: crm\n", "domain: {}\n"),
        ("products/customer_360/v1.odcs.yaml", "to: stores.store_id", "to: {}"),
        ("products/customer_360/v1.odcs.yaml", "element: customer_360.updated_at", "element: {}"),
        ("products/customer_360/product.odps.yaml", "name: sales.bookings", "name: {}"),
        ("products/customer_360/product.odps.yaml", "  - {name: customer_360,", "  - {name: {},"),
        ("sources/stores.odcs.yaml", "  - name: stores\n", "  - name: {}\n"),
    ],
    ids=[
        "domain",
        "table",
        "physical table",
        "column",
        "contract's domain",
        "reference",
        "element",
        "input",
        "port",
        "feed",
    ],
)
def test_names_that_are_paths_or_sql_are_refused(
    file: str, right: str, wrong: str, name: str, domain_folder: Path, change: Change
) -> None:
    if (name, right) == ("a.b", "name: sales.bookings"):
        return  # this is a product's address
    line = change(domain_folder / file, right, wrong.replace("{}", quoted(name), 1) if "{}" in wrong else wrong)
    told = [finding for finding in findings(domain_folder) if finding.severity == "error"]
    found = [finding for finding in told if finding.file == domain_folder / file]
    assert any(abs(finding.line - line) <= 1 for finding in found)
    assert len(render_findings(told)) < 5_000  # what is long is shown in short


@pytest.mark.parametrize("name", ["a b", "x; DROP TABLE y", "x' OR '1'='1", "-rf", "$(id)", "Ünïcode"])
def test_a_folder_whose_name_is_none_is_no_product(name: str, domain_folder: Path) -> None:
    folder = domain_folder / "products" / "customer_360"
    folder.rename(folder.with_name(name))
    usable = load_usable_domain(domain_folder)
    assert usable.domain.products == ()
    assert list(usable.blocked) == [name]


HEAD = "apiVersion: v3.1.0\nkind: DataContract\nid: a\nversion: 1.0.0\nstatus: active\n"
BOMBS: dict[str, bytes] = {
    "billion laughs": b"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b]\n",
    "10 MB of one text": b"a: " + b"x" * 10_000_000,
    "10 MB of lines": b"a: 1\n" * 2_000_000,
    "binary": bytes(range(256)) * 4_000,
    "NUL": b"id: a\0b\n",
    "deep": b"a: " + b"[" * 200_000,
    "wide": b"a: [" + b"1," * 120_000 + b"1]",
    "many keys": b"".join(b"k%d: 1\n" % n for n in range(20_000)),
    "many faults": (HEAD + "schema:\n" + "".join(f"  - {{name: t{n}, x: 1}}\n" for n in range(1_500))).encode(),
    "many unknown columns": (
        HEAD + "schema:\n  - name: t\n    properties: [" + "".join(f"{{name: c{n}}}," for n in range(450)) + "]\n"
        "    quality: [{name: q, metric: duplicateValues, mustBe: 0, arguments: {properties: ["
        + "".join(f"d{n}," for n in range(3_500)) + "]}}]\n"
    ).encode(),
    "one long name": (HEAD + "schema:\n  - {name: " + "a" * 200_000 + "}\n").encode(),
    "a reference to make a pattern slow": (
        HEAD + "schema:\n  - name: t\n    relationships: [{from: t.a, to: " + "a/" * 60_000 + "#}]\n"
    ).encode(),
    "a regular expression to make ours slow": (
        HEAD + "schema:\n  - name: t\n    properties: [{name: a, logicalType: string, logicalTypeOptions: {pattern: '"
        + "(a*)*" * 20_000 + "'}}]\n"
    ).encode(),
    "a type to make ours slow": (
        HEAD + "schema:\n  - name: t\n    properties: [{name: a, physicalType: '" + "STRUCT(a " * 20_000 + "'}]\n"
    ).encode(),
    "a query to make ours slow": (
        HEAD + "schema:\n  - name: t\n    quality: [{name: q, type: sql, mustBe: 0, query: '" + "-" * 200_000 + "'}]\n"
    ).encode(),
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
@pytest.mark.parametrize("file", ["domain.yaml", "products/customer_360/v1.odcs.yaml", "sources/stores.odcs.yaml"])
def test_a_bomb_costs_little(bomb: bytes, file: str, domain_folder: Path) -> None:
    findings(domain_folder)  # schemas are compiled once
    (domain_folder / file).write_bytes(bomb)
    found = findings(domain_folder)
    calls = calls_of(lambda: findings(domain_folder))
    tracemalloc.start()
    findings(domain_folder)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [finding for finding in found if finding.severity == "error"]
    assert all(finding.remedy and finding.line > 0 for finding in found)
    assert peak < 32_000_000, f"{peak / 1e6:.0f} MB"  # 9 MB at most; a tree of all values would be hundreds
    assert calls < 300_000
