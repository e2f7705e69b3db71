"""No field of any valid document is lost: properties over the official schemas of ODCS and Bitol ODPS."""

from __future__ import annotations

import copy
import json
import re
from functools import cache
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft201909Validator
from ruamel.yaml import YAML

from platform_resources.contracts import Document, errors
from platform_resources.contracts.schema_check import check_schema
from tests.contracts.from_schema import Maker, at, places
from tests.contracts.test_schemas import official_odcs

STANDARDS = Path(__file__).parents[3] / "shared" / "standards"

# kind, apiVersion, file of the official schema (None: the one that is installed)
OFFICIAL = [
    ("contract", "v3.2.0", None),
    ("contract", "v3.1.0", "odcs/odcs-json-schema-v3.1.0.json"),
    ("contract", "v3.0.2", "odcs/odcs-json-schema-v3.0.2.json"),
    ("product", "v1.0.0", "odps/odps-json-schema-v1.0.0.json"),
    ("product", "v0.9.0", "odps/odps-json-schema-v0.9.0.json"),
]
each_standard = pytest.mark.parametrize(("kind", "version", "file"), OFFICIAL, ids=[f"{o[0]} {o[1]}" for o in OFFICIAL])
any_example = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


@cache
def maker(file: str | None) -> Maker:
    if file is None:
        spec = find_spec("open_data_contract_standard")
        assert spec is not None
        assert spec.submodule_search_locations is not None
        path = Path(spec.submodule_search_locations[0]) / "schema.json"
    else:
        path = STANDARDS / file
        if not path.exists():
            pytest.skip("no official schemas beside the repository")
    return Maker(json.loads(path.read_text()))


def documents(file: str | None, version: str) -> st.SearchStrategy[Any]:
    return Maker.documents(maker(file), apiVersion=version)


def written(data: Any) -> str:
    """The YAML that somebody else's tool makes of the data."""
    out = StringIO()
    yaml = YAML()
    yaml.width = 1_000_000
    yaml.allow_unicode = True
    yaml.dump(data, out)
    return out.getvalue()


def commented(text: str) -> str:
    """`text` with a comment of its own above every line and at the end of each that takes one."""
    lines = [f"# above {number}\n{line}" for number, line in enumerate(text.splitlines())]
    return "\n".join(lines) + "\n# the end\n"


@each_standard
def test_any_valid_document_is_read_as_it_is(kind: Any, version: str, file: str | None, tmp_path: Path) -> None:
    strategy = documents(file, version)

    @any_example
    @given(strategy)
    def holds(data: Any) -> None:
        raw = written(data).encode()
        document = Document.parse(raw, tmp_path / "x.yaml")
        assert document.data == data
        assert document.save().read_bytes() == raw

    holds()


@each_standard
def test_any_document_that_the_standard_accepts_is_accepted(kind: Any, version: str, file: str | None) -> None:
    @any_example
    @given(documents(file, version))
    def holds(data: Any) -> None:
        document = Document.parse(written(data).encode(), Path("x.yaml"))
        assert errors(check_schema(document, kind)) == []

    holds()


@each_standard
def test_an_edit_of_one_field_leaves_everything_else_as_it_is(kind: Any, version: str, file: str | None) -> None:
    @any_example
    @given(documents(file, version), st.data())
    def holds(data: Any, choice: st.DataObject) -> None:
        text = commented(written(data))
        document = Document.parse(text.encode(), Path("x.yaml"))
        assume(document.data == data)  # no text over several lines, into which a comment would have fallen
        scalars = [path for path in places(data) if path and not isinstance(at(data, path), dict | list)]
        path = choice.draw(st.sampled_from(scalars))
        new = choice.draw(st.sampled_from(["changed", "1.0", "NO", 7, True, None]))

        def change(tree: Any) -> None:
            at(tree, path[:-1])[path[-1]] = new

        expected = copy.deepcopy(data)
        at(expected, path[:-1])[path[-1]] = new
        edited = document.edit(change)
        assert edited.data == expected
        assert json.dumps(edited.data) == json.dumps(expected)  # in the same order, too
        before, after = text.splitlines(), edited.text.splitlines()
        assert len(before) == len(after)
        assert sum(one != other for one, other in zip(before, after, strict=True)) <= 1

    holds()


def _plain(text: str) -> str:
    """With a dot for the brackets of an index; keys that are made up may have brackets, too."""
    return text.replace("]", "").replace("[", ".")


def _refused(standard: Any, data: Any) -> set[tuple[Any, ...]]:
    """What it refuses in a document, and where."""
    return {(*error.absolute_path, error.validator) for error in standard.iter_errors(data)}


@each_standard
def test_a_document_that_the_standard_refuses_is_refused_and_the_field_is_named(
    kind: Any, version: str, file: str | None
) -> None:
    newest = Draft201909Validator(official_odcs()) if kind == "contract" else maker(OFFICIAL[3][2]).validator
    own = maker(file).validator

    @any_example
    @given(documents(file, version), st.data())
    def holds(data: Any, choice: st.DataObject) -> None:
        path = choice.draw(st.sampled_from([place for place in places(data) if place]))
        assume(path != ("apiVersion",))  # of another version, the document might be right
        holder, before = at(data, path[:-1]), _refused(newest, data)
        match choice.draw(st.sampled_from(["delete", "replace", "add"])):
            case "delete":
                del holder[path[-1]]
            case "replace":
                holder[path[-1]] = choice.draw(st.sampled_from([None, 1, "x y", [], {}, [None], {"x y": 1}, True]))
            case _ if isinstance(holder, dict):
                holder["unknownKey"] = 1
        # What only a later version of the standard knows is taken from documents of earlier ones, too.
        assume(not own.is_valid(data) and _refused(newest, data) - before)
        found = check_schema(Document.parse(written(data).encode(), Path("x.yaml")), kind)
        assert found, [error.message for error in own.iter_errors(data)]
        for finding in found:
            assert finding.path
            field = re.sub(r"(\[\d+\])+$", "", finding.path)  # which of a list is not said again in the message
            assert _plain(field).split(".")[-1] in _plain(f"{finding.message} {path}")
            assert finding.remedy.endswith((".", "?"))

    holds()
