"""datacontract-cli tests the ODCS document on a DuckDB file whose views read the Parquet files."""

from __future__ import annotations

import sys
from pathlib import Path

from datacontract.data_contract import DataContract

from benchmarks.quality.peers.odcs_document import rule_of
from benchmarks.quality.peers.rules import read_task, tell


def main(task_path: str, _: str, work: str) -> None:
    task = read_task(Path(task_path))
    run = DataContract(data_contract_file=f"{work}/both.odcs.yaml", server="bench").test()
    asked, failed = set(), set()
    for check in run.checks:
        rule = rule_of(task, {"type": check.type, "model": check.model, "field": check.field, "key": check.key})
        result = getattr(check.result, "value", check.result)
        if rule is None or result not in ("passed", "failed"):
            continue
        asked.add(rule.name)
        if result == "failed":
            failed.add(rule.name)
    tell(asked, failed)


if __name__ == "__main__":
    main(*sys.argv[1:])
