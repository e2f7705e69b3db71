"""The command line: land what is due, then a batch every tick, alone or while another command runs."""

import argparse
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import TextIO

import duckdb

from operational_systems.errors import ReplayError
from operational_systems.faults import Fault, FaultKind
from operational_systems.feeds import FEEDS, RECEIPTS
from operational_systems.orders import leave_order, take_order
from operational_systems.replay import Batch, Replay
from operational_systems.state import holder, only_replay

_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_COMMAND_NOT_RUNNABLE = 126
_COMMAND_NOT_FOUND = 127
_ENDED_BY_SIGNAL = 128

_DESCRIPTION = "The retailer's own systems, replayed: they land files and know nothing of the mesh."
_EPILOG = """\
examples:
  python -m operational_systems                              history first, then a batch every ten minutes
  python -m operational_systems --once                       one batch of all that is due, then end
  python -m operational_systems --tick PT30S -- dagster dev  a batch every 30 seconds while dagster runs
  python -m operational_systems --once --fault null-key      a batch whose receipts have a null key
  python -m operational_systems --repair                     land the right content of what went wrong

The customers' names and contacts are synthetic and the stock is derived; the receipts are published by
dunnhumby/84.51°."""


def seconds(text: str) -> int:
    """`600` or an ISO 8601 duration such as `PT10M`, as whole seconds, at least one."""
    if text.isdecimal():
        amount = int(text)
    elif (match := _DURATION.fullmatch(text)) and any(match.groups()):
        days, hours, minutes, rest = (int(group or 0) for group in match.groups())
        amount = ((days * 24 + hours) * 60 + minutes) * 60 + rest
    else:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write seconds (600) or ISO 8601 (PT10M)")
    if not 0 < amount <= threading.TIMEOUT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r}: a tick takes at least one second")
    return amount


