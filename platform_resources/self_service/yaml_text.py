"""YAML as text: scalars and flow mappings for new files, and exact insertion into files that people wrote.

Files of people are changed by adding lines, never by writing them anew; the result is parsed and compared with what was
meant before it is used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import yaml

from platform_resources.self_service.changeset import ScaffoldError

# What every YAML parser reads as this text, also within brackets; all else is put into quotes.
_PLAIN = re.compile(
    r"(?!(?:true|false|yes|no|on|off|null|y|n|nan|inf)$)[A-Za-z_][A-Za-z0-9_./()@-]*(?: [A-Za-z0-9_./()@-]+)*", re.I
)
_VERSION = re.compile(r"\d+\.\d+\.\d+")


def scalar(value: Any) -> str:
    """A value as YAML on one line.

    >>> scalar("DECIMAL(18,2)"), scalar("no"), scalar(3), scalar("a b")
    ('"DECIMAL(18,2)"', '"no"', '3', 'a b')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    text = value.isoformat() if isinstance(value, date | datetime) else str(value)
    if _PLAIN.fullmatch(text) or _VERSION.fullmatch(text):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    # JSON lets these through; a YAML reader takes them for line ends or refuses them.
    return re.sub(r"[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]", lambda m: f"\\u{ord(m[0]):04x}", quoted)


def flow(value: Any) -> str:
    """A value in flow style: `{name: x, tags: [a, b]}`."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return scalar(value)


def comment(text: str) -> str:
    """`text` as a comment at the end of a line: on one line, without characters that steer a terminal."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return f"  # {printable}" if printable else ""


def insert_under(text: str, path: tuple[str, ...], lines: list[str], name: str) -> str:
    """`text` with `lines` (written without indentation) added at the end of the block under the keys `path`.

    The block must be in block style, or be an empty `[]`; its own indentation is taken over.

    Raises
    ------
    ScaffoldError
        when the block is not there or is written in a way that can't be added to line by line.
    """
    root = yaml.compose(text, yaml.SafeLoader)
    node, key_node = root, None
    for key in path:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        found = next(((k, v) for k, v in pairs if k.value == key), None)
        if found is None:
            raise ScaffoldError(f"{name} has no `{'.'.join(path)}:` to add to; add it, and try again")
        key_node, node = found
    end = "\r\n" if "\r\n" in text else "\n"
    all_lines = text.splitlines(keepends=True)
    if key_node is None or node is None:
        raise ScaffoldError(f"{name} is empty")
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        first = node.value[0][0] if isinstance(node, yaml.MappingNode) else node.value[0]
        indent = node.start_mark.column if isinstance(node, yaml.SequenceNode) else first.start_mark.column
        at = _last_line(node) + 1
    elif isinstance(node, yaml.CollectionNode) and not node.value and node.flow_style:
        row = key_node.start_mark.line
        if node.start_mark.line != row:
            raise ScaffoldError(f"{name}: write `{path[-1]}:` and its brackets on one line, and try again")
        line = all_lines[row]
        all_lines[row] = line[: node.start_mark.column].rstrip() + line[node.end_mark.column :]
        indent, at = key_node.start_mark.column + 2, row + 1
    else:
        raise ScaffoldError(
            f"{name}: `{path[-1]}:` (line {key_node.start_mark.line + 1}) is written within brackets; write its "
            "entries on lines of their own, and try again"
        )
    if at and not all_lines[at - 1].endswith(("\n", "\r")):
        all_lines[at - 1] += end
    added = [f"{' ' * indent}{line}".rstrip() + end if line else end for line in lines]
    changed = "".join([*all_lines[:at], *added, *all_lines[at:]])
    if not _only_added(text, changed, path, lines):
        raise ScaffoldError(f"{name}: entries can't be added to `{'.'.join(path)}:` as it is written; add them by hand")
    return changed


def _only_added(before: str, after: str, path: tuple[str, ...], lines: list[str]) -> bool:
    """Whether the new text says what the old one said, and the added entries."""
    try:
        old, new = yaml.safe_load(before), yaml.safe_load(after)
    except yaml.YAMLError:
        return False
    holder, changed = old, new
    for key in path[:-1]:
        holder, changed = holder[key], changed[key]
    had, has = holder[path[-1]] or [], changed[path[-1]]
    if isinstance(has, dict):
        kept = {key: value for key, value in has.items() if key in had}
        added = sorted(map(str, has.keys() - kept.keys()))
        wanted = sorted(line.partition(":")[0] for line in lines if line[:1].strip() not in ("", "#"))
        is_right = kept == had and added == wanted
    else:
        is_right = has[: len(had)] == had and has[len(had) :] == yaml.safe_load("\n".join(lines))
    changed[path[-1]] = holder[path[-1]]
    return is_right and old == new


def _last_line(node: yaml.Node) -> int:
    """Index of the last line that holds anything of a node: its end mark may lie behind comments and blank lines."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_line(last[1]) if isinstance(node, yaml.MappingNode) else _last_line(last)
    mark = node.end_mark
    return mark.line if mark.column else max(mark.line - 1, node.start_mark.line)
