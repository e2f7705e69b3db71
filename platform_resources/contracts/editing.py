"""A change of a document's text that leaves all else in it as it is: comments, quotes, order, line breaks.

Where only single values change, their characters are replaced and no others. For anything more the text goes through
ruamel's round-trip parser and writer, which keeps comments, but moves those beside empty items.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from io import StringIO
from typing import Any

import yaml

from platform_resources.contracts.lines import KeyPath
from platform_resources.contracts.reading import FLOAT, INTEGER

# Comments above a `---` line, which ruamel would drop.
_HEAD = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\r?\n)*---[ \t]*(?:#[^\n]*)?\r?\n")
# FLOAT takes integers too, and ruamel asks for floats first: a new `1` would get the tag of an integer.
_FLOAT_ONLY = re.compile(rf"(?=[^.eE]*[.eE]){FLOAT.pattern}")

_QUOTES = ("'", '"')


def edited(text: str, data: Mapping[str, Any], change: Callable[[Any], None]) -> tuple[str, Any]:
    """The text after `change`, and the data that it is meant to say; `data` is what `text` says now."""
    head = _HEAD.match(text)
    body = text[head.end() :] if head else text
    writer = _round_trip_yaml(body)
    tree = writer.load(body)
    change(tree)
    meant = plain(tree)
    values = list(_changed_values(data, meant, ()))
    if None not in values:
        spliced = _spliced(text, [value for value in values if value is not None])
        if spliced is not None:
            return spliced, meant
    _quote_new_texts(tree, data)
    out = StringIO()
    writer.dump(tree, out)
    changed = (head[0] if head else "") + out.getvalue()
    if "\r\n" in text:
        changed = changed.replace("\r\n", "\n").replace("\n", "\r\n")
    return changed, meant


def _changed_values(before: Any, after: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any] | None]:
    """Path and new value of every single value that differs; None for a difference of any other kind."""
    if isinstance(before, dict) and isinstance(after, dict) and list(before) == list(after):
        for key, value in before.items():
            yield from _changed_values(value, after[key], (*path, key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, value in enumerate(before):
            yield from _changed_values(value, after[index], (*path, index))
    elif type(before) is not type(after) or before != after:
        single = not isinstance(before, dict | list) and (after is None or isinstance(after, str | int | float))
        yield (path, after) if single else None


def _spliced(text: str, values: list[tuple[KeyPath, Any]]) -> str | None:
    """`text` with some values replaced; None when one of them stands over several lines."""
    nodes = dict(_scalars(yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)), ()))
    places = [
        (nodes[path].start_mark.index, nodes[path].end_mark.index, nodes[path].style, new) for path, new in values
    ]
    for start, end, style, new in sorted(places, reverse=True, key=lambda place: place[0]):
        if "\n" in text[start:end] or style in ("|", ">"):
            return None
        gap = " " if start == end and not text[start - 1].isspace() else ""  # an empty value begins at its colon
        after = " " if start == end and end < len(text) and not text[end].isspace() else ""
        text = text[:start] + gap + _written(new, style) + after + text[end:]
    return text


def _scalars(node: yaml.Node, path: KeyPath) -> Iterator[tuple[KeyPath, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _scalars(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _scalars(value, (*path, index))
    else:
        yield path, node


def _written(value: Any, style: str | None) -> str:
    """A single value as YAML, texts in the quotes that the old one had, or in some where they are needed."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return repr(value)
    if style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if style not in _QUOTES and _PLAIN.fullmatch(value) is not None:
        return value
    return json.dumps(value, ensure_ascii=False)


def plain(tree: Any) -> Any:
    """Ruamel's tree as plain Python values."""
    if isinstance(tree, Mapping):
        return {str(key): plain(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [plain(value) for value in tree]
    if isinstance(tree, bool) or tree is None:
        return tree
    for simple in (
        str,
        int,
        float,
    ):  # ruamel's scalars remember their spelling in subclasses of these; ScalarBoolean of int
        if isinstance(tree, simple):
            return bool(tree) if type(tree).__name__ == "ScalarBoolean" else simple(tree)
    return tree


# What every YAML parser, of 1.1 too, reads as the text that it is, also within brackets.
_PLAIN = re.compile(
    r"(?!(?:true|false|yes|no|on|off|null|y|n)$)[A-Za-z][A-Za-z0-9_ ./@-]*(?<! )|\d+\.\d+\.\d+", re.IGNORECASE
)


def _quote_new_texts(tree: Any, before: Any) -> None:
    """Put new texts into quotes where ruamel would leave them bare and another parser would stumble (`:0`, `NO`)."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString  # noqa: PLC0415  (see _round_trip_yaml)

    entries = tree.items() if isinstance(tree, Mapping) else enumerate(tree)
    for key, value in list(entries):
        known = (isinstance(before, Mapping) and key in before) or (
            isinstance(before, list) and key in range(len(before))
        )
        old = before[key] if known else None
        if isinstance(value, Mapping | list):
            _quote_new_texts(value, old)
        elif type(value) is str and value != old and _PLAIN.fullmatch(value) is None:
            tree[key] = DoubleQuotedScalarString(value)


def _round_trip_yaml(text: str) -> Any:
    """A parser and writer that keeps quotes, width and indentation, and takes no text for a timestamp."""
    from ruamel.yaml import YAML  # noqa: PLC0415  (30 ms that only an edit needs)
    from ruamel.yaml.resolver import VersionedResolver  # noqa: PLC0415

    class Resolver(VersionedResolver):
        def add_version_implicit_resolver(self, version: Any, tag: str, regexp: Any, first: Any) -> None:
            kind = tag.rpartition(":")[2]
            if kind != "timestamp":
                regexp = {"int": INTEGER, "float": _FLOAT_ONLY}.get(kind, regexp)  # ruamel's also take 1_000
                super().add_version_implicit_resolver(version, tag, regexp, first)

    yaml = YAML()
    yaml.Resolver = Resolver
    yaml.preserve_quotes = True
    yaml.width = 1_000_000
    yaml.allow_unicode = True
    if (dash := re.search(r"^( *)[^\s#-][^\n]*:[^\n]*\r?\n\1( *)- ", text, re.MULTILINE)) is not None:
        yaml.indent(mapping=2, sequence=2 + len(dash[2]), offset=len(dash[2]))
    return yaml
