"""A bad file is refused with its name and the reason, kept, and stops no other; mended, it is taken."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from tests.pipeline.building import NOW, SOURCE, Shop, minutes

NAME = "bad.parquet"


def truncated(shop: Shop) -> None:
    file = shop.till.land(NAME, range(10, 1000))
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def without_footer(shop: Shop) -> None:
    file = shop.till.land(NAME, [10])
    file.write_bytes(file.read_bytes()[:-8])


def damaged_pages(shop: Shop) -> None:
    file = shop.till.land(NAME, range(10, 5000))
    content = bytearray(file.read_bytes())
    content[4:4000] = os.urandom(3996)
    file.write_bytes(bytes(content))


def empty(shop: Shop) -> None:
    (shop.till.folder / NAME).touch()


def comma_separated(shop: Shop) -> None:
    (shop.till.folder / NAME).write_text("id,amount,currency,landed_at\n10,1.00,USD,2026-03-02\n")


def wrong_types(shop: Shop) -> None:
    shop.till.land(NAME, [10], columns="id::VARCHAR AS id, amount::DOUBLE AS amount, currency, landed_at")


def a_footer_that_denies_nulls(shop: Shop) -> None:
    """A null key, and a count of nulls (field 3 of the statistics, a varint) that says there is none."""
    file = shop.till.land(NAME, [10, None])
    content = file.read_bytes()
    assert content.count(b"\x16\x02") == 1
    file.write_bytes(content.replace(b"\x16\x02", b"\x16\x00"))
    ((nulls,),) = duckdb.execute(
        f"SELECT stats_null_count FROM parquet_metadata('{file}') WHERE path_in_schema = 'id'"
    ).fetchall()
    assert nulls == 0


def a_footer_with_another_key(shop: Shop) -> None:
    """The key of an earlier file, and statistics that call it another one."""
    file = shop.till.land(NAME, [1])
    content, one = file.read_bytes(), (1).to_bytes(8, "little")
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    footer = content[start:].replace(one, (77).to_bytes(8, "little"))
    assert footer != content[start:]
    file.write_bytes(content[:start] + footer)


def a_directory(shop: Shop) -> None:
    (shop.till.folder / NAME).mkdir()
    (shop.till.folder / NAME / "part-0.parquet").write_bytes(b"rows")


def a_link(shop: Shop) -> None:
    elsewhere = shop.root / "elsewhere.parquet"
    shop.till.land("elsewhere.parquet", [10]).rename(elsewhere)
    (shop.till.folder / NAME).symlink_to(elsewhere)


def a_dangling_link(shop: Shop) -> None:
    (shop.till.folder / NAME).symlink_to(shop.root / "nowhere")


def a_pipe(shop: Shop) -> None:
    os.mkfifo(shop.till.folder / NAME)


BAD: dict[str, tuple[Callable[[Shop], object], str]] = {
    "truncated": (truncated, "not a whole Parquet file"),
    "without footer": (without_footer, "not a whole Parquet file"),
    "damaged pages": (damaged_pages, "damaged: "),
    "empty": (empty, r"the file is empty \(0 bytes\)"),
    "CSV": (comma_separated, "not a whole Parquet file"),
    "wrong types": (wrong_types, r"column id is VARCHAR, the contract lines.odcs.yaml says BIGINT"),
    "dropped column": (
        lambda shop: shop.till.land(NAME, [10], columns="id, currency, landed_at"),
        "column amount is missing; the contract lines.odcs.yaml promises it",
    ),
    "null key": (lambda shop: shop.till.land(NAME, [10, None]), "required__id: .*1"),
    "null key that the footer denies": (a_footer_that_denies_nulls, "required__id: .*1"),
    "key of an earlier file that the footer denies": (a_footer_with_another_key, "primary_key: 1 of its rows"),
    "foreign currency": (lambda shop: shop.till.land(NAME, [10], currency="'EUR'"), "currency_is_usd: .*1"),
    "key twice in the file": (lambda shop: shop.till.land(NAME, [10, 10]), "primary_key: "),
    "key of an earlier file": (
        lambda shop: shop.till.land(NAME, [10, 1]),
        r"primary_key: 1 of its rows \(id\) were delivered before in another file",
    ),
    "key of another new file": (
        lambda shop: shop.till.land(NAME, [10, 2], extracted_at=NOW + minutes(30)),
        r"primary_key: 1 of its rows \(id\) stand in another new file too",
    ),
    "no moment": (lambda shop: shop.till.land(NAME, [10], extracted_at="yesterday"), "extracted_at 'yesterday' is no"),
    "moment without zone": (
        lambda shop: shop.till.land(NAME, [10], extracted_at="2026-03-02T12:00:00"),
        "extracted_at '2026-03-02T12:00:00' has no time zone",
    ),
    "moment in the future": (
        lambda shop: shop.till.land(NAME, [10], extracted_at=NOW + timedelta(days=365)),
        "lies in the future",
    ),
    "directory": (a_directory, "it is a directory, not a file"),
    "link": (a_link, "it is a symbolic link, not a file"),
    "dangling link": (a_dangling_link, "it is a symbolic link, not a file"),
    "pipe": (a_pipe, "it is a pipe, socket or device, not a file"),
}


@pytest.mark.parametrize(("spoil", "said"), BAD.values(), ids=BAD)
def test_a_bad_file_is_kept_with_its_reasons_and_the_others_are_taken(shop, spoil, said):
    shop.till.land("a.parquet", [1])
    shop.ingest()
    shop.till.land("b.parquet", [2], extracted_at=NOW + minutes(10))
    spoil(shop)
    shop.till.land("c.parquet", [3], extracted_at=NOW + minutes(20))
    before = content_of(shop.till.folder / NAME)

    report = shop.ingest()
    assert (report.files, report.watermark) == (2, NOW + minutes(20))
    assert shop.ids() == [1, 2, 3]
    (refused,) = report.quarantined
    assert refused.file == NAME
    assert any_matches(said, refused.reasons), refused.reasons
    assert shop.till.names() == ["a.parquet", "b.parquet", "c.parquet"]
    assert content_of(refused.moved_to) == before
    note = json.loads((refused.moved_to.parent / f"{NAME}.reason.json").read_text())
    assert (note["file"], note["reasons"]) == (NAME, list(refused.reasons))
    assert shop.ingest().quarantined == ()

    shop.till.land(NAME, [10], extracted_at=NOW + minutes(40))
    mended = shop.ingest(now=NOW + minutes(60))
    assert (mended.files, mended.quarantined) == (1, ())
    assert shop.ids() == [1, 2, 3, 10]


def any_matches(pattern: str, reasons: tuple[str, ...]) -> bool:
    return any(re.search(pattern, reason) for reason in reasons)


def content_of(path: Path) -> object:
    if path.is_symlink():
        return path.readlink()
    if path.is_dir():
        return {child.name: child.read_bytes() for child in path.iterdir()}
    return path.read_bytes() if path.is_file() else path.lstat().st_mode


def test_a_name_that_is_no_text(shop):
    shop.till.land("a.parquet", [1]).rename(shop.till.folder / os.fsdecode(b"caf\xe9.parquet"))
    shop.till.land("b.parquet", [2])
    report = shop.ingest()
    assert report.files == 1
    (refused,) = report.quarantined
    assert (refused.file, refused.reasons) == ("caf\\xe9.parquet", ("its name is not UTF-8",))
    assert refused.moved_to.is_file()
    assert shop.ingest().quarantined == ()


def test_files_that_are_still_being_written_are_left_alone(shop):
    for name in (".a.parquet", ".b.parquet.tmp", "notes.txt"):
        (shop.till.folder / name).write_bytes(b"half")
    report = shop.ingest()
    assert (report.files, report.quarantined) == (0, ())
    assert shop.till.names() == [".a.parquet", ".b.parquet.tmp", "notes.txt"]


def test_a_file_without_rows_is_a_sign_of_life(shop):
    shop.till.land("a.parquet", [1])
    shop.till.land("b.parquet", [], extracted_at=NOW + minutes(10))
    report = shop.ingest()
    assert (report.files, report.rows, report.watermark) == (2, 1, NOW + minutes(10))


def test_a_file_that_says_no_moment_is_as_old_as_the_file_but_never_of_the_future(shop):
    file = shop.till.land("a.parquet", [1], extracted_at=None)
    os.utime(file, (NOW.timestamp() - 60,) * 2)
    assert shop.ingest().watermark == NOW - minutes(1)
    file = shop.till.land("b.parquet", [2], extracted_at=None)
    os.utime(file, (NOW.timestamp() + 9_999_999,) * 2)
    assert shop.ingest().watermark == NOW


def test_bad_files_among_many_are_found_one_by_one(shop):
    for number in range(40):
        currency = "'EUR'" if number in (0, 17, 39) else "'USD'"
        shop.till.land(f"f{number:02}.parquet", [number], currency=currency, extracted_at=NOW + minutes(number))
    report = shop.ingest()
    assert report.files == 37
    assert {q.file for q in report.quarantined} == {"f00.parquet", "f17.parquet", "f39.parquet"}


def test_a_bad_share_does_not_hide_among_good_files(shop):
    """Of all rows together 5 % have no amount; in the one bad file it is half of them."""
    rule = (
        '{name: amount, logicalType: number, physicalType: "DECIMAL(10,2)", quality: [{name: mostly_priced, '
        "type: library, metric: nullValues, unit: percent, mustBeLessThan: 10, dimension: completeness}]}"
    )
    shop.redefine(SOURCE.replace('{name: amount, logicalType: number, physicalType: "DECIMAL(10,2)"}', rule))
    shop.till.land("good.parquet", range(18))
    shop.till.land("bad.parquet", [100, 101], amount="CASE WHEN id = 100 THEN 1.00 END::DECIMAL(10,2)")
    report = shop.ingest()
    assert report.files == 1
    assert [q.file for q in report.quarantined] == ["bad.parquet"]


def test_key_scope_file_lets_keys_come_again_in_later_files(shop):
    shop.redefine(SOURCE + "customProperties:\n  - {property: keyScope, value: file}\n")
    shop.till.land("a.parquet", [1, 2])
    shop.till.land("b.parquet", [1])
    shop.till.land("c.parquet", [1, 1])
    report = shop.ingest()
    assert report.files == 2
    assert [q.file for q in report.quarantined] == ["c.parquet"]
    assert shop.ids() == [1, 1, 2]


def test_refused_files_of_one_name_never_replace_each_other(shop):
    for number in (1, 2, 3):
        shop.till.land("a.parquet", [number], currency="'EUR'")
        assert len(shop.ingest().quarantined) == 1
    kept = [name for name in shop.quarantine() if name.endswith(".parquet")]
    assert len(kept) == 3
    assert {f"{name}.reason.json" for name in kept} <= shop.quarantine()


@contextmanager
def without_privileges(folder: Path) -> Iterator[None]:
    """As an ordinary user, to whom permissions apply, who owns what is below `folder`."""
    if os.geteuid() != 0:
        yield
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, 65534, 65534, follow_symlinks=False)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can get to, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp())
    yield folder
    shutil.rmtree(folder)


def test_a_file_that_may_not_be_read(open_folder):
    shop = Shop(open_folder)
    shop.till.land("a.parquet", [1])
    closed = shop.till.land("closed.parquet", [2])
    with without_privileges(open_folder):
        closed.chmod(0)
        report = shop.ingest()
        assert report.files == 1
        (refused,) = report.quarantined
        assert refused.reasons == ("it can't be read: Permission denied; the platform needs read permission",)
        refused.moved_to.chmod(0o644)
        refused.moved_to.rename(closed)
        assert shop.ingest().files == 1
        assert shop.ids() == [1, 2]


def test_a_file_that_can_not_be_moved_stays_and_is_told_every_time(open_folder):
    shop = Shop(open_folder)
    bad = shop.till.land("bad.parquet", [2], currency="'EUR'")
    with without_privileges(open_folder):
        shop.till.folder.chmod(0o555)
        for _ in range(2):
            (refused,) = shop.ingest().quarantined
            assert refused.moved_to == bad
            assert "could not be moved to" in refused.reasons[-1]
            assert "stays in the landing zone" in refused.reasons[-1]
        assert shop.query("SELECT count(*) FROM shop.mesh.ingested_files") == [(1,)]
        shop.till.folder.chmod(0o755)
        (refused,) = shop.ingest().quarantined
        assert refused.moved_to.exists()
        assert not bad.exists()


@pytest.fixture
def other_file_system(shop) -> Iterator[Path]:
    """Quarantine on a file system of its own."""
    here = shop.root.stat().st_dev
    others = (Path(name) for name in ("/dev/shm", "/tmp", "/var/tmp"))
    shared = next((folder for folder in others if folder.is_dir() and folder.stat().st_dev != here), None)
    if shared is None:
        pytest.skip("there is no second file system here")
    folder = Path(tempfile.mkdtemp(dir=shared))
    shop.settings.quarantine.symlink_to(folder)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("spoil", [comma_separated, a_directory, a_link], ids=lambda spoil: spoil.__name__)
def test_quarantine_on_another_file_system(shop, other_file_system, spoil):
    spoil(shop)
    before = content_of(shop.till.folder / NAME)
    (refused,) = shop.ingest().quarantined
    assert content_of(other_file_system / "shop/lines" / NAME) == before
    assert refused.moved_to.exists()
    assert shop.till.names() == []
    assert shop.quarantine() == {NAME, f"{NAME}.reason.json"}


def test_a_move_between_file_systems_that_was_cut_off_is_completed(shop, other_file_system):
    comma_separated(shop)
    shop.ingest()
    kept = other_file_system / "shop/lines" / NAME
    shutil.copy(kept, shop.till.folder / NAME)  # as if killed between copying and deleting
    kept.with_name(f".{NAME}.part").write_bytes(b"half a copy")
    shop.ingest()
    assert shop.till.names() == []
    assert shop.quarantine() == {NAME, f"{NAME}.reason.json"}
