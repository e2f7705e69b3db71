"""`mesh new`: what is written is whole, sound and nobody else's; what can't be made leaves nothing behind."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
import yaml

from platform_resources.contracts import ContractError, errors, load_domain_partially, load_mesh
from platform_resources.governance import judge, load_council
from platform_resources.governance.terms import load_glossary
from platform_resources.lake import MeshSettings, connect, quote_identifier
from platform_resources.self_service import new_product
from platform_resources.self_service.changeset import ChangeSet, ScaffoldError
from platform_resources.self_service.delivered import content_hash
from platform_resources.self_service.landing import landing_name
from platform_resources.self_service.model_text import (
    DbtNames,
    Model,
    Part,
    dbt_model_text,
    indented,
    python_text,
    with_python_model,
)
from platform_resources.self_service.new_domain import NewDomain, scaffold_domain
from platform_resources.self_service.new_product import NewProduct, ProductReport, scaffold_product
from platform_resources.self_service.queries import split_query
from platform_resources.self_service.text_files import Layout
from platform_resources.self_service.yaml_text import insert_under, scalar
from tests.tiny_mesh import REPOSITORY, environment, write_project

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> MeshSettings:
    project = write_project(tmp_path / "project")
    scaffold_domain(project, NewDomain("marketing", owner="anna@retailer.example", purpose="Tells people about us."))
    return MeshSettings(home=tmp_path / "home", project=project)


def people(tmp_path: Path, name: str = "people.csv", rows: int = 200) -> Path:
    path = tmp_path / name
    lines = [f"{n};p{n}@mail.example;{n % 3};{n},50;{1 + n % 28:02d}.03.2026" for n in range(1, rows + 1)]
    path.write_text("Person ID;E-Mail;order;Größe (m);Since\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def new(settings: MeshSettings, address: str, source: object = None, **more: object) -> ProductReport:
    return scaffold_product(settings, NewProduct(address, str(source) if source else None, **more), NOW)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- domains


def test_a_domain_is_registered_where_it_must_be(settings: MeshSettings) -> None:
    project = settings.project
    domain, findings = load_domain_partially(project / "domains" / "marketing")
    assert (domain.owner, findings) == ("anna@retailer.example", [])
    locations = yaml.safe_load((project / "workspace.yaml").read_text())["load_from"]
    assert locations[-1] == {
        "python_module": {"module_name": "domains.marketing.definitions", "location_name": "marketing"}
    }
    assert len(locations) == 3


def test_the_dbt_target_is_added_and_nothing_else_changes(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    shipped = (REPOSITORY / "dbt_project" / "profiles.yml").read_text(encoding="utf-8")
    (project / "dbt_project").mkdir()
    (project / "dbt_project" / "profiles.yml").write_text(shipped, encoding="utf-8")
    scaffold_domain(project, NewDomain("marketing", owner="anna@retailer.example"))
    after = (project / "dbt_project" / "profiles.yml").read_text(encoding="utf-8")
    added = after.replace(shipped, "")
    assert after.startswith(shipped)
    assert added.lstrip().startswith("marketing:")
    targets = yaml.safe_load(after)["mesh"]["outputs"]
    assert targets["marketing"] == {
        **targets["sales"],
        "database": "marketing",
        "attach": [{"path": "ducklake:marketing", "alias": "marketing", "is_ducklake": True}],
    }


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Marketing", "(perhaps marketing)"),
        ("mesh", "reserved"),
        ("system", "reserved"),
        ("definitions", "reserved"),
        ("order", "word of SQL"),
        ("lambda", "word of"),
        ("../crm", "can't name a domain"),
        ("x" * 64, "can't name a domain"),
        ("shop", "is there already: domains/shop"),
    ],
)
def test_names_that_no_domain_may_bear(settings: MeshSettings, name: str, told: str) -> None:
    before = snapshot(settings.project)
    with pytest.raises(ScaffoldError) as raised:
        scaffold_domain(settings.project, NewDomain(name, owner="a@b.example"))
    assert told in str(raised.value)
    assert snapshot(settings.project) == before


def test_the_owner_is_who_works_in_the_repository_or_has_to_be_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    project = write_project(tmp_path)
    with pytest.raises(ScaffoldError, match="who answers for it"):
        scaffold_domain(project, NewDomain("marketing"))
    with pytest.raises(ScaffoldError, match="is no e-mail address"):
        scaffold_domain(project, NewDomain("marketing", owner="anna"))
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    subprocess.run(["git", "config", "user.email", "anna@retailer.example"], cwd=project, check=True)
    done = scaffold_domain(project, NewDomain("marketing"))
    assert "owner: anna@retailer.example, from `git config user.email`" in done.notes


# --- products


def test_a_file_becomes_a_draft_without_findings(settings: MeshSettings, tmp_path: Path) -> None:
    report = new(settings, "marketing.people", people(tmp_path), description="Who we know.")
    mesh = load_mesh(settings.domains)
    assert [str(finding) for finding in mesh.findings if "marketing" in str(finding.file)] == []
    told = {(f.code, f.severity) for f in load_glossary(mesh).findings}
    assert told == {("term-undefined", "warning")}  # what only people can say stays to be said
    contract = mesh.ports["marketing.people.v1"][1].contract
    types = {column.name: column.physical_type for column in contract.table.columns}
    assert types == {
        "person_id": "BIGINT",
        "e_mail": "VARCHAR",
        "order_column": "BIGINT",
        "groesse_m": "DECIMAL(18,2)",
        "since": "DATE",
        "landed_at": "TIMESTAMP WITH TIME ZONE",
    }
    assert contract.table.primary_key == ("person_id",)
    assert contract.table.column("e_mail").custom["mask"]["format"] == "email"
    assert contract.freshness is not None
    assert contract.owners == ("anna@retailer.example",)
    assert ("Größe (m)", "groesse_m") in report.renamed
    text = contract.file.read_text(encoding="utf-8")
    assert "primaryKey: true  # 0 duplicates in 200 rows" in text
    assert re.search(r"- name: since  # 200 of 200 rows filled; about \d+ distinct; 2026-03-01 to 2026-03-28", text)
    assert "mail.example" not in text  # no value of a personal column


def test_the_shipped_council_holds_no_draft_back(settings: MeshSettings, tmp_path: Path) -> None:
    new(settings, "marketing.people", people(tmp_path))
    new(settings, "marketing.idea")
    mesh, council = load_mesh(settings.domains), load_council(REPOSITORY / "governance")
    judged = [item for item in judge(mesh, council, {}, NOW) if item.product and item.product.startswith("marketing.")]
    assert [str(item.finding) for item in judged if item.blocks] == []


def test_files_of_the_project_pass_ruff(settings: MeshSettings, tmp_path: Path) -> None:
    new(settings, "marketing.people", people(tmp_path))
    new(settings, "marketing.print")  # a function of that name would hide Python's
    new(settings, "shop.visitors", people(tmp_path, "visits.csv"))
    config = ["--config", str(REPOSITORY / "pyproject.toml"), "--config", 'src = ["."]']
    config += ["--config", 'lint.isort.known-first-party = ["domains", "platform_resources"]']
    for command in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *config, "domains/marketing", "tests"],
            cwd=settings.project,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_generated_tests_pass(settings: MeshSettings, tmp_path: Path) -> None:
    new(settings, "marketing.people", people(tmp_path))
    new(settings, "marketing.idea")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", "tests"],
        cwd=settings.project,
        env=environment(settings.project, settings.home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_nothing_is_overwritten_and_nothing_is_half_written(settings: MeshSettings, tmp_path: Path) -> None:
    new(settings, "marketing.people", people(tmp_path))
    before = snapshot(settings.project), snapshot(settings.home)
    with pytest.raises(ScaffoldError, match="domains/marketing/products/people is there already"):
        new(settings, "marketing.people", people(tmp_path))
    test = settings.project / "tests" / "domains" / "test_marketing_others.py"
    test.write_text("# mine\n", encoding="utf-8")
    with pytest.raises(ScaffoldError, match=r"test_marketing_others\.py is there already"):
        new(settings, "marketing.others", people(tmp_path))
    test.unlink()
    assert (snapshot(settings.project), snapshot(settings.home)) == before


def test_a_file_that_can_not_be_written_takes_the_others_back(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("old\n", encoding="utf-8")
    changes = ChangeSet(tmp_path)
    changes.create(tmp_path / "a" / "b" / "new.txt", "new\n")
    changes.change(tmp_path / "kept.txt", "changed\n")
    (tmp_path / "blocked").write_text("a file, no folder", encoding="utf-8")
    changes.created[tmp_path / "blocked" / "x.txt"] = b"x"
    with pytest.raises(ScaffoldError, match="can't be written"):
        changes.apply()
    assert snapshot(tmp_path) == {"kept.txt": b"old\n", "blocked": b"a file, no folder"}
    assert not (tmp_path / "a").exists()


def test_a_folder_that_got_other_files_meanwhile_does_not_hide_the_error(tmp_path: Path) -> None:
    changes = ChangeSet(tmp_path)
    changes.create(tmp_path / "a" / "b" / "new.txt", "new\n")
    changes.create(tmp_path / "z.txt", "z\n")
    with pytest.raises(RuntimeError, match="the real one"), changes.or_nothing():
        changes.apply()
        (tmp_path / "a" / "b" / "theirs.txt").write_text("theirs\n", encoding="utf-8")
        raise RuntimeError("the real one")
    assert snapshot(tmp_path) == {"a/b/theirs.txt": b"theirs\n"}


def test_what_follows_the_files_takes_them_back_when_it_fails(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("old\n", encoding="utf-8")
    changes = ChangeSet(tmp_path)
    changes.create(tmp_path / "a" / "b" / "new.txt", "new\n")
    changes.change(tmp_path / "kept.txt", "mine\n")
    with pytest.raises(KeyboardInterrupt), changes.or_nothing():
        changes.apply()
        raise KeyboardInterrupt
    assert snapshot(tmp_path) == {"kept.txt": b"old\n"}
    assert not (tmp_path / "a").exists()


def test_folders_are_taken_back_when_one_of_them_can_not_be_made(tmp_path: Path) -> None:
    changes = ChangeSet(tmp_path)
    changes.create(tmp_path / "a" / ("x" * 300) / "new.txt", "new\n")
    with pytest.raises(ScaffoldError, match="can't be written"):
        changes.apply()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_can_not_land_takes_the_product_back(settings: MeshSettings, tmp_path: Path) -> None:
    files = [people(tmp_path, "people_1.csv"), people(tmp_path, "people_2.csv", rows=150)]
    folder = settings.landing / "marketing" / "people"
    blocked = folder / landing_name(files[1], content_hash(files[1]))
    blocked.mkdir(parents=True)
    (blocked / "in_the_way").touch()
    before = snapshot(settings.project), snapshot(settings.home)
    with pytest.raises(ScaffoldError, match=r"people_2-.*can't be written"):
        new(settings, "marketing.newsletter", tmp_path / "people_*.csv")
    assert (snapshot(settings.project), snapshot(settings.home)) == before
    assert not (settings.domains / "marketing" / "products" / "newsletter").exists()


def test_an_unsound_document_is_found_before_anything_is_written(
    settings: MeshSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(settings.project), snapshot(settings.home)
    monkeypatch.setattr(new_product, "product_text", lambda draft: f"kind: DataProduct\nname: {draft.name}\n")
    with pytest.raises(ContractError) as raised:
        new(settings, "marketing.newsletter", people(tmp_path))
    files = {finding.file for finding in raised.value.findings}
    assert files == {settings.domains / "marketing" / "products" / "newsletter" / "product.odps.yaml"}
    assert (snapshot(settings.project), snapshot(settings.home)) == before


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("old\n", encoding="utf-8")
    changes = ChangeSet(tmp_path)
    changes.create(tmp_path / "new.txt", "new\n")
    changes.change(tmp_path / "kept.txt", "mine\n")
    (tmp_path / "kept.txt").write_text("theirs\n", encoding="utf-8")
    with pytest.raises(ScaffoldError, match="changed by somebody else"):
        changes.apply()
    assert snapshot(tmp_path) == {"kept.txt": b"theirs\n"}


@pytest.mark.parametrize(
    ("address", "source", "told"),
    [
        ("marketing", None, "write <domain>.<product>"),
        ("marketing.internal", None, "reserved"),
        ("marketing.select", None, "word of SQL"),
        ("nowhere.people", None, "make it: mesh new domain nowhere"),
        ("shop.order_lines", None, "sources/order_lines.odcs.yaml is there already"),
        ("marketing.people", "nothing.csv", "there is no file nothing.csv"),
        ("marketing.people", "no/*.csv", "no file matches"),
        ("marketing.people", "people", "is no file that is there"),
        ("marketing.people", "shop.orders.v1", "shop was never built"),
        ("marketing.people", "shop.orders.v7", "there is no port shop.orders.v7; shop offers shop.orders.v1"),
        ("marketing.people", "shop.internal.order_lines", "is private to shop; it offers shop.orders.v1"),
        ("marketing.people", "nowhere.orders.v1", "there is no domain 'nowhere'"),
        ("marketing.people", "select 1 as one", "reads no table"),
        ("marketing.people", "select * from orders", "reads no table"),
        ("marketing.people", "select * frm shop.orders.v1", "no SQL"),
        ("marketing.people", "select * from shop.orders", "is no full name"),
    ],
)
def test_what_can_not_be_made_says_why(settings: MeshSettings, address: str, source: str | None, told: str) -> None:
    before = snapshot(settings.project)
    with pytest.raises(ScaffoldError) as raised:
        new(settings, address, source)
    assert told in str(raised.value)
    assert snapshot(settings.project) == before


def test_columns_with_a_known_word_are_bound_to_its_term(settings: MeshSettings, tmp_path: Path) -> None:
    glossary = settings.domains / "shop" / "glossary.yaml"
    glossary.write_text(
        "domain: shop\nterms:\n  - {name: person_id, title: Person, definition: Somebody who buys.}\n", encoding="utf-8"
    )
    report = new(settings, "marketing.people", people(tmp_path))
    contract = load_mesh(settings.domains).ports["marketing.people.v1"][1].contract
    assert contract.table.column("person_id").terms == ("../shop/glossary.yaml#person_id",)
    assert "person_id" not in report.terms
    assert "since" in report.terms
    again = new(settings, "marketing.more_people", people(tmp_path, "more.csv"))
    assert again.terms == ()  # all words are known by now


def test_a_wide_file_fits_into_a_contract(settings: MeshSettings, tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    names = [f"{['customer e-mail', 'amount', 'kind'][n % 3]} number {n} of very many columns" for n in range(300)]
    cells = [["p@mail.example", "1.25", "gold"][n % 3] for n in range(300)]
    path.write_text(";".join(names) + "\n" + "\n".join(";".join(cells) for _ in range(150)) + "\n", encoding="utf-8")
    report = new(settings, "marketing.wide", path)
    assert len(report.columns) == 301
    assert "marketing.wide.v1" in load_mesh(settings.domains).ports


def test_headerless_and_forced_layouts(settings: MeshSettings, tmp_path: Path) -> None:
    path = tmp_path / "raw.csv"
    path.write_text("1|a\n2|b\n", encoding="utf-8")
    report = new(settings, "marketing.raw", path, layout=Layout(header=False))
    assert [column.name for column in report.columns] == ["column_1", "column_2", "landed_at"]


def test_an_odcs_contract_keeps_its_fields(settings: MeshSettings, tmp_path: Path) -> None:
    path = tmp_path / "theirs.odcs.yaml"
    path.write_text(
        "# from another tool\napiVersion: v3.1.0\nkind: DataContract\nid: 53581432-6c55-4ba2-a65f-72344a91553b\n"
        "version: 2.1.0\nstatus: active\nname: Their quantum\nschema:\n"
        "  - name: tbl\n    physicalName: tbl_1\n    properties:\n"
        "      - name: rcvr_id  # who gets it\n        primaryKey: true\n        primaryKeyPosition: 1\n"
        "        logicalType: string\n        customProperties: [{property: kept, value: null}]\n",
        encoding="utf-8",
    )
    report = new(settings, "marketing.quantum", path)
    contract = load_mesh(settings.domains).ports["marketing.quantum.v2"][1].contract
    assert report.port == "marketing.quantum.v2"
    text = contract.file.read_text(encoding="utf-8")
    assert text.startswith("# from another tool\n")
    assert "# who gets it" in text
    assert contract.custom["importedValues"] == {
        "schema[0].name": "tbl", "schema[0].physicalName": "tbl_1", "status": "active",
    }  # fmt: skip
    assert contract.table.column("rcvr_id").custom == {"kept": None}
    assert contract.table.column("rcvr_id").classification == "internal"
    assert contract.freshness is not None
    council = load_council(REPOSITORY / "governance")
    judged = [j for j in judge(load_mesh(settings.domains), council, {}, NOW) if j.product == "marketing.quantum"]
    assert [str(item.finding) for item in judged if item.blocks] == []


# --- texts


def test_entries_are_added_to_the_shipped_glossaries_line_by_line() -> None:
    for file in sorted((REPOSITORY / "domains").glob("*/glossary.yaml")):
        text = file.read_text(encoding="utf-8")
        lines = ["- name: zzz", "  title: Z", "  definition: Last."]
        after = insert_under(text, ("terms",), lines, file.name)
        kept = [line for line in after.splitlines() if line in text.splitlines()]
        assert [line for line in text.splitlines() if line not in kept] == []
        assert yaml.safe_load(after)["terms"][-1]["name"] == "zzz"
        assert len(after.splitlines()) == len(text.splitlines()) + 3


@pytest.mark.parametrize(
    "text",
    ["terms: [{name: a}]\n", "other: []\n", "terms: {a: 1}\n", ""],
)
def test_what_can_not_be_added_to_says_so(text: str) -> None:
    with pytest.raises(ScaffoldError, match=r"glossary\.yaml"):
        insert_under(text, ("terms",), ["- name: b"], "glossary.yaml")


@pytest.mark.parametrize(
    "value", ["no", "1e5", "a: b", "#x", "ü", "'", '"', "a\nb", " x", "@a", "x@y.example", "1.0.0", "~", "-", "= 1"]
)
def test_scalars_are_read_back_as_they_were(value: str) -> None:
    assert yaml.safe_load(f"[{scalar(value)}]") == [value]
    assert yaml.safe_load(f"key: {scalar(value)}") == {"key": value}


MODEL = Model("taken", "Doc.", (Part("select * from "), Part("", ("shop", "internal", "x")), Part("\nwhere a = '\\d'")))


@pytest.mark.parametrize(
    ("source", "imports"),
    [
        (None, 2),
        ('"""Models."""\n', 2),
        ("import os\n\nprint(os)\n", 2),
        (
            "from __future__ import annotations\n\nimport duckdb\n\nfrom domains.shop.x import y\n\nprint(duckdb, y)\n",
            4,
        ),
        (
            "from platform_resources.orchestration import python_model\n\n\n@python_model(1)\ndef a(lake):\n    pass\n",
            1,
        ),
        ("taken = 1\n", 2),
    ],
)
def test_a_function_is_added_to_any_module(source: str | None, imports: int) -> None:
    text, name = with_python_model(source, MODEL, "shop", ["shop.internal.x"])
    tree = ast.parse(text)
    assert isinstance(tree.body[-1], ast.FunctionDef)
    assert tree.body[-1].name == name
    assert name == ("taken_model" if source == "taken = 1\n" else "taken")
    assert sum(isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body) == imports
    literal = next(
        node.value for node in ast.walk(tree.body[-1]) if isinstance(node, ast.Constant) and "\\d" in str(node.value)
    )
    assert "from shop.internal.x" in " ".join(literal.split())


def run_model(model: Model, reads: list[str]) -> tuple[ast.Module, list[tuple]]:
    """What the written function's SQL gives, with the file's tree."""
    text, name = with_python_model(None, model, "shop", reads)
    tree = ast.parse(text)
    call = next(node for node in ast.walk(tree.body[-1]) if isinstance(node, ast.Return)).value
    assert tree.body[-1].name == name
    assert isinstance(call, ast.Call)
    with duckdb.connect() as con:
        return tree, con.sql(ast.literal_eval(call.args[0])).fetchall()


@pytest.mark.parametrize("table", ['my "table"', "it's", 'x"]) or print("y', "a b", "back\\slash", "two\nlines"])
def test_quoted_names_of_tables_and_columns_stay_texts_of_python(table: str) -> None:
    tree, _ = run_model(Model("m", "Doc.", (Part("select 1"),)), [f"shop.internal.{table}"])
    decorator = tree.body[-1].decorator_list[0]
    assert ast.literal_eval(decorator.keywords[0].value) == [f"shop.internal.{table}"]
    assert ast.literal_eval(python_text(table)) == table


@pytest.mark.parametrize(
    "value",
    ["a\nb", "a\r\n  b ", "a\u2028b", "\x85", "it''s\n", 'say """x"""\n', "back\\slash\n", "-- no comment\n", "a \n b"],
)
@pytest.mark.parametrize("form", ["'{}'", "$${}$$", "$t${}$t$"])
def test_texts_of_a_query_are_not_changed(value: str, form: str) -> None:
    sql = f'-- it\'s a comment\nselect\n  {form.format(value)} as "n"\n'
    with duckdb.connect() as con:
        assert run_model(Model("m", "Doc.", (Part(sql),)), [])[1] == con.sql(sql).fetchall()
        inner = f"select * from (\n    {indented(sql, '    ')}\n)"
        assert con.sql(inner).fetchall() == con.sql(sql).fetchall()


def test_a_table_with_unusual_names_gives_python_files(settings: MeshSettings) -> None:
    table, column = """odd "name's""", """a": ""}}; print("run") #"""
    with connect(settings, own="shop") as con:
        con.execute(
            f"CREATE TABLE shop.internal.{quote_identifier(table)} AS "
            f"SELECT range AS id, 'x' || range AS {quote_identifier(column)} FROM range(5)"
        )
    new(settings, "shop.odd", f"select * from shop.internal.{quote_identifier(table)}")
    tree = ast.parse((settings.project / "tests" / "domains" / "test_shop_odd.py").read_text(encoding="utf-8"))
    tables = next(node.value for node in tree.body if isinstance(node, ast.Assign))
    assert ast.literal_eval(tables) == {f"shop.internal.{table}": {"id": "BIGINT", column: "VARCHAR"}}
    ast.parse((settings.domains / "shop" / "assets.py").read_text(encoding="utf-8"))


