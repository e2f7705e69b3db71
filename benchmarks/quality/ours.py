"""One audit of both tables in a process of its own: contracts read, rules planned and answered, told as JSON."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.quality.data import DOMAIN, contracts, lake_of, table_sql
from platform_resources.lake import connect
from platform_resources.quality import evaluate

_NOW = datetime(1999, 1, 1, tzinfo=UTC)  # the last line of the data was shipped a month before


def main(folder: str, scale: str) -> None:
    with connect(lake_of(Path(folder), int(scale)), reads=[DOMAIN]) as con:
        audits = [evaluate(con, contract, table_sql(name), _NOW) for name, contract in contracts().items()]
    results = [result for audit in audits for result in audit.results]
    print(
        json.dumps(
            {
                "rules": len(results),
                "failed": [result.message for result in results if not result.passed],
                "seconds": sum(audit.seconds for audit in audits),
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
