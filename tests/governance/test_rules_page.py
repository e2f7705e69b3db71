"""`docs/rules.md` says what is so: its examples are files that work, its tables are complete."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from platform_resources.governance import Council, check_all_examples, load_council
from platform_resources.governance.facts import FACTS
from platform_resources.governance.model import Subject
from platform_resources.governance.predicates import COMBINED, TESTS
from tests.council_files import write_council

PAGE = (Path(__file__).parents[2] / "docs/rules.md").read_text(encoding="utf-8")


@pytest.fixture
def council(tmp_path: Path) -> Council:
    """A council of the page's files."""
    blocks = re.findall(r"```(?:yaml|python)\n# governance/(\S+)\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == PAGE.count("```yaml") + PAGE.count("```python")
    return load_council(write_council(tmp_path, files=dict(blocks)))


def test_the_files_of_the_page_are_a_council_that_proves_itself(council: Council) -> None:
    assert [str(finding) for finding in council.findings] == []
    assert [rule.id for rule in council.rules] == ["DOC-902", "SEC-901"]
    assert [waiver.product for waiver in council.waivers] == ["crm.customer_360"]
    assert check_all_examples(council) == []


def test_the_tables_name_every_test_and_every_fact() -> None:
    predicates = PAGE.partition("## Predicates")[2].partition("##")[0]
    assert {*TESTS, *COMBINED} <= set(re.findall(r"[a-zA-Z]+", "".join(re.findall(r"`[^`]+`", predicates))))
    for fact in FACTS.values():
        known_of = "everything" if fact.kinds == get_args(Subject) else ", ".join(fact.kinds)
        assert f"| `{fact.name}` | {fact.says} | {known_of} |" in PAGE


def test_every_field_path_of_the_page_can_be_written() -> None:
    from platform_resources.governance.fields import ROOTS, parse_field

    paths = re.findall(r"`(\$[a-z]+(?:\.[a-zA-Z]+)?)`", PAGE)
    assert {path.partition(".")[0][1:] for path in paths} == set(ROOTS)
    for path in paths:
        if "." in path:
            parse_field(path)
