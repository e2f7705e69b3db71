"""Runs one command and writes what it cost: a process so small that its own memory can't be taken for the command's.

On Linux a program starts with the peak memory of the process that started it; started from here, that is 10 MB.
Used as `python -I -S launcher.py REPORT COMMAND...`; ends with the command's code.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def main(report: str, *command: str) -> int:
    started = time.perf_counter()
    process = subprocess.Popen(command)
    # Not process.wait(): only wait4 tells what this one child used, and the children that it waited for.
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1_000_000 if sys.platform == "darwin" else 1_000  # ru_maxrss is in bytes there, in kB here
    told = {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak_mb": usage.ru_maxrss / unit}
    Path(report).write_text(json.dumps(told), encoding="utf-8")
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
