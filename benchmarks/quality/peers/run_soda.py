"""Soda 4 verifies its contracts on a DuckDB file whose views read the Parquet files."""

from __future__ import annotations

import sys
from pathlib import Path

from soda_core.contracts.api.verify_api import verify_contract_locally
from soda_core.contracts.contract_verification import CheckOutcome

from benchmarks.quality.peers.rules import read_task, tell


def main(task_path: str, _: str, work: str) -> None:
    passed, failed = [], []
    for table in read_task(Path(task_path)).types:
        verified = verify_contract_locally(
            data_source_file_path=f"{work}/soda_source.yml", contract_file_path=f"{work}/soda_{table}.yml"
        )
        for result in verified.contract_verification_results:
            for found in result.check_results:
                if found.outcome in (CheckOutcome.PASSED, CheckOutcome.FAILED):
                    (passed if found.outcome is CheckOutcome.PASSED else failed).append(found.check.name)
    tell(passed + failed, failed)


if __name__ == "__main__":
    main(*sys.argv[1:])
