"""What a file holds is recognised, and a suggested contract never refuses the data that it was suggested from."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from platform_resources.contracts import Document, errors
from platform_resources.contracts.contract_view import contract_view
from platform_resources.contracts.domains import check_document
from platform_resources.governance import Council
from platform_resources.governance.terms import Glossary
from platform_resources.quality import evaluate
from platform_resources.self_service.changeset import ScaffoldError
from platform_resources.self_service.columns import drafts
from platform_resources.self_service.delivered import load_files
from platform_resources.self_service.new_names import as_identifier, column_names, sql_words
from platform_resources.self_service.profiling import Profile, profile
from platform_resources.self_service.text_files import Layout
from platform_resources.self_service.typing_texts import TYPED, TypedColumn, create_typed, typed_columns

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def looked_at(
    con: duckdb.DuckDBPyConnection, path: Path, layout: Layout | None = None, date_format: str | None = None
) -> tuple[list[TypedColumn], Profile]:
    with load_files(con, [path], layout or Layout()) as delivered:
        typed = typed_columns(con, delivered, date_format)
        create_typed(con, typed)
        return typed, profile(con, TYPED)


def types_of(tmp_path: Path, text: str, **more: object) -> dict[str, str]:
    path = tmp_path / "file.csv"
    path.write_text(text, encoding="utf-8")
    with duckdb.connect() as con:
        typed, _ = looked_at(con, path, **more)
    return {column.name: column.type for column in typed}


def column_type(tmp_path: Path, *values: str, **more: object) -> str:
    text = "id;value\n" + "".join(f"{number};{value}\n" for number, value in enumerate(values))
    return types_of(tmp_path, text, **more)["value"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("1", "-2", "30"), "BIGINT"),
        (("007", "1", "2"), "VARCHAR"),  # a leading zero makes it a code
        (("12345678901234567890", "1"), "VARCHAR"),
        (("1.5", "2", "3.25"), "DECIMAL(18,2)"),
        (("1.234,50", "0,5"), "DECIMAL(18,2)"),
        (("1,234.50", "7"), "DECIMAL(18,2)"),
        (("0.12345678901", "1"), "DOUBLE"),  # a measurement, not an amount
        (("1e5", "2.5"), "DOUBLE"),
        (("2026-01-31", "2025-12-01"), "DATE"),
        (("31.01.2026", "01.02.2026"), "DATE"),
        (("31/01/2026", "01/02/2026"), "DATE"),
        (("01/31/2026", "02/01/2026"), "DATE"),
        (("03/04/2026", "01/02/2026"), "VARCHAR"),  # March or April?
        (("2026-01-31 10:00:00", "2026-01-31T11:00"), "TIMESTAMP"),
        (("2026-01-31T10:00:00Z", "2026-01-31 11:00:00+02:00"), "TIMESTAMP WITH TIME ZONE"),
        (("10:30", "23:59:59"), "TIME"),
        (("true", "false"), "BOOLEAN"),
        (("ja", "nein"), "BOOLEAN"),
        (("0", "1"), "BIGINT"),
        (("12", "NA", ""), "BIGINT"),  # words for nothing
        (("12", "twelve"), "VARCHAR"),
        (("", ""), "VARCHAR"),
        (("2026-02-30", "2026-01-01"), "VARCHAR"),  # no such day
    ],
)
def test_types_of_texts(tmp_path: Path, values: tuple[str, ...], expected: str) -> None:
    assert column_type(tmp_path, *values) == expected


def test_a_date_format_settles_what_is_day_and_what_is_month(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("id,on\n1,03/04/2026\n2,01/02/2026\n", encoding="utf-8")
    with duckdb.connect() as con:
        typed, found = looked_at(con, path, date_format="%d/%m/%Y")
        assert typed[1].type == "DATE"
        assert found.columns[1].maximum == date(2026, 4, 3)
        undecided, _ = looked_at(con, path)
        assert undecided[1].type == "VARCHAR"
        assert "--date-format '%d/%m/%Y' or '%m/%d/%Y'" in undecided[1].notes[0]


def test_one_odd_value_far_below_keeps_a_column_text(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    rows = [f"{number},{number % 7}" for number in range(30_000)]
    rows[29_000] = "29000,unknown"
    path.write_text("id,grade\n" + "\n".join(rows) + "\n", encoding="utf-8")
    with duckdb.connect() as con:
        typed, found = looked_at(con, path)
    assert [column.type for column in typed] == ["BIGINT", "VARCHAR"]
    assert "29,999 of 30,000 values are BIGINT; others, such as 'unknown', keep it a text" in typed[1].notes
    assert found.key == ("id",)


def test_postcodes_and_phones_are_no_numbers(tmp_path: Path) -> None:
    found = types_of(tmp_path, "id,zip_code,phone,price\n1,10115,4930123456,5\n2,80331,4989123456,7\n")
    assert found == {"id": "BIGINT", "zip_code": "VARCHAR", "phone": "VARCHAR", "price": "BIGINT"}


@pytest.mark.parametrize(
    ("content", "written", "encoding"),
    [
        (b"\xef\xbb\xbfid,name\n1,a\n", ("id", "name"), "utf-8"),
        ("id;straße\n1;Bäckergasse\n".encode("latin-1"), ("id", "straße"), "cp1252"),
        ("id\tname\n1\ta\n".encode("utf-16"), ("id", "name"), "utf-16"),
        (b'id|"a ""b"" | c"\n1|2\n', ("id", 'a "b" | c'), "utf-8"),
        (b"Report of May\n\nid,name\n1,a\n2,b\n3,c\n", ("id", "name"), "utf-8"),
        (b"id,id,\n1,2,3\n", ("id", "id", ""), "utf-8"),
        (b"id\n1\n2\n", ("id",), "utf-8"),
        (b'id,text\n1,"two\nlines"\n', ("id", "text"), "utf-8"),
        (b"id,name\r\n1,a\r\n", ("id", "name"), "utf-8"),
    ],
)
def test_csv_as_people_write_it(tmp_path: Path, content: bytes, written: tuple[str, ...], encoding: str) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    with duckdb.connect() as con, load_files(con, [path], Layout()) as delivered:
        assert delivered.written == written
        assert delivered.layout.encoding == encoding
        assert delivered.rows >= 1


def test_a_file_without_a_header_gets_names(tmp_path: Path) -> None:
    assert types_of(tmp_path, "1,2026-01-01,a\n2,2026-01-02,b\n") == {
        "column_1": "BIGINT",
        "column_2": "DATE",
        "column_3": "VARCHAR",
    }


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("empty.csv", b"", "is empty (0 bytes)"),
        ("broken.csv", b'a,b\n1,2\n"x\ny",3\n1,2,3\n4\n', "line 5: 3 cells"),
        ("binary.csv", b"a,b\n\x00\x01,2\n", "holds NUL bytes"),
        ("book.xlsx", b"PK\x03\x04", "is a spreadsheet"),
        ("no.parquet", b"something", "is no Parquet file"),
        ("cut.parquet", b"PAR1 and no end", "is no whole Parquet file"),
    ],
)
def test_files_that_can_not_be_read_say_why(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with duckdb.connect() as con, pytest.raises(ScaffoldError) as raised, load_files(con, [path], Layout()):
        pass
    assert told in str(raised.value)
    assert str(path) in str(raised.value)


def test_a_header_and_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("id,name\n", encoding="utf-8")
    with duckdb.connect() as con:
        typed, found = looked_at(con, path)
    assert [column.type for column in typed] == ["VARCHAR", "VARCHAR"]
    assert (found.rows, found.key) == (0, ())


def test_keys_kinds_and_gaps_are_counted() -> None:
    with duckdb.connect() as con:
        con.execute(
            "CREATE TABLE t AS SELECT i % 50 AS store_id, date '2026-01-01' + (i // 50)::INTEGER AS day, "
            "'p' || i % 100 || '@mail.example' AS email, CASE WHEN i % 4 = 0 THEN NULL ELSE i END AS n, "
            "['gold', 'blue'][1 + i % 2] AS segment, NULL::VARCHAR AS nothing FROM range(1000) r(i)"
        )
        found = profile(con, "t")
    assert found.key == ("store_id", "day")
    assert found.duplicates == 0
    assert found.column("email").kind == "e-mail"
    assert found.column("n").filled == 750
    assert found.column("segment").values == (("blue", 500), ("gold", 500))
    assert found.column("nothing").filled == 0


def test_repeated_rows_are_told() -> None:
    with duckdb.connect() as con:
        con.execute("CREATE TABLE t AS SELECT i % 10 AS a, 'x' AS b FROM range(100) r(i)")
        found = profile(con, "t")
    assert (found.key, found.duplicates) == ((), 90)


def test_a_wide_table() -> None:
    with duckdb.connect() as con:
        columns = ", ".join(f"(i * {n}) % 1000 AS c{n}" if n % 2 else f"'v' || i % 17 AS c{n}" for n in range(300))
        con.execute(f"CREATE TABLE t AS SELECT {columns} FROM range(5000) r(i)")
        found = profile(con, "t")
    assert len(found.columns) == 300
    assert found.column("c299").maximum == 999


def test_money_is_never_double(tmp_path: Path) -> None:
    path = tmp_path / "file.parquet"
    with duckdb.connect() as con:
        con.execute(f"COPY (SELECT 1 AS id, 19.99::DOUBLE AS price, 0.1234::DOUBLE AS share) TO '{path}'")
        typed, found = looked_at(con, path)
    assert {column.name: column.type for column in typed} == {
        "id": "INTEGER",
        "price": "DECIMAL(18,2)",
        "share": "DOUBLE",
    }
    assert found.column("price").minimum == Decimal("19.99")


def test_names_that_are_no_identifiers() -> None:
    long = "x" * 80
    made = column_names(["E-Mail Adresse", "Größe (€)", "order", "2nd", "", "id", "ID", long, long, "_x", "ок"])
    assert made[:8] == ["e_mail_adresse", "groesse_eur", "order_column", "n2nd", "column_5", "id", "id_2", "x" * 63]
    assert len(set(made)) == len(made)


@given(st.lists(st.text(max_size=90), max_size=30))
def test_every_list_of_names_becomes_one_of_identifiers(names: list[str]) -> None:
    made = column_names(names)
    assert len(set(made)) == len(names)
    for name in made:
        assert as_identifier(name) == name or name.rstrip("_0123456789")
        assert len(name) <= 63
        assert name not in sql_words()
        assert name[0].isalpha()


CELLS = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.decimals(-1000, 1000, places=2, allow_nan=False).map(str),
    st.dates(date(1900, 1, 1), date(2100, 1, 1)).map(str),
    st.sampled_from(["", "NA", "yes", "no", "007", "a@b.example", "x y", "1,5", "03/04/2026", "-", "NULL", "ü", "1e5"]),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12),
)


def contract_of(found: Profile, source: bool) -> str:
    """A contract of what the profile suggests."""
    lines = [
        "apiVersion: v3.1.0", "kind: DataContract", "id: x.t.v1", "version: 1.0.0", "status: draft", "domain: x",
        "description: {purpose: For a test.}", "schema:", "  - name: t", "    physicalName: t", "    properties:",
    ]  # fmt: skip
    made = drafts(found, Council(None), Glossary(), "x", source=source)
    lines += [f"      {line}" for draft in made for line in draft.lines()]
    return "\n".join(lines) + "\n"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.data(),
    repeat=st.sampled_from([1, 1, 40]),  # 40: enough rows for promises
    width=st.integers(1, 4),
)
def test_the_suggested_contract_accepts_what_it_was_suggested_from(
    tmp_path: Path, data: st.DataObject, repeat: int, width: int
) -> None:
    kinds = [data.draw(st.lists(CELLS, min_size=1, max_size=4)) for _ in range(width)]
    rows = data.draw(st.lists(st.tuples(*(st.sampled_from(kind) for kind in kinds)), max_size=12)) * repeat
    path = tmp_path / "file.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
        writer.writerow(["id", *(f"Column {number}" for number in range(width))])
        writer.writerows([(number, *row) for number, row in enumerate(rows, 1)])
    with duckdb.connect() as con:
        typed, found = looked_at(con, path, Layout(delimiter=",", header=True))
        assert found.rows == len(rows)
        filled = sum(bool(cell) for row in rows for cell in row)
        kept = sum(found.column(column.name).filled for column in typed[1:])
        lost = sum(
            cell.strip() in {"", *column.form.nulls}
            for row in rows
            for cell, column in zip(row, typed[1:], strict=True)
            if cell
        )
        assert kept >= filled - lost  # nothing vanishes but blanks and words for nothing
        for source in (False, True):
            text = contract_of(found, source)
            document = Document.parse(text.encode(), tmp_path / "t.odcs.yaml")
            (tmp_path / "t.odcs.yaml").write_text(text, encoding="utf-8")
            assert errors(check_document(tmp_path / "t.odcs.yaml")) == []
            audit = evaluate(con, contract_view(document), TYPED, now=NOW)
            failed = [f"{result.name}: {result.message}" for result in audit.results if not result.passed]
            assert failed == []


def loaded(path: Path, layout: Layout | None = None) -> tuple[tuple[str, ...], list[tuple]]:
    with duckdb.connect() as con, load_files(con, [path], layout or Layout()) as delivered:
        return delivered.written, con.execute("SELECT * EXCLUDE (_file) FROM _delivered ORDER BY _row").fetchall()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("inner", ["\n", "\r\n"])
@pytest.mark.parametrize("titles", [0, 2])
def test_line_breaks_within_quotes_are_no_ends_of_rows(tmp_path: Path, end: str, inner: str, titles: int) -> None:
    path = tmp_path / "excel.csv"
    lines = [
        *["Report"] * titles,
        f'id,"order{inner}no",at',
        f'1,"b{inner}c",2026-01-01',
        "",
        '2,"say ""x""",2026-01-02',
    ]
    path.write_bytes((end.join(lines) + end).encode())
    written, rows = loaded(path)
    assert (written[0], written[1][:5], written[1][-2:], written[2]) == ("id", "order", "no", "at")
    assert rows == [("1", f"b{inner}c", "2026-01-01", 1), ("2", 'say "x"', "2026-01-02", 2)]


def test_a_header_of_two_lines_without_a_line_break_at_the_end_keeps_its_only_row(tmp_path: Path) -> None:
    path = tmp_path / "excel.csv"
    path.write_bytes(b'id,"order\nno",at\r\n1,b,2026-01-01')
    assert loaded(path)[1] == [("1", "b", "2026-01-01", 1)]


def test_an_empty_line_of_one_column_is_a_row_and_a_long_cell_is_a_cell(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text("name\nada\n\n" + "x" * 200_000 + "\n", encoding="utf-8")
    assert [row[0] and row[0][:3] for row in loaded(path)[1]] == ["ada", None, "xxx"]


@pytest.mark.parametrize("row", ['2,"never closed,2026-01-02\n3,c,x', '2,"b"c,x', "2,b", '2,b,x,"\n"'])
def test_rows_are_never_lost_silently(tmp_path: Path, row: str) -> None:
    path = tmp_path / "broken.csv"
    path.write_text(f"id,name,at\n1,a,x\n{row}\n", encoding="utf-8")
    with pytest.raises(ScaffoldError, match=r"broken\.csv"):
        loaded(path, Layout(delimiter=","))
