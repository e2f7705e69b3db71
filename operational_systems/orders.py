"""A fault asked for while a replay is running: left as a note that the running replay takes up with its next batch."""

import json
from pathlib import Path

from operational_systems.faults import Fault
from operational_systems.state import write_atomically

_NOTE = "fault_order.json"


def leave_order(folder: Path, fault: Fault) -> None:
    """Ask the replay that runs on this folder for a fault. The last note counts."""
    write_atomically(folder / _NOTE, json.dumps(fault.to_json()).encode())


def take_order(folder: Path) -> Fault | None:
    """The fault that was asked for, once."""
    note = folder / _NOTE
    try:
        raw = json.loads(note.read_bytes())
    except FileNotFoundError:
        return None
    note.unlink()
    return Fault.from_json(raw)
