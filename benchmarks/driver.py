"""One run of the mesh in a process of its own, as `mesh run` does it, told as JSON on standard output.

It is a process so that start-up counts: the caller measures from outside, this says where the time went inside.
"""

from __future__ import annotations

import time

_STARTED = time.perf_counter()

import json  # noqa: E402  (the clock starts before every import)
import sys  # noqa: E402

from platform_resources.lake import MeshSettings  # noqa: E402
from platform_resources.orchestration.runner import run_due  # noqa: E402

_IMPORTED = time.perf_counter()


def main() -> int:
    """Build what is due in `$MESH_HOME`; exit code 1 when anything failed or was refused."""
    report = run_due(MeshSettings.from_env())
    record = {
        "imports": _IMPORTED - _STARTED,
        "inside": time.perf_counter() - _STARTED,
        "steps": report.steps,
        "built": report.built,
        "ingested_rows": report.ingested_rows,
        "problems": {**report.refused, **report.failures},
    }
    print(json.dumps(record))
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