def moment(text: str) -> datetime:
    """An ISO 8601 moment with its zone."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no moment with a zone; write e.g. 2026-11-21T03:10:00Z")
    return parsed


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    command: list[str] | None = None
    if "--" in arguments:
        cut = arguments.index("--")
        arguments, command = arguments[:cut], arguments[cut + 1 :]
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        fault = Fault(FaultKind(options.fault), FEEDS[options.feed or RECEIPTS.address]) if options.fault else None
    except ReplayError as error:
        parser.error(str(error))
    if options.feed and not fault:
        parser.error("--feed says which feed --fault hits; give --fault too")
    if command is not None and (options.once or options.repair):
        parser.error("--once and --repair end at once; they run no COMMAND")
    if command == []:
        parser.error("a COMMAND is missing after --")
    if options.repair and (options.once or fault):
        parser.error("--repair stands alone; it makes no batch")

    say = _printer(options.quiet)
    try:
        return _run(options, command, fault, say)
    except ReplayError as error:
        return _fail(str(error))
    except (OSError, duckdb.Error) as error:
        return _fail(f"nothing was lost, the next call goes on from here. {error}")
    except KeyboardInterrupt:
        return _ENDED_BY_SIGNAL + signal.SIGINT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m operational_systems",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s [options] [-- COMMAND ...]",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--home",
        type=Path,
        default=Path(os.environ.get("MESH_HOME") or ".mesh"),
        metavar="DIR",
        help="where the landing zone is (default: $MESH_HOME or .mesh)",
    )
    parser.add_argument(
        "--tick", type=seconds, default=600, help="time between batches, seconds or ISO 8601 (default: PT10M)"
    )
    parser.add_argument("--once", action="store_true", help="land what is due as one batch and end")
    parser.add_argument("--fault", choices=[kind.value for kind in FaultKind], help="spoil the next batch")
    parser.add_argument(
        "--feed",
        choices=[address for address, feed in FEEDS.items() if feed.ticks],
        metavar="FEED",
        help=f"the feed that --fault spoils (default: {RECEIPTS.address}; one of %(choices)s)",
    )
    parser.add_argument("--repair", action="store_true", help="land the right content of spoilt and late files; end")
    parser.add_argument("--now", type=moment, help="run the clock from this moment instead of the present, for tests")
    parser.add_argument("--quiet", action="store_true", help="say nothing but errors")
    return parser


def _run(
    options: argparse.Namespace, command: list[str] | None, fault: Fault | None, say: Callable[[str], None]
) -> int:
    replay = Replay(options.home, take_order=lambda: take_order(options.home / "operational_systems"))
    clock = _clock(options.now)
    if options.repair:
        landed = replay.repair()
        for path in landed:
            say(f"repaired {path.relative_to(options.home)}")
        if not landed:
            say("nothing to repair")
        return 0
    with only_replay(replay.folder) as alone:
        if not alone and fault and command is None:
            leave_order(replay.folder, fault)
            say(f"process {holder(replay.folder)} replays {options.home}; its next batch has the fault {fault.kind}")
            return 0
        if not alone:
            raise ReplayError(
                f"process {holder(replay.folder)} already replays {options.home}. Stop it, or take another --home."
            )
        batches = replay.land_due(clock(), fault)
        _report(batches, say)
        if fault and fault not in [batch.fault for batch in batches]:
            leave_order(replay.folder, fault)
            say(f"the fault {fault.kind} comes with the next batch")
        if options.once:
            if not batches:
                say("nothing is due yet")
            return 0
        if command is None:
            _tick_until(_stop_on_signals(), replay, options, clock, say)
            return 0
        return _tick_while(command, replay, options, clock, say)


def _clock(start: datetime | None) -> Callable[[], datetime]:
    """The wall clock, or one that runs from `start`."""
    if start is None:
        return lambda: datetime.now(UTC)
    begun = time.monotonic()
    return lambda: start + timedelta(seconds=time.monotonic() - begun)


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _tick_until(
    stop: threading.Event,
    replay: Replay,
    options: argparse.Namespace,
    clock: Callable[[], datetime],
    say: Callable[[str], None],
) -> None:
    """A batch every tick, on the beat however long a batch takes. A batch that fails is tried again with the next."""
    beat = time.monotonic()
    while True:
        beat = max(beat + options.tick, time.monotonic())
        if stop.wait(beat - time.monotonic()):
            return
        try:
            _report(replay.land_due(clock()), say)
        except (OSError, duckdb.Error, ReplayError) as error:
            _fail(f"this batch failed and is tried again in {options.tick} s. {error}")


def _tick_while(
    command: list[str],
    replay: Replay,
    options: argparse.Namespace,
    clock: Callable[[], datetime],
    say: Callable[[str], None],
) -> int:
    """Tick in a thread while the command runs with this home as its MESH_HOME; the exit code as a shell has it."""
    stop = threading.Event()
    ticking = threading.Thread(target=_tick_until, args=(stop, replay, options, clock, say), name="replay")
    try:
        with _passing_signals_on() as children:
            process = subprocess.Popen(command, env=os.environ | {"MESH_HOME": str(options.home.resolve())})
            children.append(process)
            ticking.start()
            code = process.wait()
    except OSError as error:
        _fail(f"cannot run {command[0]!r}: {error.strerror}")
        return _COMMAND_NOT_FOUND if isinstance(error, FileNotFoundError) else _COMMAND_NOT_RUNNABLE
    finally:
        stop.set()
        if ticking.is_alive():
            ticking.join()
    return code if code >= 0 else _ENDED_BY_SIGNAL - code


@contextmanager
def _passing_signals_on() -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Ctrl-C in a terminal reaches the command by itself, so it is ignored here; a termination is handed on."""
    children: list[subprocess.Popen[bytes]] = []

    def hand_on(number: int, _frame: FrameType | None) -> None:
        for child in children:
            child.send_signal(number)

    before = signal.signal(signal.SIGINT, lambda *_: None), signal.signal(signal.SIGTERM, hand_on)
    try:
        yield children
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])


def _report(batches: list[Batch], say: Callable[[str], None]) -> None:
    for batch in batches:
        counts = " · ".join(f"{address.split('/')[1]} {rows:,}" for address, rows in batch.rows.items())
        line = f"batch {batch.number} until {batch.interval.end:%Y-%m-%d %H:%M:%S}Z: {counts}"
        if batch.fault:
            line += f" · FAULT {batch.fault.kind} on {batch.fault.feed.address}"
        for path in batch.released:
            line += f" · late {path.name}"
        say(line)


def _printer(quiet: bool) -> Callable[[str], None]:
    return (lambda _: None) if quiet else (lambda line: _print(line, sys.stdout))


def _fail(text: str) -> int:
    _print(f"operational systems: {text}", sys.stderr)
    return 1


def _print(line: str, stream: TextIO) -> None:
    stream.write(line + "\n")
    stream.flush()
