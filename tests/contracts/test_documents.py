"""A document keeps every byte that nobody changed, and lies where its domain is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_resources.contracts import ContractError, Document

_characters = st.characters(codec="utf-8", categories=("L", "N", "P", "Zs"))


def test_load_and_save_change_no_byte(contract_file: Path, tmp_path: Path) -> None:
    before = contract_file.read_bytes()
    document = Document.load(contract_file)
    document.save()
    assert contract_file.read_bytes() == before
    assert document.save(tmp_path / "copy.yaml").read_bytes() == before
    assert document.text.encode() == before
    assert [file.name for file in contract_file.parent.iterdir() if file.name.startswith(".")] == []


@settings(max_examples=50)
@given(
    st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=30),
    st.sampled_from(["\n", "\r\n"]),
)
def test_odd_layouts_are_kept_too(comment: str, newline: str) -> None:
    text = newline.join(
        ["", f"#{comment}", "a :   'x'   # y", "b: [1,2 ,  3]", "", "c:", "   - d", "   -   e: 0x1F", "f: ~", ""]
    )
    try:
        document = Document.parse(text.encode(), Path("x.yaml"))
    except ContractError:
        return  # the comment holds a character that is refused
    assert document.raw == text.encode()


def test_timestamps_stay_text(contract_file: Path) -> None:
    assert Document.load(contract_file).data["contractCreatedTs"] == "2026-01-31T10:00:00Z"


def test_an_edit_touches_only_its_line(contract_file: Path) -> None:
    document = Document.load(contract_file)
    edited = document.edit(lambda tree: tree.update(version="1.3.0"))
    before, after = document.text.splitlines(), edited.text.splitlines()
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert [new for _, new in changed] == ["version: 1.3.0"]
    assert document.data["version"] == "1.2.0"
    edited.save()
    assert Document.load(contract_file).data["version"] == "1.3.0"


@pytest.mark.parametrize(
    "text",
    [
        "# top\n---\na: 1 # one\nb: 'two'\n",
        'a:\n- b: 2024-01-01\n  c: "NO"\n- d: 1.50\n',
        "a:\n    - b: 0x1F\n    - 1_000\nc: |\n  x\n  y\nd: >-\n  z\n",
        "a: {b: 1, c: [2, 3]}\r\nd: e\r\n",
    ],
)
def test_an_edit_that_changes_nothing_changes_no_byte(text: str) -> None:
    assert Document.parse(text.encode(), Path("x.yaml")).edit(lambda tree: None).text == text


@settings(max_examples=50)
@given(st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S", "Zs")), max_size=40))
def test_what_an_edit_writes_is_read_back(value: str) -> None:
    document = Document.parse(b"a: 1  # one\nb: {c: d}\n", Path("x.yaml"))
    edited = document.edit(lambda tree: tree["b"].update(c=value))
    assert edited.data == {"a": 1, "b": {"c": value}}
    assert "# one" in edited.text


def test_an_edit_that_yaml_cannot_say_is_refused() -> None:
    def twice(tree: Any) -> None:
        tree["b"] = tree["c"] = [1]  # one list in two places becomes an anchor

    with pytest.raises(ContractError, match="anchor"):
        Document.parse(b"a: 1\n", Path("x.yaml")).edit(twice)


def test_a_link_out_of_the_domain_is_refused(domain_folder: Path, contract_file: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.yaml"
    outside.write_bytes(contract_file.read_bytes())
    contract_file.unlink()
    contract_file.symlink_to(outside)
    with pytest.raises(ContractError) as refused:
        Document.load(contract_file, domain_folder)
    assert [finding.code for finding in refused.value.findings] == ["symlink-outside"]
    inside = domain_folder / "shared.yaml"
    outside.rename(inside)
    contract_file.unlink()
    contract_file.symlink_to(inside)
    assert Document.load(contract_file, domain_folder).data["id"] == "crm.customer_360.v1"


def test_a_linked_product_folder_is_refused(domain_folder: Path, tmp_path: Path) -> None:
    product = domain_folder / "products" / "customer_360"
    product.rename(tmp_path / "elsewhere")
    product.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ContractError, match="symlink-outside"):
        Document.load(product / "v1.odcs.yaml", domain_folder)


def test_what_is_no_file_is_refused_without_hanging(tmp_path: Path) -> None:
    codes = {}
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    for name in ("pipe.yaml", "folder.yaml", "missing.yaml", "loop.yaml"):
        with pytest.raises(ContractError) as refused:
            Document.load(tmp_path / name)
        codes[name] = refused.value.findings[0].code
    assert codes == {
        "pipe.yaml": "not-a-file",
        "folder.yaml": "not-a-file",
        "missing.yaml": "file-missing",
        "loop.yaml": "file-unreadable",
    }


def test_sha256_is_of_the_bytes(contract_file: Path) -> None:
    import hashlib

    assert Document.load(contract_file).sha256 == hashlib.sha256(contract_file.read_bytes()).hexdigest()


@pytest.mark.parametrize("value", [0, 1, -12, 1.5, 1e30, True, None, "1", "1e3", [1, 2], {"least": 3}])
def test_every_kind_of_value_can_be_added(value: object) -> None:
    document = Document.parse(b"version: 1.0.0\n", Path("v1.odcs.yaml"))
    changed = document.edit(lambda tree: tree.update(added=value))
    assert changed.data["added"] == value
    assert type(changed.data["added"]) is type(value)
