"""Files of the council: each mistake is told with file, line, field and remedy; only the broken file is not applied."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from platform_resources.contracts import ContractError, Finding
from platform_resources.governance import Council, check_examples, load_council, load_rule
from platform_resources.governance.facts import FACTS
from platform_resources.governance.predicates import COMBINED, TESTS
from platform_resources.governance.rule_files import RULE_SCHEMA
from tests.council_files import (
    CLASSIFICATIONS,
    COUNCIL,
    TIERS,
    dumped,
    rule,
    sound_council,
    told,
    waiver,
    write_council,
)
from tests.council_files import SEMANTIC_TYPES as TYPES
from tests.work import calls_of

REPOSITORY = Path(__file__).parents[2]


def loaded(folder: Path, *rules: Any, waivers: Any = (), **files: str) -> Council:
    texts = {name.replace("__", "/") + ".yaml": text for name, text in files.items()}
    return load_council(write_council(folder, rules, waivers, texts))


def line_of(finding: Finding) -> str:
    return finding.file.read_text(encoding="utf-8").splitlines()[finding.line - 1]


def test_a_sound_council_is_read_whole(tmp_path: Path) -> None:
    scope = {"domains": ["crm"], "tiers": ["gold"], "classifications": ["personal"], "lifecycle": ["active"]}
    council = sound_council(
        tmp_path, [rule(scope=scope, graceUntil="2026-03-31", waivable=True)], [waiver(columns=["email"])]
    )
    read = council.rules[0]
    assert (read.id, read.effective_from, read.grace_until) == ("DOC-001", date(2026, 1, 1), date(2026, 3, 31))
    assert read.scope.domains == ("crm",)
    assert read.origin.file == tmp_path / "rules/DOC-001-0.yaml"
    assert council.mandate.approvers == ("privacy@retailer.example", "shop@retailer.example")
    assert council.mandate.longest_waiver_days == 90
    assert council.tiers["gold"].fields["freshness"] == "PT1H"
    assert [entry.rank for entry in council.classifications.values()] == [0, 1, 2, 3]
    assert council.semantic_types["customer_id"].names == ("household_id", "customer_id")
    assert council.waivers[0].columns == ("email",)
    assert council.waivers[0].until == date(2026, 3, 31)


def test_without_a_folder_nothing_is_decided(tmp_path: Path) -> None:
    council = load_council(tmp_path / "governance")
    assert (council.rules, council.findings) == ((), ())


@pytest.mark.parametrize(
    ("broken", "code", "path", "says"),
    [
        (rule("owner"), "missing-key", "owner", "Add `owner:`"),
        (rule(owner="the council"), "owner-email", "owner", "Write the address"),
        (rule(severty="error"), "unknown-key", "severty", "Did you mean `severity`?"),
        (rule(severity="fatal"), "not-allowed", "severity", "error, warning, info"),
        (rule(appliesTo="columns"), "not-allowed", "appliesTo", "Did you mean `column`?"),
        (rule(id="doc1"), "wrong-form", "id", "so that it matches"),
        (rule(effectiveFrom="2026-02-30"), "date", "effectiveFrom", "Write it as 2026-01-31."),
        (rule(effectiveFrom="soon"), "date", "effectiveFrom", "Write it as 2026-01-31."),
        (rule(graceUntil="2025-12-31"), "grace-before-start", "graceUntil", "mend one of them"),
        (rule(scope={"tiers": ["golden"]}), "scope", "scope.tiers[0]", "There are gold, silver."),
        (rule(scope={"classifications": ["secret"]}), "scope", "scope.classifications[0]", "public, internal"),
        (rule(scope={"lifecycle": ["live"]}), "not-allowed", "scope.lifecycle[0]", "active"),
        (rule(scope={"domain": ["crm"]}), "unknown-key", "scope.domain", "Did you mean `domains`?"),
        (rule("require"), "rule-decision", "id", "`require`"),
        (rule(python="x.py"), "rule-decision", "python", "`require`"),
        (rule("message"), "missing-key", "message", "what is wrong"),
        (rule(require={"field": "descripton", "exists": True}), "field", "require.field", "mean `description`?"),
        (rule(require={"field": "name", "exsts": True}), "unknown-key", "require.exsts", "Did you mean `exists`?"),
        (rule(require={"any": [{"field": "name", "matches": r"(a+)\1"}]}), "pattern", "require.any[0].matches", "Mend"),
        (rule(where={"field": "$tier.freshnes", "exists": True}), "field", "where.field", "`$tier.freshness`?"),
        (rule(where={"field": "$facts.nothing", "is": 1}), "field", "where.field", "There are"),
        (rule(where={"field": "name"}), "predicate", "where", "Add a test"),
        (rule(appliesTo="product", where={"field": "$table.name", "is": "a"}), "field", "where.field", "Leave"),
        (rule(at="nowhere.at.all"), "field", "at", "See the reference of the standard"),
        (rule(message="{$product.nme}"), "field", "message", "Did you mean `$product.name`?"),
        (rule("require", python="missing.py"), "python-rule", "python", "Mend the Python file."),
        (rule("require", python="../x.py"), "wrong-form", "python", "so that it matches"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_told_and_not_applied_and_the_others_are(
    tmp_path: Path, broken: dict[str, Any], code: str, path: str, says: str
) -> None:
    council = loaded(tmp_path, broken, rule(id="DOC-002"))
    finding = told(council.findings, code)
    assert (finding.path, finding.severity) == (path, "error")
    assert says in finding.remedy
    assert finding.file == tmp_path / f"rules/{broken.get('id', 'DOC-001')}-0.yaml"
    if path and "." not in path:
        assert line_of(finding).startswith(path) or code == "missing-key"
    assert [read.id for read in council.rules] == ["DOC-002"]
    assert "standard" not in finding.message


def test_every_flaw_of_a_rule_is_told_at_once(tmp_path: Path) -> None:
    predicate = {"all": [{"field": "nme", "exists": True}, {"field": "x", "is": 1}]}
    bad = rule(owner="x", graceUntil="2020-01-01", require=predicate)
    codes = sorted(finding.code for finding in loaded(tmp_path, bad).findings)
    assert codes == ["field", "field", "grace-before-start", "owner-email"]
    misspelt = {**bad, "id": "DOC-002", "reson": "x", "where": {"field": "name", "iss": "a"}}
    found = loaded(tmp_path, misspelt).findings
    codes = sorted(finding.code for finding in found if finding.file.name.startswith("DOC-002"))
    assert codes == ["field", "field", "grace-before-start", "owner-email", "unknown-key", "unknown-key"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import nothing_like_this\n", "No module named 'nothing_like_this'"),
        ("def check(subject:\n", "SyntaxError"),
        ("raise RuntimeError('boom')\n", "RuntimeError: boom (line 1)"),
        ("x = 1\n", "has no function `check(subject)`"),
    ],
)
def test_a_python_file_that_cant_be_used_is_told_without_a_traceback(tmp_path: Path, text: str, says: str) -> None:
    folder = write_council(
        tmp_path, [rule("require", "message", "remedy", python="strict.py")], files={"rules/strict.py": text}
    )
    finding = told(load_council(folder).findings, "python-rule")
    assert says in finding.message
    assert line_of(finding) == "python: strict.py"


JUNK: list[Any] = [
    None,
    True,
    0,
    -1.5,
    "",
    "x",
    "2026-01-01",
    [],
    [None],
    [[]],
    ["x", 1],
    {},
    {"x": None},
    {"field": 1},
]


@pytest.mark.parametrize("key", sorted(rule(python="x.py", where={}, scope={}, at="", graceUntil="", waivable=True)))
def test_no_value_of_a_rule_makes_the_reader_stumble(tmp_path: Path, key: str) -> None:
    for value in JUNK:
        folder = write_council(tmp_path, files={"rules/DOC-001-x.yaml": dumped(rule(**{key: value}))})
        council = load_council(folder)
        assert council.rules or council.findings
        for read in council.rules:
            check_examples(read, council)


@pytest.mark.parametrize(
    "key", ["all", "field", "is", "in", "matches", "atLeast", "each", "known", "after", "longerThan"]
)
def test_no_value_in_a_predicate_makes_the_reader_stumble(tmp_path: Path, key: str) -> None:
    for value in JUNK:
        for predicate in ({"field": "name", key: value}, {key: value}, {"any": [{key: value}]}):
            folder = write_council(tmp_path, files={"rules/DOC-001-x.yaml": dumped(rule(require=predicate))})
            council = load_council(folder)
            assert council.rules or council.findings


@pytest.mark.parametrize("file", ["council", "tiers", "classifications", "semantic_types", "waivers/x"])
def test_no_value_in_another_file_makes_the_reader_stumble(tmp_path: Path, file: str) -> None:
    sound = {"council": COUNCIL, "tiers": TIERS, "classifications": CLASSIFICATIONS, "semantic_types": TYPES}
    data = yaml.safe_load(sound.get(file) or dumped(waiver(columns=["a"])))
    inner = [{**data, key: value} for key in data for value in JUNK]
    for key, entries in data.items():
        if isinstance(entries, list) and isinstance(entries[0], dict):
            inner += [{key: [{**entries[0], name: value}]} for name in entries[0] for value in JUNK]
        if isinstance(entries, dict):
            inner += [{key: {"gold": {**entries["gold"], name: value}}} for name in entries["gold"] for value in JUNK]
    for changed in inner:
        load_council(write_council(tmp_path, [rule()], files={f"{file}.yaml": dumped(changed)}))


def test_ids_are_given_once(tmp_path: Path) -> None:
    council = loaded(tmp_path, rule(), rule())
    finding = told(council.findings, "duplicate-id")
    assert finding.file.name == "DOC-001-1.yaml"
    assert len(council.rules) == 1


def test_a_file_is_named_after_its_rule(tmp_path: Path) -> None:
    council = loaded(tmp_path, rules__wrong=dumped(rule()))
    assert told(council.findings, "rule-file").severity == "warning"
    assert len(council.rules) == 1


@pytest.mark.parametrize(
    ("files", "code", "path", "says"),
    [
        ({"tiers": "tiers: {gold: {freshness: 1 hour}}\n"}, "duration", "tiers.gold.freshness", "ISO 8601"),
        ({"tiers": "tiers: {gold: high}\n"}, "wrong-type", "tiers.gold", "indentation"),
        ({"tiers": "tiers: {gold: {availability: 110}}\n"}, "out-of-range", "tiers.gold.availability", "100"),
        ({"classifications": "classifications: [{name: a},{name: a}]"}, "duplicate-id", "classifications[1].name", ""),
        ({"classifications": "classifications: [{title: a}]"}, "missing-key", "classifications[0].name", "Add `name:`"),
        ({"semantic_types": TYPES + TYPES.partition("\n")[2]}, "duplicate-id", "types[1].id", "rename"),
        ({"semantic_types": TYPES.replace("BIGINT", "BIGGINT")}, "column-type", "types[0].physicalType", "DuckDB"),
        ({"semantic_types": TYPES.replace("integer", "int")}, "not-allowed", "types[0].logicalType", "integer"),
        ({"semantic_types": TYPES.replace(".v1.", ".1.")}, "reference-form", "types[0].reference", "such as crm."),
        ({"semantic_types": TYPES.replace("minimum: 1", r"pattern: (a)\1")}, "pattern", "types[0].options.pattern", ""),
        ({"council": "name: x\nowner: nobody\n"}, "owner-email", "owner", "address"),
        ({"council": "name: x\n"}, "missing-key", "owner", "Add `owner:`"),
        ({"council": COUNCIL + "timeZone: Europe\n"}, "time-zone", "timeZone", "Europe/Berlin"),
        ({"council": COUNCIL + "timeZone: ../UTC\n"}, "time-zone", "timeZone", "Europe/Berlin"),
        ({"tiers": "tiers: &a {gold: *a}\n"}, "anchor", "tiers", "Write the value out"),
        ({"tiers": "- gold\n"}, "no-mapping", "", "Begin with keys"),
    ],
)  # fmt: skip
def test_a_broken_catalogue_is_told(tmp_path: Path, files: dict[str, str], code: str, path: str, says: str) -> None:
    finding = told(loaded(tmp_path, **files).findings, code)
    assert (finding.path, finding.severity) == (path, "error")
    assert says in finding.remedy


def test_rules_go_on_without_a_broken_catalogue_that_they_do_not_need(tmp_path: Path) -> None:
    council = loaded(tmp_path, rule(), rule(id="DOC-002", scope={"tiers": ["gold"]}), tiers="tiers: 1\n")
    assert [read.id for read in council.rules] == ["DOC-001", "DOC-002"]  # the tier stands in the contract
    assert [finding.file.name for finding in council.findings] == ["tiers.yaml"]


KNOWN = {"field": "classification", "known": "classifications"}
MASK = {"all": [{"field": "$classification.mask", "isNot": "required"}]}
TEMPLATE = {"field": "tags", "each": {"field": ".", "atMost": {"field": "$tier.freshness"}}}
TYPE = {"field": "$facts.semanticType", "exists": False}


@pytest.mark.parametrize(
    ("broken", "off"),
    [
        ({"classifications": "classifications: [{nme: a}]\n"}, ["DOC-002", "DOC-003", "DOC-006"]),
        ({"tiers": "tiers: {gold: {freshness: soon}}\n"}, ["DOC-004"]),
        ({"semantic_types": "types: 1\n"}, ["DOC-005"]),
    ],
)
def test_rules_rest_while_a_catalogue_that_they_look_into_is_broken(
    tmp_path: Path, broken: dict[str, str], off: list[str]
) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/secret.py").write_text("def check(subject):\n    return subject.get('$classification.mask')\n")
    rules = [
        rule(),
        rule(id="DOC-002", require=KNOWN),
        rule(id="DOC-003", where=MASK),
        rule(id="DOC-004", where=TEMPLATE),
        rule(id="DOC-005", where=TYPE),
        rule("require", "message", "remedy", id="DOC-006", python="secret.py"),
    ]
    council = loaded(tmp_path, *rules, waivers=[waiver(rule=off[0])], **broken)
    assert [read.id for read in council.rules] == [entry["id"] for entry in rules if entry["id"] not in off]
    finding = told(council.findings, "rules-off")
    assert (finding.file, finding.severity) == (tmp_path / f"{next(iter(broken))}.yaml", "error")
    assert f"not applied: {', '.join(off)}." in finding.message
    assert {found.file for found in council.findings} == {finding.file}  # nothing is told of the rules themselves
    with pytest.raises(ContractError, match="looks into"):  # nor is one of them proposed as if it found nothing
        load_rule(tmp_path / f"rules/{off[0]}-{int(off[0][-1]) - 1}.yaml", council)


def test_two_types_cannot_share_a_name(tmp_path: Path) -> None:
    second = TYPES.partition("\n")[2].replace("id: customer_id", "id: client_id")
    finding = told(loaded(tmp_path, semantic_types=TYPES + second).findings[:1], "type-names")
    assert finding.path == "types[1].names[0]"
    assert "`household_id` stands for `customer_id` already" in finding.message


@pytest.mark.parametrize(
    ("broken", "code", "path", "says"),
    [
        (waiver(rule="DOC-999"), "unknown-rule", "rule", "Write the id of a rule"),
        (waiver(rule="DOC-002"), "unwaivable", "rule", "ask council@retailer.example"),
        (waiver(product="orders"), "product-form", "product", "<domain>.<product>"),
        (waiver(product="shop.orders.v1"), "product-form", "product", "without a version"),
        (waiver(approver="eve@retailer.example"), "approver", "approver", "Ask one of privacy@retailer.example"),
        (waiver(approver="eve"), "owner-email", "approver", "Write who approved it."),
        (waiver(until="2026-01-31"), "waiver-time", "until", "Mend one of the two days."),
        (waiver(until="2026-12-31"), "waiver-time", "until", "End it earlier"),
        (waiver(until="next week"), "date", "until", "Write it as 2026-01-31."),
        (waiver("granted"), "missing-key", "granted", "Add `granted:`"),
        (waiver("reason"), "missing-key", "reason", "Add `reason:`"),
        (waiver(column="a"), "unknown-key", "column", "Did you mean `columns`?"),
    ],
)
def test_a_waiver_that_nobody_could_grant_is_told_and_not_applied(
    tmp_path: Path, broken: dict[str, Any], code: str, path: str, says: str
) -> None:
    council = loaded(tmp_path, rule(), rule(id="DOC-002", waivable=False), waivers=[broken])
    finding = told(council.findings, code)
    assert (finding.path, finding.file) == (path, tmp_path / "waivers/0.yaml")
    assert says in finding.remedy
    assert council.waivers == ()


def test_a_waiver_for_a_broken_rule_is_not_told_twice(tmp_path: Path) -> None:
    council = loaded(tmp_path, rule(owner="nobody"), waivers=[waiver()])
    assert [finding.code for finding in council.findings] == ["owner-email"]


def test_files_that_nobody_reads_are_told(tmp_path: Path) -> None:
    texts = {"rules/old.yml": "a: 1", "rules/loose.py": "", "teirs.yaml": "a: 1", "README.md": "", ".hidden.yaml": ""}
    found = load_council(write_council(tmp_path, [rule()], files=texts)).findings
    assert {finding.file.name for finding in found} == {"old.yml", "loose.py", "teirs.yaml"}
    assert {(finding.code, finding.severity) for finding in found} == {("file-ignored", "warning")}


def test_a_proposed_rule_is_loaded_alone(tmp_path: Path) -> None:
    path = tmp_path / "DOC-009-proposed.yaml"
    path.write_text(dumped(rule(id="DOC-009", scope={"tiers": ["gold"]})))
    assert load_rule(path).id == "DOC-009"
    with pytest.raises(ContractError, match="not one of the tiers"):
        load_rule(path, Council(None))
    path.write_text("id: [")
    with pytest.raises(ContractError, match="no YAML"):
        load_rule(path)


def test_a_rule_without_an_example_is_told(tmp_path: Path) -> None:
    council = sound_council(tmp_path, [rule("examples")])
    assert "no example" in told(check_examples(council.rules[0], council), "rule-example").message


@pytest.mark.parametrize(
    ("example", "path", "says"),
    [
        ({"failing": {"name": "a", "description": "x"}, "mended": {"description": "y"}}, "failing", "finds nothing"),
        ({"failing": {"name": "a"}, "mended": {"name": "b"}}, "mended", "still breaks the rule: `b` has no"),
        (
            {"failing": {"name": "a"}, "mended": {"description": "y"}, "within": {"contract": {"status": "retired"}}},
            "failing", "outside of the rule's scope",
        ),
    ],
)  # fmt: skip
def test_an_example_that_proves_nothing_is_told(tmp_path: Path, example: Any, path: str, says: str) -> None:
    council = sound_council(tmp_path, [rule(examples=[example])])
    finding = told(check_examples(council.rules[0], council), "rule-example")
    assert finding.path == f"examples[0].{path}"
    assert says in finding.message
    assert path in line_of(finding)


def test_an_example_may_suppose_what_follows_from_the_mesh(tmp_path: Path) -> None:
    read = rule(
        appliesTo="contract", where={"field": "$facts.consumers", "atLeast": 2},
        require={"field": "support", "exists": True}, message="{$facts.consumers} read it", examples=[
            {"failing": {"id": "a"}, "mended": {"support": [{}]}, "within": {"facts": {"consumers": 3}}},
        ],
    )  # fmt: skip
    council = sound_council(tmp_path, [read])
    assert check_examples(council.rules[0], council) == []


def test_every_shipped_rule_is_proved_by_its_examples() -> None:
    council = load_council(REPOSITORY / "governance")
    assert not council.findings
    assert len(council.rules) >= 25
    assert [str(finding) for shipped in council.rules for finding in check_examples(shipped, council)] == []


def test_the_editor_knows_every_test_and_describes_every_key() -> None:
    schema = json.loads(RULE_SCHEMA.read_text(encoding="utf-8"))
    predicate = schema["$defs"]["predicate"]["properties"]
    assert set(predicate) == {*TESTS, *COMBINED, "field"}
    for properties in (schema["properties"], predicate, schema["properties"]["scope"]["properties"]):
        assert all("description" in part or "$ref" in part for part in properties.values())
    assert all(fact.says for fact in FACTS.values())


@pytest.mark.parametrize("name", ["rule", "council", "tier", "classification", "semantic_type", "waiver"])
def test_the_schemas_are_valid(name: str) -> None:
    from jsonschema import Draft201909Validator

    schema = json.loads(RULE_SCHEMA.with_name(f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft201909Validator.check_schema(schema)


def test_the_council_is_read_fast_enough_for_the_start_of_every_process(tmp_path: Path) -> None:
    rules = [rule(id=f"DOC-{at:03}", where={"field": "name", "matches": f"[a-z]+(_[a-z]+)*_{at}"}) for at in range(40)]
    folder = write_council(tmp_path, rules)
    load_council(folder)  # what is imported and compiled once
    assert len(load_council(folder).rules) == 40
    assert calls_of(lambda: load_council(folder)) < 45_000


PURPOSES = """\
purposes:
  - {name: analytics, title: Analytics, classifications: [public, internal]}
  - {name: campaigns, classifications: [public, personal]}
