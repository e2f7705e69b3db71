"""Rules that are Python: `check(subject)` in a file beside the rule, which yields a `Problem` for each breach.

The file is the council's own and runs with the platform's rights, as a domain's code does; what it raises is told on
the rule's file and never taken for a pass.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from platform_resources.governance.fields import FieldError, parse_field
from platform_resources.governance.subjects import Subject

Check = Callable[[Subject], Iterable["Problem"] | None]

_FILE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,80}\.py")


@dataclass(frozen=True)
class Problem:
    """What a Python rule finds wrong. `path`: field path of the place, relative to the subject; empty for itself."""

    path: str
    message: str
    remedy: str


class PythonRuleError(Exception):
    """A Python rule that can't be used, or that failed; the text is for people."""


def python_file(rule_file: Path, name: str) -> Path:
    """The module that a rule names. Raises PythonRuleError unless it is a file beside the rule."""
    if not _FILE.fullmatch(name):
        raise PythonRuleError(f"`{name}` is no name of a Python file beside the rule")
    path = rule_file.parent / name
    if not path.is_file() or path.resolve().parent != rule_file.parent.resolve():
        raise PythonRuleError(f"there is no file {name} beside the rule")
    return path


def load_check(path: Path) -> Check:
    """The function `check` of the module in `path`. Raises PythonRuleError when there is none."""
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as bad:
        raise PythonRuleError(f"{path.name} can't be read ({bad})") from None
    return _check_of(path, source)


@lru_cache(maxsize=256)  # by its source: loading and judging in one process execute it once
def _check_of(path: Path, source: str) -> Check:
    module = types.ModuleType(f"council_rule_{path.stem.replace('-', '_')}")
    module.__file__ = str(path)
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)  # (no bytecode is left in the council's folder)
    except Exception as bad:  # noqa: BLE001  (a module's body may raise anything; the rule is told as unusable)
        raise PythonRuleError(f"{path.name} can't be loaded: {told(bad, path)}") from None
    check = getattr(module, "check", None)
    if not callable(check):
        raise PythonRuleError(f"{path.name} has no function `check(subject)`")
    return check


def problems_of(check: Check, subject: Subject, path: Path) -> list[Problem]:
    """What `check` finds in `subject`. Raises PythonRuleError with the text of whatever it raises."""
    try:
        found = list(check(subject) or ())
    except Exception as bad:  # noqa: BLE001  (as above; it must be neither a traceback nor a pass)
        raise PythonRuleError(told(bad, path)) from None
    for problem in found:
        if not isinstance(problem, Problem):
            raise PythonRuleError(f"it gives {type(problem).__name__} instead of Problem(path, message, remedy)")
        try:
            parse_field(problem.path or ".")
        except FieldError as bad:
            raise PythonRuleError(f"its problem has no path that leads anywhere: {bad.message} {bad.remedy}") from None
    return found


def told(error: Exception, path: Path) -> str:
    """An exception in one line, with the line of the module where it began."""
    lines: list[int] = []
    if isinstance(error, SyntaxError) and error.lineno:
        lines = [error.lineno]
    trace: Any = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    text = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
    where = f" (line {lines[-1]})" if lines else ""
    return f"{type(error).__name__}: {text}{where}" if text else f"{type(error).__name__}{where}"
