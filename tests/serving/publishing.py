"""A process that publishes without end: `python -m tests.serving.publishing <home> <project> <seconds between>`.

In publication n every balance is n, and there are 2,000 rows; so an answer that holds two values is torn.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from platform_resources.lake import MeshSettings
from tests.guarded import CUSTOMERS, CUSTOMERS_CONTRACT, publish_rows

ROWS = 2000
SELECT = """SELECT i, ['north', 'south', 'east', 'west'][1 + i % 4], 'CANARY-' || i || '-mail@canary.example',
    'CANARY-' || i, 'CANARY-card', 909000000 + i, {number}, DATE '2026-01-01' FROM range(1, {rows} + 1) AS numbers(i)"""


def publish_number(settings: MeshSettings, number: int) -> None:
    document = CUSTOMERS_CONTRACT.format(version="1.0.0", status="active")
    made = publish_rows(settings, CUSTOMERS, document, SELECT.format(number=number, rows=ROWS))
    assert made.number == number


def main() -> None:
    home, project, pause = sys.argv[1:]
    settings = MeshSettings(home=Path(home), project=Path(project))
    number = 2  # the second one was made by the test
    while True:
        time.sleep(float(pause))
        number += 1
        publish_number(settings, number)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
