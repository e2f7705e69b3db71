"""Each answer is one publication, whatever is published meanwhile and however it is read."""

from __future__ import annotations

import json
import threading

import pytest

from platform_resources.access import AccessError, Condition, ReadQuery
from tests.guarded import CUSTOMERS, GuardedMesh

PUBLICATIONS, READERS, ROWS = 20, 8, 4_000


def constant(number: int) -> str:
    """Rows that tell in every column that anybody sees in clear which publication they are of."""
    return (
        f"SELECT i, 'r{number}', NULL, NULL, 'card', NULL, {number}, DATE '2026-01-01' FROM range({ROWS}) AS numbers(i)"
    )


@pytest.mark.slow
def test_no_answer_mixes_publications(copied_mesh: GuardedMesh) -> None:
    mesh = copied_mesh
    guard, caller = mesh.access.guard, mesh.caller("ana")
    mesh.publish(constant(2), version="1.0.0")
    over = threading.Event()
    wrong: list[str] = []
    read: set[int] = set()

    def reader(which: int) -> None:
        turn = which
        while not over.wait(0.02):  # the publisher shares the interpreter
            turn += 1
            try:
                relation = guard.open(caller, CUSTOMERS)
                number = relation.publication.number
                if turn % 4 == 0:
                    rows = relation.read(ReadQuery(("region", "balance"))).table().to_pylist()
                elif turn % 4 == 1:
                    lines = b"".join(relation.read_text(ReadQuery(("region", "balance")), "ndjson")).splitlines()
                    rows = [json.loads(line) for line in lines]
                elif turn % 4 == 2:
                    pages = [ReadQuery(("region", "balance"), limit=2000, offset=o) for o in range(0, ROWS, 2000)]
                    rows = [row for page in pages for row in relation.read(page).table().to_pylist()]
                else:
                    older = guard.open(caller, CUSTOMERS, as_of=max(2, number - 3))
                    number = older.publication.number
                    query = ReadQuery(("region", "balance"), (Condition("region", "=", f"r{number}"),))
                    rows = older.read(query).table().to_pylist()
            except AccessError as error:
                wrong.append(repr(error))
                continue
            seen = {(row["region"], int(row["balance"])) for row in rows}
            if seen != {(f"r{number}", number)} or len(rows) != ROWS:
                wrong.append(f"{number}: {len(rows)} rows of {seen}")
            read.add(number)

    threads = [threading.Thread(target=reader, args=(which,)) for which in range(READERS)]
    for thread in threads:
        thread.start()
    try:
        for number in range(3, PUBLICATIONS + 3):
            mesh.publish(constant(number), version="1.0.0")
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert len(read) > 5
