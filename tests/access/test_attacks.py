"""Attacks on consumers' SQL: none gets a canary, a path, a file or a connection, and none brings the server down."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from platform_resources.access import AccessError, SqlLimits
from platform_resources.access.consumer_sql.sandbox import SandboxJob
from platform_resources.access.consumer_sql.service import view_statements
from tests.access.sql_mesh import CANARY, make_sql_mesh
from tests.guarded import CUSTOMERS, GuardedMesh

OWN = yaml.safe_load(Path(__file__).with_name("attacks.yaml").read_text(encoding="utf-8"))
CORPUS = Path(__file__).resolve().parents[3] / "shared" / "security" / "attacks.yaml"
SHARED = yaml.safe_load(CORPUS.read_text(encoding="utf-8"))["attacks"] if CORPUS.exists() else []
C, V, PRIVATE, HIDDEN = "shop.customers.v1", "shop.visits.v1", "shop.internal.customers", "shop.secrets.v1"
LIMITS = SqlLimits(seconds=0.7, memory=96 << 20, rows=2000, bytes=8 << 20)


def _long_with(name: str) -> str:
    parts = [f"t{i + 1} as (select * from t{i} union all select * from t{i})" for i in range(60)]
    return f"with t0 as (from {name}), {', '.join(parts)} select count(*) from t60"


BUILT = {
    "deep_parentheses": "select " + "(" * 9000 + "1" + ")" * 9000 + f" from {C}",
    "deep_functions": "select " + "abs(" * 2000 + "1" + ")" * 2000 + f" from {C}",
    "deep_subqueries": "select * from (" * 300 + f"from {C}" + ")" * 300,
    "deep_case": "select " + "case when 1=1 then " * 700 + "1" + " end" * 700 + f" from {C}",
    "deep_lists": "select " + "[" * 6000 + "1" + "]" * 6000 + f" from {C}",
    "deep_types": "select null::int" + "[]" * 2000 + f" from {C}",
    "long_sum": "select " + "+".join(["1"] * 9000) + f" from {C}",
    "long_in": f"select count(*) from {C} where customer_id in (" + ",".join(map(str, range(3500))) + ")",
    "long_or": f"select count(*) from {C} where " + " or ".join(f"1={i}" for i in range(1500)),
    "long_union": " union ".join([f"select region from {C}"] * 400),
    "long_joins": "select count(*) from " + ", ".join(f"{V} t{i}" for i in range(100)),
    "long_with": _long_with(C),
    "long_columns": "select " + ",".join(["*"] * 3000) + f" from {C} a, {C} b",
    "long_windows": "select " + ",".join(f"sum(amount) over (order by amount+{i})" for i in range(150)) + f" from {V}",
    "too_long": f"select 1 from {C}" + " " * 20_000,
}


class Sink(HTTPServer):
    """A server on the loopback that notes each connection."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), BaseHTTPRequestHandler)
        self.calls = 0

    def verify_request(self, *_: Any) -> bool:
        self.calls += 1
        return False


