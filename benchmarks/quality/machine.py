"""On what was measured, in words that name no folder and no person."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.memory import memory_of_machine
from platform_resources.contracts.wording import counted


def machine() -> dict[str, str | int]:
    """Processor, cores, memory in GB, system and versions."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "memory_gb": round(memory_of_machine() / 1000),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
    }


def machine_text(machine: Mapping[str, Any]) -> str:
    """The same in one line."""
    return (
        f"{machine['processor']}, {counted(machine['cores'], 'core')}, {machine['memory_gb']} GB, {machine['system']}, "
        f"Python {machine['python']}, DuckDB {machine['duckdb']}"
    )


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    for line in told.read_text(encoding="utf-8").splitlines() if told.exists() else ():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()
