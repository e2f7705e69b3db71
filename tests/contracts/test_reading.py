"""Contracts as hostile input: refused at once, at the right line, with something to do about it."""

from __future__ import annotations

from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from platform_resources.contracts import ContractError, Document
from platform_resources.contracts.characters import MAX_BYTES
from platform_resources.contracts.editing import plain
from platform_resources.contracts.reading import MAX_DEPTH, MAX_NODES
from tests.work import calls_of

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)

HOSTILE: list[tuple[str, str | bytes, str, int]] = [
    ("billion laughs", LAUGHS, "anchor", 1),
    ("anchor", "a: 1\nb: &x 1\n", "anchor", 2),
    ("alias", "a: *x\n", "alias", 1),
    ("merge key", "a: 1\nb:\n  <<: {c: 1}\n", "merge-key", 3),
    ("tag", "a: !!python/object/apply:os.system ['id']\n", "tag", 1),
    ("local tag", "a: !include x\n", "tag", 1),
    ("duplicate key", "a: 1\nb: 2\na: 3\n", "duplicate-key", 3),
    ("duplicate key in another spelling", 'a: 1\n"\\x61": 2\n', "duplicate-key", 2),
    ("key that is no text", "1: a\n", "key-not-text", 1),
    ("null key", "a: 1\n~: b\n", "key-not-text", 2),
    ("list as key", "? [a]\n: b\n", "key-not-text", 1),
    ("not UTF-8", b"a: b\nc: \xe9\n", "not-utf-8", 2),
    ("UTF-16", "a: b".encode("utf-16"), "not-utf-8", 1),
    ("byte order mark", b"\xef\xbb\xbfa: b\n", "byte-order-mark", 1),
    ("control character", "a: b\nc: \x1b[31m\n", "bad-character", 2),
    ("escaped control character", 'a: "\\x1b[31m"\n', "bad-character", 1),
    ("escaped NUL in a key", '"a\\0": 1\n', "bad-character", 1),
    ("right-to-left override", "a: b\nc: \u202egnp\n", "bad-character", 2),
    ("escaped right-to-left override", 'a: "\\u202egnp"\n', "bad-character", 1),
    ("zero-width space in a comment", "a: b # \u200b\n", "bad-character", 1),
    ("zero-width joiner in a name", "name: cust\u200domer\n", "bad-character", 1),
    ("line break of YAML 1.1 only", "a: b\u2028c: d\n", "bad-character", 1),
    ("infinity", "a: .inf\n", "not-finite", 1),
    ("number too large", "a: 1e999\n", "not-finite", 1),
    ("number too long", f"a: {'9' * 5_000}\n", "long-number", 1),
    ("directive", "%YAML 1.1\n---\na: 1\n", "directive", 1),
    ("second document", "a: 1\n---\nb: 2\n", "second-document", 2),
    ("empty", "", "no-mapping", 1),
    ("list", "- a\n", "no-mapping", 1),
    ("text", "hello\n", "no-mapping", 1),
    ("tab", "a:\n\tb: 1\n", "yaml-syntax", 2),
    ("colon in text", "a: b: c\n", "yaml-syntax", 1),
    ("open quote", "a: 'b\nc: d\n", "yaml-syntax", 3),
    ("open bracket", "a: [b\n", "yaml-syntax", 2),
    ("deep list", "a: " + "[" * 100_000, "too-deep", 1),
    ("deep mapping", "{a: " * 60_000, "too-deep", 1),
    ("deep block", "\n".join("  " * depth + "a:" for depth in range(200)), "too-deep", MAX_DEPTH + 1),
    ("many values", "a: [" + "1," * 100_000 + "]", "too-many-values", 1),
    ("many keys", "".join(f"k{n}: 1\n" for n in range(20_000)), "too-many-values", MAX_NODES),
    ("too large", "a: " + "x" * MAX_BYTES, "file-too-large", 1),
    ("much too large", "#" * 50_000_000, "file-too-large", 1),
]


@pytest.mark.parametrize(("raw", "code", "line"), [case[1:] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
def test_hostile_input_is_refused_in_bounded_time(raw: str | bytes, code: str, line: int, tmp_path: Path) -> None:
    file = tmp_path / "v1.odcs.yaml"
    file.write_bytes(raw.encode() if isinstance(raw, str) else raw)
    with pytest.raises(ContractError) as refused:
        Document.load(file)

    def refuse() -> None:
        with suppress(ContractError):
            Document.load(file)

    assert calls_of(refuse) < 40 * MAX_NODES
    (finding,) = refused.value.findings
    assert (finding.code, finding.line, finding.severity, finding.file) == (code, line, "error", file)
    assert finding.message.endswith(".")
    assert finding.remedy.endswith(".")
    assert str(refused.value).isprintable() or "\n" in str(refused.value)
    assert "\x1b" not in str(refused.value)
    assert "\u202e" not in str(refused.value)


def test_scalars_are_those_of_yaml_1_2() -> None:
    document = Document.parse(
        b"a: NO\nb: on\nc: 2024-01-31\nd: 2024-01-31T10:00:00Z\ne: 12:30\nf: 1_000\ng: 017\nh: 0x1F\ni: 0o17\n"
        b"j: true\nk: ~\nl:\nm: 1.50\nn: '5'\no: -3e2\np: .5\nq: =\nr: 1.2.0\ns: +7\n",
        Path("x.yaml"),
    )
    assert document.data == {
        **{"a": "NO", "b": "on", "c": "2024-01-31", "d": "2024-01-31T10:00:00Z", "e": "12:30", "f": "1_000", "g": 17},
        **{"h": 31, "i": 15, "j": True, "k": None, "l": None, "m": 1.5, "n": "5", "o": -300.0, "p": 0.5, "q": "="},
        **{"r": "1.2.0", "s": 7},
    }


def test_joiners_are_allowed_in_prose_and_other_letters_everywhere() -> None:
    text = "description: 'family \U0001f468\u200d\U0001f469'\nname: Größe\nlimitations: ≥ 5 €\n"
    assert Document.parse(text.encode(), Path("x.yaml")).data["name"] == "Größe"


def test_every_key_and_item_knows_its_line() -> None:
    document = Document.parse(
        b"# head\na:\n  - b: 1\n    c: |\n      x\n      y\n  - d\ne: {f: 1,\n  g: 2}\n", Path("x")
    )
    lines = {(): 2, ("a",): 2, ("a", 0): 3, ("a", 0, "b"): 3, ("a", 0, "c"): 4, ("a", 1): 7, ("e",): 8}
    lines |= {("e", "f"): 8, ("e", "g"): 9}
    assert dict(document.lines) == lines
    assert document.line(("a", 0, "missing", 3)) == 3
    assert str(document.origin(("a", 0, "c"))) == "x:4 (a[0].c)"


_texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=20)
_scalars = st.none() | st.booleans() | st.integers(-(10**15), 10**15) | _texts
_numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)
_values = st.recursive(
    _scalars | _numbers,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4),
    max_leaves=20,
)
_documents = st.dictionaries(_texts, _values, min_size=1, max_size=6)


@settings(max_examples=60)
@given(_documents)
def test_what_another_yaml_writer_writes_is_read_as_it_was_meant(data: dict[str, Any]) -> None:
    out = StringIO()
    writer = YAML()
    writer.dump(data, out)
    document = Document.parse(out.getvalue().encode(), Path("x.yaml"))
    assert document.data == data
    assert plain(YAML().load(document.text)) == data


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        document = Document.parse(raw, Path("x.yaml"))
    except ContractError:
        return
    assert isinstance(document.data, dict)