class Target:
    """The mesh and everything around it that an attacker would like to reach."""

    def __init__(self, folder: Path) -> None:
        self.mesh: GuardedMesh = make_sql_mesh(folder / "mesh")
        self.caller = self.mesh.caller("ana")
        self.sink = Sink()
        threading.Thread(target=self.sink.serve_forever, args=(0.05,), daemon=True).start()
        self.folder = folder / "around"
        (self.folder / "allowed").mkdir(parents=True)
        secret = self.folder / "secret.txt"
        secret.write_text("CANARY-file")
        (self.folder / "secret.json").write_text('{"a": "CANARY-json"}')
        (self.folder / "allowed" / "link.txt").symlink_to(secret)
        with duckdb.connect(str(self.folder / "other.duckdb")) as con:
            con.execute("CREATE TABLE secrets AS SELECT 'CANARY-other' AS s")
        with sqlite3.connect(self.folder / "other.sqlite") as lite:
            lite.execute("CREATE TABLE s (x TEXT)")
            lite.execute("INSERT INTO s VALUES ('CANARY-sqlite')")
        lite.close()
        home = self.mesh.settings.home
        self.places = {
            "data": str(home / "lakes" / "shop" / "data"),
            "catalog": str(home / "lakes" / "shop" / "catalog.sqlite"),
            "secret": str(secret),
            "secretjson": str(self.folder / "secret.json"),
            "unrelsqlite": str(self.folder / "other.sqlite"),
            "otherdb": str(self.folder / "other.duckdb"),
            "dir": str(self.folder),
            "impdir": str(self.folder),
            "allowed": str(self.folder / "allowed"),
            "httpfs": str(self.folder / "httpfs.duckdb_extension"),
            "port": str(self.sink.server_port),
            "parens": "(" * 20_000,
            "closeparens": ")" * 20_000,
            "plus": "+".join(["1"] * 100_000),
            "bigrepl": "b" * 15_000,
        }

    def ask(self, sql: str, *, unguarded: bool = False) -> tuple[list[dict[str, Any]] | None, str]:
        """(rows or None, all that the attacker gets to see)."""
        calls, files = self.sink.calls, set(self.folder.rglob("*"))
        rows = None
        try:
            rows = self._in_a_worker(sql) if unguarded else self._by_the_service(sql)
            told = str(rows)
        except AccessError as refused:
            told = f"{refused.message}\n{refused.remedy}\n{refused.facts}"
            assert len(told) < 5000
        # What the attacker wrote itself is no secret: names and guesses of its own text come back in errors.
        seen = told
        for written in sorted(
            re.findall(r"[\w@./*%-]*(?:CANARY|/)[\w@./*%-]*", sql, re.IGNORECASE), key=len, reverse=True
        ):
            seen = seen.replace(written, "").replace(written.lower(), "")
        assert not CANARY.search(seen), told[:500]
        if not unguarded:  # the catalogue of a worker tells its own copy's name, should somebody get to read it
            assert str(self.mesh.settings.home) not in seen, told[:500]
            assert "/dev/fd" not in seen
            assert "_copy0" not in seen or "_copy0" in sql, told[:500]
        assert self.sink.calls == calls, "a connection was made"
        assert set(self.folder.rglob("*")) == files, "a file was written"
        return rows, told

    def _by_the_service(self, sql: str) -> list[dict[str, Any]]:
        with self.mesh.access.sql.run(self.caller, sql, limits=LIMITS) as reading:
            return reading.table().to_pylist()

    def _in_a_worker(self, sql: str) -> list[dict[str, Any]]:
        """Past the allow-list, as if it had a hole."""
        access = self.mesh.access
        relation = access.guard.open(self.caller, CUSTOMERS)
        with access.guard.copies.opened(relation) as copy:
            setup = view_statements(0, relation, tuple(relation.schema.names))
            answer = access.sql._sandbox.run(SandboxJob(setup, sql, [copy], LIMITS))
            return [row for batch in answer for row in batch.to_pylist()]

    def close(self) -> None:
        self.sink.shutdown()
        self.sink.server_close()
        self.mesh.access.close()


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    made = Target(tmp_path_factory.mktemp("attacks"))
    yield made
    made.close()


def _filled(target: Target, text: str) -> str:
    for token, name in (("@C", C), ("@V", V), ("@P", PRIVATE), ("@S", HIDDEN)):
        text = re.sub(rf"{token}\b", name, text)
    return text.replace("@HOME", str(target.mesh.settings.home))


def _cases() -> list[Any]:
    found = []
    for kind, attacks in OWN.items():
        for number, attack in enumerate(attacks, 1):
            found.append(pytest.param(kind, attack, id=f"{kind}-{number}"))
    return found