"""


def test_purposes_are_read(tmp_path: Path) -> None:
    write_council(tmp_path)
    (tmp_path / "purposes.yaml").write_text(PURPOSES)
    council = load_council(tmp_path)
    assert council.findings == ()
    assert list(council.purposes) == ["analytics", "campaigns"]
    assert council.purposes["campaigns"].classifications == {"public", "personal"}
    assert council.purposes["campaigns"].title == "campaigns"


@pytest.mark.parametrize(
    ("old", "new", "code", "told"),
    [
        ("[public, personal]", "[public, secret]", "unknown-classification", "Write some of public, internal"),
        ("name: campaigns", "name: analytics", "duplicate-id", "Delete one"),
        ("name: campaigns", "name: Big Campaigns", "name", "lower-case"),
        (", classifications: [public, personal]", "", "missing-key", "classifications"),
        ("title: Analytics", "titel: Analytics", "unknown-key", "`title`"),
    ],
)
def test_purposes_that_cannot_be_read_open_nothing(tmp_path: Path, old: str, new: str, code: str, told: str) -> None:
    write_council(tmp_path)
    assert old in PURPOSES
    (tmp_path / "purposes.yaml").write_text(PURPOSES.replace(old, new))
    council = load_council(tmp_path)
    (finding,) = council.findings
    assert (finding.code, finding.severity, finding.file.name) == (code, "error", "purposes.yaml")
    assert told in f"{finding.message} {finding.remedy}"
    assert council.purposes == {}
    assert "purposes" in council.unread
