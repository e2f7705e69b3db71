"""`dbt test` of the project that was written, as its command does it."""

from __future__ import annotations

import sys
from pathlib import Path

from dbt.cli.main import dbtRunner

from benchmarks.quality.peers.dbt_project import name_of_test
from benchmarks.quality.peers.rules import read_task, tell


def main(task_path: str, _: str, work: str) -> None:
    names = {name_of_test(rule): rule.name for rule in read_task(Path(task_path)).rules}
    done = dbtRunner().invoke(["test", "--project-dir", work, "--profiles-dir", work])
    if done.exception is not None:
        raise done.exception
    verdicts = {names[result.node.name]: result.status for result in done.result if result.status != "error"}
    tell(verdicts, (name for name, status in verdicts.items() if status != "pass"))


if __name__ == "__main__":
    main(*sys.argv[1:])