@pytest.mark.parametrize(("kind", "attack"), _cases())
def test_our_own_attacks_fail(target: Target, kind: str, attack: dict[str, str]) -> None:
    sql = BUILT[attack["sql"]] if kind == "built" else _filled(target, attack["sql"])
    rows, told = target.ask(sql)
    match attack["expect"]:
        case "blocked":
            assert rows is None, f"{attack['why']}: {told[:300]}"
        case "zero":
            assert rows is not None, told
            assert [float(v) for row in rows for v in row.values()] == [0.0], f"{attack['why']}: {told[:300]}"
        case "same":
            assert rows is not None, told
            assert rows == target.ask(_filled(target, attack["as"]))[0]
        case "limited":
            assert target.ask(f"select count(*) as n from {C}")[0] == [{"n": 40}]
        case expected:
            assert expected == "safe"


def test_there_are_as_many_attacks_of_our_own_as_in_the_corpus() -> None:
    assert sum(map(len, OWN.values())) >= max(120, len(SHARED))


# The corpus speaks of a lake `lake` with tables `customers` and `orders`; here they are ports, the base is private.
_NAMES = (
    (r'"LAKE"\."MAIN"\."Customers"', '"SHOP"."INTERNAL"."Customers"'),
    (r"lake\.main\.customers|lake\.customers", PRIVATE),
    (r"__ducklake_metadata_lake", "__ducklake_metadata_shop"),
    (r"'lake'", "'shop'"),
    (r"\blake\.main\b", "shop.internal"),
    (r"\blake\b(?!d)", "shop"),
    (r"(?<![\w./'{])customers\b(?!')", C),
    (r"\borders\b", V),
    (r"\bid\b", "customer_id"),
    (r"\bcountry\b", "region"),
    (r"\bnote\b", "name"),
    (r"\bssn\b", "card"),
)


def _translated(target: Target, attack: dict[str, str]) -> str:
    sql = attack["sql"]
    for pattern, name in _NAMES:
        sql = re.sub(pattern, name, sql)
    sql = sql.replace("{{", "\0").replace("}}", "\1")
    sql = re.sub(r"\{(\w+)\}", lambda m: target.places[m[1]], sql).replace("\0", "{").replace("\1", "}")
    if attack["expect"] == "allowed" and C not in sql:
        sql += f" FROM {C} LIMIT 1"
    return sql


@pytest.mark.skipif(not SHARED, reason="the shared corpus is not here")
@pytest.mark.parametrize("attack", [pytest.param(a, id=a["id"]) for a in SHARED])
def test_attacks_of_the_corpus_fail(target: Target, attack: dict[str, str]) -> None:
    sql = _translated(target, attack)
    rows, told = target.ask(sql)
    oracle = attack["oracle"]
    if attack["expect"] == "blocked":
        assert rows is None, told[:300]
    elif attack["expect"] == "allowed":
        assert rows is not None, told
    elif attack["expect"] == "killed_or_error_within_deadline":
        assert target.ask(f"select count(*) as n from {C}")[0] == [{"n": 40}]
    if oracle == "count0" and rows is not None:
        assert list(rows[0].values()) == [0]
    elif oracle.startswith("text:"):
        assert oracle.removeprefix("text:") not in told.replace(sql, "")
    elif oracle == "file":
        assert not Path(attack["target"].replace("{dir}", target.places["dir"])).exists()
    elif oracle == "path":
        assert os.sep + "tmp" not in told


@pytest.mark.parametrize("kind", ["parser", "inference", "state", "corpus"])
def test_a_worker_holds_without_the_allow_list_too(target: Target, kind: str) -> None:
    """All attacks again, by hundreds, past the parse tree: the worker has masked values and nothing else."""
    if kind == "corpus":
        attacks = [_translated(target, attack) for attack in SHARED if attack["cat"] != "resource"]
    else:
        attacks = [_filled(target, attack["sql"]) for attack in OWN[kind]]
    for sql in attacks:
        target.ask(sql, unguarded=True)


def test_after_all_of_this_the_server_answers_and_nothing_is_left(target: Target) -> None:
    assert target.ask(f"select count(*) as n from {C}")[0] == [{"n": 40}]
    left = [file.name for file in target.mesh.access.guard.copies.folder.rglob("*") if ".making" in file.name]
    assert left == []