def test_a_query_is_indented_where_nothing_changes() -> None:
    assert indented("select 'a' -- it's\nfrom x", "  ") == "select 'a' -- it's\n  from x"


def test_a_broken_module_is_told() -> None:
    with pytest.raises(ScaffoldError, match=r"assets\.py, line 1"):
        with_python_model("def (:\n", MODEL, "shop", [])


def test_tables_of_a_query_become_references_and_nothing_else_does() -> None:
    query = (
        "with x as (select * from sales . bookings . v1)\n"
        "select 'sales.bookings.v1' as \"größe\", x.* -- sales.bookings.v1\n"
        'from x join "crm"."internal"."customers" c using (household_id) where note <> \'{{ no }}\''
    )
    with duckdb.connect() as con:
        parts, _ = split_query(con, query)
    names = DbtNames(frozenset(), {("sales", "bookings", "v1"): ("bookings", "v1")})
    sql, missing = dbt_model_text(Model("m", "Doc.", parts), "crm", names)
    assert "from {{ source('bookings', 'v1') }})" in sql
    assert "select 'sales.bookings.v1' as" in sql
    assert "-- sales.bookings.v1" in sql
    assert "{{ '{{' }} no }}" in sql
    assert "join {{ source('internal', 'customers') }} c" in sql
    assert missing == [("internal", ("crm", "internal", "customers"))]


def test_documents_have_no_findings_of_their_own(settings: MeshSettings, tmp_path: Path) -> None:
    new(settings, "marketing.people", people(tmp_path, rows=3))
    new(settings, "marketing.idea", description='A "quoted" purpose: with # signs')
    assert [str(f) for f in errors(load_mesh(settings.domains).findings) if "marketing" in str(f.file)] == []
