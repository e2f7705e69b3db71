"""`mesh check` as people and CI use it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.conftest import Mesh
from tests.pipeline.test_gate import TAGGED, enact
from tests.running import Result

CONTRACT = "domains/shop/products/orders/v1.odcs.yaml"


def edit(mesh: Mesh, file: str, old: str, new: str) -> None:
    path = mesh.project / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def codes(done: Result) -> set[str]:
    return {finding["code"] for finding in done.json["findings"] if finding["severity"] == "error"}


def test_a_sound_mesh_is_told_in_a_line(built: Mesh) -> None:
    done = built("check")
    assert done.code == 0, done.out
    assert "2 products" in done.out
    assert "sound" in done.out


def test_findings_are_told_with_place_and_remedy_and_end_with_1(mesh: Mesh) -> None:
    enact(mesh.project, TAGGED.format(grace="2026-02-01"))
    done = mesh("check")
    assert done.code == 1
    assert CONTRACT in done.out
    assert "`shop.orders.v1` has no tags." in done.out
    assert "Add `tags: [stock]`." in done.out
    assert "not to be published as they stand: ledger.totals, shop.orders" in done.out


def test_the_remedy_applied_makes_the_finding_go(mesh: Mesh) -> None:
    enact(mesh.project, TAGGED.format(grace="2026-02-01"))
    for file in (CONTRACT, "domains/ledger/products/totals/v1.odcs.yaml"):
        edit(mesh, file, "schema:\n", "tags: [stock]\nschema:\n")
    assert mesh("check").code == 0


def test_a_day_can_be_asked_for(mesh: Mesh) -> None:
    enact(mesh.project, TAGGED.format(grace="2090-06-30").replace("2026-01-01", "2090-01-01"))
    standings = {}
    for day in ("2089-12-31", "2090-06-30", "2090-07-01"):
        done = mesh("check", "--as-of", day, "--format", "json")
        standings[day] = (done.code, {finding.get("standing") for finding in done.json["findings"]})
    assert standings == {
        "2089-12-31": (0, {"announced"}),
        "2090-06-30": (0, {"grace"}),
        "2090-07-01": (1, {"blocks"}),
    }


def test_one_product_can_be_asked_for(mesh: Mesh) -> None:
    enact(mesh.project, TAGGED.format(grace="2026-02-01"))
    done = mesh("check", "ledger", "--format", "json")
    assert done.json["products"] == ["ledger.totals"]
    assert {finding["product"] for finding in done.json["findings"]} == {"ledger.totals"}
    edit(mesh, "domains/ledger/products/totals/v1.odcs.yaml", "schema:\n", "tags: [stock]\nschema:\n")
    assert mesh("check", "ledger.totals").code == 0
    assert mesh("check", "shop.orders").code == 1
    assert mesh("check", "nosuch").code == 2


def test_sarif_and_junit_hold_the_same_findings(mesh: Mesh, tmp_path: Path) -> None:
    enact(mesh.project, TAGGED.format(grace="2026-02-01"))
    sarif, junit = tmp_path / "check.sarif", tmp_path / "check.xml"
    assert mesh("check", "--format", "sarif", "--output", str(sarif)).code == 1
    assert mesh("check", "--format", "junit", "--output", str(junit)).code == 1
    (run,) = json.loads(sarif.read_text(encoding="utf-8"))["runs"]
    found = {
        (r["ruleId"], r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])
        for r in run["results"]
        if r["level"] == "error"
    }
    assert ("DOC-100", CONTRACT) in found
    (rule,) = [rule for rule in run["tool"]["driver"]["rules"] if rule["id"] == "DOC-100"]
    assert rule["shortDescription"]["text"] == "Contracts say their tags"
    root = ElementTree.fromstring(junit.read_text(encoding="utf-8"))
    failed = {case.get("file") for case in root.iter("testcase") if case.find("failure") is not None}
    assert failed == {CONTRACT, "domains/ledger/products/totals/v1.odcs.yaml"}


def test_a_document_alone_is_judged_wherever_it_lies(mesh: Mesh, tmp_path: Path) -> None:
    file = tmp_path / "draft.odcs.yaml"
    file.write_text("kind: DataContract\nversion: 1.0.0\n", encoding="utf-8")
    done = mesh("check", str(file), "--format", "json")
    assert done.code == 1
    assert "missing-key" in codes(done)
    assert mesh("check", str(tmp_path / "nosuch.yaml")).code == 2


def test_a_breaking_change_against_what_is_published_is_refused_and_names_the_reader(mesh: Mesh) -> None:
    edit(mesh, CONTRACT, 'physicalType: "DECIMAL(10,2)"', 'physicalType: "DECIMAL(10,0)"')
    done = mesh("check", "--format", "json")
    assert done.code == 1
    (finding,) = [finding for finding in done.json["findings"] if finding["code"] == "breaking-change"]
    assert "ledger.totals" in finding["message"]
    assert finding["file"] == CONTRACT
    assert done.json["blocked"] == ["shop.orders"]
    held = mesh("run", "shop.orders")
    assert held.code == 1
    assert mesh("query", "select count(*) from shop.orders.v1").code == 0


def test_where_nothing_is_published_a_git_revision_is_the_promise(mesh: Mesh, tmp_path: Path) -> None:
    project = Mesh(mesh.project, tmp_path / "elsewhere")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@retailer.example", "-C", str(project.project)]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], check=True, capture_output=True)
    edit(project, CONTRACT, 'physicalType: "DECIMAL(10,2)"', 'physicalType: "DECIMAL(10,0)"')
    blind = project("check", "--format", "json")
    assert "breaking-change" not in codes(blind)
    assert "breaking changes were not looked for" in blind.err
    assert "breaking-change" in codes(project("check", "--against", "HEAD", "--format", "json"))
    assert project("check", "--against", "nosuch").code == 2


@pytest.mark.parametrize("spoilt", ["id: [", "id: DOC-100\ntitle: x\n"])
def test_a_broken_file_of_the_council_is_found_and_stops_no_product(mesh: Mesh, spoilt: str) -> None:
    enact(mesh.project)
    (mesh.project / "governance/rules/DOC-100-a-rule.yaml").write_text(spoilt, encoding="utf-8")
    done = mesh("check", "--format", "json")
    assert done.code == 1
    assert done.json["blocked"] == []
    assert {finding["file"] for finding in done.json["findings"] if finding["severity"] == "error"} == {
        "governance/rules/DOC-100-a-rule.yaml"
    }
    assert mesh("run").code == 0
