"""What is wrong with a document, said so that a person can mend it at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from platform_resources.contracts.model import Severity

MAX_ERRORS = 100  # of one document, from one source of findings: nobody reads on, and a hostile one could be endless
_LONGEST_SHOWN = 60  # characters of somebody's text inside a message


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong at one place, and how to mend it. `error` keeps a document from being used."""

    file: Path
    line: int  # 1-based
    path: str  # "schema[0].properties[3].logicalType"; empty for the whole document
    message: str  # what is wrong
    remedy: str  # what to do
    severity: Severity
    code: str  # stable, for tools and waivers: "duplicate-key", "freshness-element", ...

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**asdict(self), "file": str(self.file)}

    def __str__(self) -> str:
        return render_findings([self])


class ContractError(ValueError):
    """A document, or a domain's set of documents, that can't be used. Its text is every finding, ready to print."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings: tuple[Finding, ...] = tuple(findings)
        super().__init__(render_findings(self.findings))


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """Only those that keep a document from being used."""
    return [finding for finding in findings if finding.severity == "error"]


def limited(findings: Iterable[Finding]) -> list[Finding]:
    """`findings` by line, without those after the first `MAX_ERRORS` errors."""
    kept: list[Finding] = []
    left = MAX_ERRORS
    for finding in findings:
        kept.append(finding)
        left -= finding.severity == "error"
        if not left:
            break
    return sorted(kept, key=lambda finding: finding.line)


def render_findings(findings: Sequence[Finding], base: Path | None = None) -> str:
    """Plain text, two lines a finding: where, then what and how to mend it. Files are shown relative to `base`."""
    lines = []
    for finding in findings:
        file = relative_file(finding.file, base)
        lines.append(printable(f"{file}:{finding.line} {finding.path}".rstrip()))
        lines.append(printable(f"  {finding.severity}: {finding.message} {finding.remedy} [{finding.code}]"))
    return "\n".join(lines)


def relative_file(file: Path, base: Path | None) -> str:
    """How a file is named in a report: relative to `base` where it lies below it, else as it is; with `/`."""
    if base is None:
        return file.as_posix()
    if not file.is_relative_to(base) and file.absolute().is_relative_to(base.absolute()):
        return file.absolute().relative_to(base.absolute()).as_posix()
    return file.relative_to(base).as_posix() if file.is_relative_to(base) else file.as_posix()


def shown(value: Any) -> str:
    """Somebody's value inside a message: short, on one line, without characters that steer a terminal.

    >>> shown("validity")
    '`validity`'
    """
    if value is None:
        return "nothing"
    text = ("false", "true")[value] if isinstance(value, bool) else str(value)
    if len(text) > _LONGEST_SHOWN:
        text = text[: _LONGEST_SHOWN - 1] + "…"
    return f"`{printable(text)}`"


def printable(text: str) -> str:
    """`text` with every character that doesn't print (control, bidirectional, line break) spelt out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
