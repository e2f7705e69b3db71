"""The index on disk: renewed, shared, rebuilt when damaged; and pages that stay as they were."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from platform_resources.catalog.index import ProductEntry
from platform_resources.catalog.search import Asked, Filters, Found, Place, Search, kept
from tests.catalog.search.made import HOUR, NOW, Entries, product


def find(search: Search, text: str = "", knows: bool = False, **asked: object) -> Found:
    return search.find(Asked(text, **asked), lambda _: knows, NOW)  # type: ignore[arg-type]


def found(search: Search, text: str = "", **asked: object) -> list[str]:
    return [hit.product.address for hit in find(search, text, **asked).hits]


def test_a_change_is_found_at_the_next_question(tmp_path: Path) -> None:
    entries = Entries(product("a.apples"), product("a.pears"))
    search = Search(tmp_path, entries)
    assert found(search, "apples") == ["a.apples"]
    entries.put(product("a.plums"), product("a.apples", tags=("fruit",)))
    assert found(search, "plums") == ["a.plums"]
    assert found(search, "fruit") == ["a.apples"]
    entries.remove("a.pears")
    assert found(search, "pears") == []
    assert find(search).total == 2


def test_the_next_process_goes_on_with_what_is_on_disk(tmp_path: Path) -> None:
    entries = Entries(product("a.apples"), product("a.pears"))
    find(Search(tmp_path, entries))
    kept = _files(tmp_path)
    again = Search(tmp_path, entries)
    assert found(again, "pears") == ["a.pears"]
    assert _files(tmp_path) == kept  # nothing was written
    entries.put(product("a.plums"))
    assert found(again, "plums") == ["a.plums"]
    assert found(Search(tmp_path, entries), "plums") == ["a.plums"]


def test_two_that_are_open_see_each_others_changes(tmp_path: Path) -> None:
    entries = Entries(product("a.apples"))
    one, other = Search(tmp_path, entries), Search(tmp_path, entries)
    find(one)
    find(other)
    for number in range(5):
        entries.put(product(f"a.plums_{number}"))
        assert find(one, "plums").total == number + 1
        assert find(other, "plums").total == number + 1


@pytest.mark.parametrize("damage", ["cut", "garbled", "removed", "state", "meta", "all", "half a state"])
def test_a_damaged_index_is_made_anew(tmp_path: Path, damage: str) -> None:
    entries = Entries(*(product(f"a.apples_{number}") for number in range(20)))
    assert find(Search(tmp_path, entries), "apples").total == 20
    term = next(file for file in (tmp_path / "everyone").iterdir() if file.suffix == ".term")
    if damage == "cut":
        os.truncate(term, term.stat().st_size // 2)
    elif damage == "garbled":
        content = bytearray(term.read_bytes())
        content[10:30] = b"\xff" * 20
        term.write_bytes(content)
    elif damage == "removed":
        term.unlink()
    elif damage == "state":
        (tmp_path / "state.json").unlink()
    elif damage == "half a state":
        (tmp_path / "state.json").write_text('{"format": 1}')
    elif damage == "meta":
        (tmp_path / "everyone" / "meta.json").write_text("{")
    else:
        shutil.rmtree(tmp_path)
    assert find(Search(tmp_path, entries), "apples").total == 20


class Ending(Entries):
    """A catalog that a process reads in parts, and ends in the midst of it, once."""

    def each_product(self) -> Iterator[ProductEntry]:
        for number, entry in enumerate(super().each_product()):
            if number == 15 and len(self.entries) == 19:
                self.put(product("a.pears"))
                raise InterruptedError
            yield entry


def test_who_ends_in_the_midst_of_making_it_anew_leaves_nothing_that_is_taken_for_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "_BATCH", 5)
    entries = Ending(*(product(f"a.apples_{number}") for number in range(20)))
    one, other = Search(tmp_path, entries), Search(tmp_path, entries)
    assert find(one).total == find(other).total == 20
    entries.remove("a.apples_3")
    with pytest.raises(InterruptedError):
        find(one)
    assert find(other).total == 20  # 19 apples and a pear
    assert find(one).total == 20


def test_a_folder_that_is_deleted_meanwhile_is_made_again(tmp_path: Path) -> None:
    entries = Entries(product("a.apples"))
    folder = tmp_path / "search"
    search = Search(folder, entries)
    find(search)
    shutil.rmtree(folder)
    entries.put(product("a.pears"))
    assert find(search).total == 2


def test_several_processes_write_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.catalog.search.made import *\n"
        "from platform_resources.catalog.search import Asked, Search\n"
        "entries = Entries(product('a.apples')); search = Search(Path(sys.argv[1]), entries)\n"
        "for n in range(3):\n"
        "    entries.put(product(f'a.plums_{n}'))\n"
        "    assert search.find(Asked('plums'), lambda _: False, NOW).total >= n + 1\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in running:
        _, told = process.communicate(timeout=60)
        assert process.returncode == 0, told


def test_pages_go_on_as_the_first_one_began(tmp_path: Path) -> None:
    entries = Entries(*(product(f"a.apples_{number}") for number in range(6)))
    search = Search(tmp_path, entries)
    first = find(search, "apples", limit=3)
    entries.put(product("a.apples"), product("a.apples_x", tags=("apples",)))
    assert find(search, "apples").total == 8
    assert first.following is not None
    second = find(search, "apples", limit=3, place=first.following)
    told = [hit.product.address for page in (first, second) for hit in page.hits]
    assert sorted(told) == [f"a.apples_{number}" for number in range(6)]
    assert second.following is None
    lost = Place("long gone", 3)
    assert find(search, "apples", limit=3, place=lost).hits


@pytest.mark.parametrize("loss", ["hidden", "gone"])
def test_a_page_counts_no_product_that_is_hidden_or_gone_since(tmp_path: Path, loss: str) -> None:
    entries = Entries(*(product(f"a.apples_{number}", tags=("red",)) for number in range(6)))
    search = Search(tmp_path, entries)
    first = find(search, "apples", limit=3)
    assert first.following is not None
    if loss == "hidden":
        entries.put(product("a.apples_0", tags=("red",), hidden=True))
    else:
        entries.remove("a.apples_0")
    second = find(search, "apples", limit=3, place=first.following)
    assert second.total == 5
    assert dict(second.facets["tag"]) == {"red": 5}
    assert [hit.product.address for hit in second.hits] == ["a.apples_4", "a.apples_5"]


def test_a_product_that_was_always_hidden_changes_no_page(tmp_path: Path) -> None:
    entries = Entries(*(product(f"a.apples_{number}") for number in range(6)))
    search = Search(tmp_path, entries)
    first = find(search, "apples", limit=3)
    assert first.following is not None
    entries.put(product("a.apples_x"), product("a.secrets", hidden=True))
    assert find(search, "apples", limit=3, place=first.following).total == 6
    entries.remove("a.secrets")
    assert find(search, "apples", limit=3, place=first.following).total == 6


class Held(Entries):
    """A catalog that keeps one thread waiting in the middle of a renewal."""

    def __init__(self, *products: ProductEntry) -> None:
        super().__init__(*products)
        self.reached, self.go_on = threading.Event(), threading.Event()

    def products(self, addresses: Iterable[str] | None = None) -> Mapping[str, ProductEntry]:
        found = super().products(addresses)
        if threading.current_thread().name == "slow":
            self.reached.set()
            self.go_on.wait()
        return found


def test_who_asks_while_another_renews_is_told_nothing_that_was_hidden_before(tmp_path: Path) -> None:
    entries = Held(product("a.apples"), product("a.secrets"))
    search = Search(tmp_path, entries)
    assert find(search).total == 2
    entries.put(product("a.plums"))
    slow = threading.Thread(target=find, args=(search,), name="slow")
    slow.start()
    entries.reached.wait()
    assert find(search).total == 2  # with what was there: nobody waits for plums
    entries.put(product("a.secrets", hidden=True))
    told: list[int] = []
    asking = threading.Thread(target=lambda: told.append(find(search).total))
    asking.start()
    asking.join(0.3)  # were it not to wait, it would be through by then
    entries.go_on.set()
    asking.join()
    slow.join()
    assert told == [2]  # apples and plums
    assert "a.secrets" not in found(search)


@pytest.mark.parametrize("knows", [False, True])
def test_all_is_for_the_platform_s_account_alone(tmp_path: Path, knows: bool) -> None:
    folder = tmp_path / "catalog" / "search"
    folder.mkdir(parents=True, mode=0o755)
    search = Search(folder, Entries(product("a.apples"), product("a.secrets", hidden=True)))
    find(search, knows=knows)
    places = [folder, *folder.rglob("*")]
    loose = [place for place in places if place.stat().st_mode & 0o077]
    assert not [str(place) for place in loose]
    search.close()


def test_hidden_products_are_only_in_the_index_of_who_may_know(tmp_path: Path) -> None:
    secret = product("a.secrets", hidden=True, tags=("zyzzyva",), columns=("wolframite",))
    entries = Entries(product("a.apples"), product("a.pears"), secret)
    search = Search(tmp_path, entries)
    for word in ("secrets", "zyzzyva", "zyzyva", "wolframite", ""):
        told = find(search, word)
        assert "a.secrets" not in [hit.product.address for hit in told.hits]
        assert told.did_you_mean is None
    assert find(search).total == 2
    assert find(search, knows=True).total == 3
    assert find(search, "zyzyva", knows=True).did_you_mean == "zyzzyva"
    everyone = b"".join(file.read_bytes() for file in (tmp_path / "everyone").iterdir())
    assert b"zyzzyva" not in everyone
    assert b"wolframite" not in everyone
    search.close()
    assert not list(tmp_path.glob("reader-*"))


def test_what_becomes_hidden_leaves_no_trace(tmp_path: Path) -> None:
    entries = Entries(product("a.apples"), product("a.secrets", tags=("zyzzyva",)))
    search = Search(tmp_path, entries)
    assert find(search, "zyzyva").did_you_mean == "zyzzyva"
    entries.put(product("a.secrets", hidden=True, tags=("zyzzyva",)))
    assert find(search, "zyzyva").did_you_mean is None
    assert find(search, "zyzzyva").total == 0
    entries.put(product("a.secrets", tags=("zyzzyva",)))
    assert found(search, "zyzzyva") == ["a.secrets"]


def test_of_many_products_one_that_becomes_hidden_is_gone_at_once_and_its_words_soon(tmp_path: Path) -> None:
    many = [product(f"a.apples_{number}") for number in range(600)]
    entries = Entries(*many, product("a.secrets", tags=("zyzzyva",)))
    search = Search(tmp_path, entries)
    assert find(search, "zyzzyva").total == 1
    entries.put(product("a.secrets", hidden=True, tags=("zyzzyva",)))
    assert find(search, "zyzzyva").total == 0
    assert find(search).total == 600
    search.close()  # waits for what goes on beside the searches
    assert find(search, "zyzyva").did_you_mean is None
    assert b"zyzzyva" not in b"".join(_files(tmp_path / "everyone").values())


def test_hidden_ones_change_no_byte_of_what_is_for_everybody(tmp_path: Path) -> None:
    entries = Entries(product("a.apples"))
    search = Search(tmp_path, entries)
    find(search)
    before = _files(tmp_path / "everyone")
    entries.put(product("a.secrets", hidden=True))
    find(search)
    find(search, knows=True)
    entries.put(product("a.secrets", hidden=True, tags=("more",)))
    assert find(search, "more", knows=True).total == 1
    entries.remove("a.secrets")
    assert find(search, knows=True).total == 1
    assert _files(tmp_path / "everyone") == before
    search.close()


def test_freshness_is_as_of_now(tmp_path: Path) -> None:
    known = product("a.apples", port={"freshness_promised": 2 * HOUR})
    never = product("a.pears", port={"data_as_of": None, "published_at": None, "score": None})
    search = Search(tmp_path, Entries(known, never))
    for hours, fresh, late in ((1, 1, 0), (2, 1, 0), (3, 0, 1)):
        now = NOW.replace(hour=NOW.hour + hours)
        told = search.find(Asked(), lambda _: False, now)
        assert dict(told.facets["freshness"]) == {
            state: count for state, count in (("fresh", fresh), ("late", late), ("unknown", 1)) if count
        }
        for state, count in (("fresh", fresh), ("late", late), ("unknown", 1)):
            asked = Asked(filters=Filters(freshness=(state,)))  # type: ignore[arg-type]
            assert search.find(asked, lambda _: False, now).total == count


def test_what_is_kept_better_comes_first_where_words_are_equal(tmp_path: Path) -> None:
    best = product("a.one_apple", port={"readers": 40})
    silver = product("a.six_apple", port={"tier": "silver"})
    poor = product("a.ten_apple", port={"tier": None, "score": 50.0})
    old = product("a.two_apple", port={"lifecycle": "deprecated", "readers": 40})
    gone = replace(product("a.red_apple", port={"lifecycle": "retired"}), status="retired")
    order = ["a.one_apple", "a.six_apple", "a.ten_apple", "a.two_apple", "a.red_apple"]
    search = Search(tmp_path, Entries(gone, old, poor, silver, best))
    assert found(search, "apple") == order
    assert found(search, "") == order


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and not file.name.endswith(".lock") and "reader-" not in str(file)
    }
