"""From nothing to a published product that others read, without editing a file."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

import duckdb
import pytest

from tests.cli.conftest import Mesh as CommandLine
from tests.cli.conftest import make_built
from tests.running import Result
from tests.tiny_mesh import REPOSITORY


class Mesh(CommandLine):
    """`mesh`, given the time that a product takes from nothing."""

    patience = 300

    def does(self, *arguments: str) -> Result:
        done = self(*arguments)
        assert done.code == 0, f"mesh {' '.join(arguments)}\n{done.out}{done.err}"
        return done

    def rows(self, sql: str) -> list[dict[str, object]]:
        return self.does("query", sql, "--json").json["rows"]


@pytest.fixture
def mesh(tmp_path: Path) -> Mesh:
    """The tiny mesh, built, in a project that has dbt and the shipped council."""
    built = make_built(tmp_path)
    made = Mesh(built.project, built.home)
    shutil.copytree(
        REPOSITORY / "dbt_project",
        made.project / "dbt_project",
        ignore=shutil.ignore_patterns("models", "target", "logs", ".user.yml"),
    )
    # What is scaffolded has to please it.
    shutil.copytree(REPOSITORY / "governance", made.project / "governance", dirs_exist_ok=True)
    return made


def never_seen(path: Path) -> Path:
    """A CSV as an office makes it: odd names, gaps, dates of here, decimal commas, a word of SQL, a column twice."""
    rng = random.Random(7)
    lines = ["Kunden-Nr.;E-Mail Adresse;Vorname;Angemeldet am;Größe (cm);order;Segment;PLZ;Umsatz €;Aktiv;;Segment"]
    for number in range(1, 1201):
        mail = "" if number % 97 == 0 else f"kunde{number}@mail.example"
        day = f"{rng.randint(1, 28):02d}.{rng.randint(1, 12):02d}.20{rng.randint(10, 25)}"
        size, segment = rng.choice(["NA", "180", "165"]), rng.choice(["gold", "blue", "red"])
        money = f"{rng.randint(0, 3000)},{rng.randint(0, 99):02d}"
        active = rng.choice(["ja", "nein"])
        cells = [
            number,
            mail,
            rng.choice(["Ann", "Zoë"]),
            day,
            size,
            number % 5,
            segment,
            f"{number:05d}",
            money,
            active,
        ]
        lines.append(";".join(map(str, [*cells, "", "x"])))
    path.write_text("\ufeff" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.slow
def test_from_a_file_never_seen_to_a_product_that_is_read(mesh: Mesh, tmp_path: Path) -> None:
    file = never_seen(tmp_path / "Kunden 2026.csv")
    started = time.perf_counter()
    mesh.does("new", "domain", "marketing", "--owner", "anna@retailer.example")
    mesh.does(
        *("new", "product", "marketing.newsletter", "--from", str(file)),
        *("--owner", "bea@retailer.example", "--description", "Who gets our newsletter."),
    )
    ran = mesh.does("run", "marketing.newsletter", "--json")
    (row,) = mesh.rows(
        "select count(*) as n, count(e_mail_adresse) as mails, sum(umsatz_eur)::varchar as money, "
        "max(angemeldet_am)::varchar as last, min(vorname) as name from marketing.newsletter.v1"
    )
    seconds = time.perf_counter() - started
    print(f"\nfirst value after {seconds:.1f} s of machine time")  # noqa: T201  (the figure that E2 asks for)
    assert ran.json["built"] == ["marketing.newsletter.v1"]
    assert (row["n"], row["mails"]) == (1200, 1200 - 12)
    assert row["name"] == "A***"  # masked for whoever has no clearance
    assert str(row["last"]).startswith("2025-")
    status = {item["port"]: item for item in mesh.does("status", "--json").json["products"]}
    assert status["marketing.newsletter.v1"]["score"] == 100

    # a later file: one row changed, one new; a bad one is refused with its line
    head, first, *_ = file.read_text(encoding="utf-8-sig").splitlines()
    later = tmp_path / "Kunden 2027.csv"
    later.write_text(
        "\n".join([head, first.replace("00001", "99999"), first.replace("1;", "5001;", 1)]) + "\n", "utf-8"
    )
    mesh.does("land", "marketing.kunden", str(later))
    mesh.does("run", "marketing.newsletter")
    assert mesh.rows("select count(*) as n from marketing.newsletter.v1")[0]["n"] == 1201
    later.write_text("\n".join([head, first.replace(".20", ".xx")]) + "\n", "utf-8")
    refused = mesh("land", "marketing.kunden", str(later))
    assert refused.code == 1
    assert "line 2, column angemeldet_am" in refused.err


@pytest.mark.slow
def test_from_everything_else(mesh: Mesh, tmp_path: Path) -> None:
    mesh.does("new", "domain", "marketing", "--owner", "anna@retailer.example")
    parquet, foreign = tmp_path / "Visits.parquet", tmp_path / "theirs.odcs.yaml"
    with duckdb.connect() as con:
        con.execute(
            f'COPY (SELECT i AS "Visit ID", timestamp \'2026-03-01\' + i * interval 1 minute AS "select", '
            f"(i % 100) / 4.0::DOUBLE AS price, {{'a': i}} AS extra FROM range(500) t(i)) TO '{parquet}'"
        )
    foreign.write_text(
        "apiVersion: v3.1.0\nkind: DataContract\nid: theirs\nversion: 1.0.0\nstatus: active\n"
        "schema: [{name: things, properties: [{name: thing_id, logicalType: integer, required: true}]}]\n",
        encoding="utf-8",
    )
    origins = {
        "visits": str(parquet),
        "amounts": "ledger.totals.v1",  # another domain's port
        "spenders": "select segment, count(*) as n, sum(amount) as spent from shop.orders.v1 group by segment",
        "things": str(foreign),
        "idea": None,
    }
    published = {item["port"] for item in mesh.does("status", "--json").json["products"] if item.get("publication")}
    made = []
    for name, source in origins.items():
        needed = {"amounts": "ledger.totals.v1", "spenders": "shop.orders.v1"}.get(name)
        if needed is not None and needed not in published:
            pytest.fail(f"{needed} of the tiny mesh was not published")
        mesh.does("new", "product", f"marketing.{name}", *(["--from", source] if source else []))
        made.append(f"marketing.{name}.v1")
    mesh.does("new", "product", "shop.lines", "--from", "shop.internal.order_lines")
    made.append("shop.lines.v1")
    ran = mesh.does("run", *(port.rpartition(".")[0] for port in made), "--json")
    assert sorted(ran.json["built"]) == sorted(made)
    assert mesh.rows("select count(*) as n, max(select_column)::varchar as last from marketing.visits.v1") == [
        {"n": 500, "last": "2026-03-01 08:19:00"}
    ]
    # The segment is restricted, so a product of another domain reads it masked, and groups by the mask.
    assert mesh.rows("select sum(n)::int as n, count(data_as_of) as known from marketing.spenders.v1") == [
        {"n": 3, "known": 1}
    ]
    assert mesh.rows("select count(*) as n from marketing.things.v1") == [{"n": 0}]
    assert (mesh.project / "dbt_project" / "models" / "marketing" / "spenders.sql").is_file()
    checked = mesh("check", "--format", "json")
    blocking = [
        f
        for f in checked.json["findings"]
        if f["severity"] == "error" and ("marketing" in f["file"] or "lines" in f["file"])
    ]
    assert blocking == []
