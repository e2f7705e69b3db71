"""The pages of fitness and of the council: linkable, whole without script, and no word of what is hidden."""

from __future__ import annotations

import html
import re

import pytest

from tests.portal.conftest import Portal
from tests.shipped import hide

OWNER = "maria.keller@retailer.example"


def text_of(page: str) -> str:
    """What is read on a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_needs_in_an_address_are_answered_with_evidence(shipped_portal: Portal) -> None:
    with shipped_portal.browser(shipped_portal.mesh.token("analyst")) as browser:
        answer = browser.get(
            "/fitness",
            params={
                **{"max_age": "PT30M", "dimensions": "completeness 80, uniqueness>=80", "terms": "client id"},
                **{"history": "P1Y", "purpose": "analytics", "q": "", "tier": ["gold"], "min_score": "", "clear": ""},
            },
        )
    assert answer.status_code == 200
    told = text_of(answer.text)
    assert "1 port fits" in told
    assert "completeness of at least 80 %" in told
    assert "you may read it" in told
    assert 'value="PT30M"' in answer.text, "the form keeps what was asked"
    assert re.search(r'value="gold"\s+checked', answer.text)


def test_who_has_it_masked_is_told_first_with_the_role_to_ask_for(shipped_portal: Portal) -> None:
    with shipped_portal.browser(shipped_portal.mesh.token("analyst")) as browser:
        page = browser.get("/fitness?clear=email&purpose=campaigns")
        told = text_of(page.text)
        assert told.index("crm.customer_360.v1") < told.index("it has no such column")
        assert "you need the clearance gdpr as well, which administrators give" in told
        assert "approved by maria.keller@retailer.example, then privacy@retailer.example" in told
        way = html.unescape(re.search(r'href="(/access/request\?[^"]*gdpr_reader)"', page.text)[1])  # type: ignore[index]
        form = browser.get(way)
    assert form.status_code == 200
    assert re.search(r'value="customer_360_gdpr_reader" checked', form.text)
    with shipped_portal.browser(shipped_portal.mesh.token("maria.keller@retailer.example")) as browser:
        page = browser.get("/fitness?clear=email&purpose=campaigns")
    assert "nobody may decide when you ask: the role customer_360_gdpr_reader" in text_of(page.text)
    assert "/access/request?" not in page.text, "who decides would be the one who asks"


def test_needs_may_be_called_as_by_the_command_line_and_no_other_name_is_passed_over(shipped_portal: Portal) -> None:
    with shipped_portal.browser(shipped_portal.mesh.token("analyst")) as browser:
        called = browser.get(
            "/fitness?term=client+id&term=age&min=completeness%3D80&min=uniqueness%3D80&purpose=analytics"
        )
        agents = browser.get("/fitness?products=crm.customer_360&query=customer")
        by_form = browser.get("/fitness?ports=crm.customer_360&q=customer")
        same = browser.get("/fitness?terms=client+id,age&dimensions=completeness+80,uniqueness+80&purpose=analytics")
        unknown = browser.get("/fitness?terms=client+id&maxage=PT30M")
    answers = [
        re.search(r'<section aria-labelledby="answer">.*?</section>', page.text, re.DOTALL)
        for page in (called, same, agents, by_form)
    ]
    assert "completeness of at least 80 %" in text_of(answers[0][0])  # type: ignore[index]
    assert answers[0][0] == answers[1][0]  # type: ignore[index]
    assert answers[2][0] == answers[3][0]  # type: ignore[index]
    assert unknown.status_code == 422
    assert "maxage: is no need; known are" in text_of(unknown.text)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"max_age": "30 min", "terms": "clint id"}, ("No older than: '30 min' is no", "did you mean client id")),
        ({"min_score": "much"}, ("Quality score of at least: ",)),
        ({"min_score": "nan"}, ("Quality score of at least: ",)),
        ({"dimensions": "completeness", "purpose": "fun"}, ("completeness 98", "there is no purpose")),
        ({"dimensions": "completeness " + "0" * 3000 + "98"}, ("write each as",)),
        ({"dimensions": "completeness" + " " * 3900 + "x"}, ("write each as",)),
        ({"ports": "crm.<b>x</b>"}, ("there is no product or port 'crm.<b>x</b>'",)),
    ],
)
def test_fields_that_make_no_sense_are_told_beside_them(
    shipped_portal: Portal, asked: dict[str, str], told: tuple[str, ...]
) -> None:
    with shipped_portal.browser(shipped_portal.mesh.token("analyst")) as browser:
        answer = browser.get("/fitness", params=asked)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert "<b>x</b>" not in answer.text
    read = html.unescape(re.sub(r"<[^>]+>", "", answer.text))
    assert all(words in read for words in told)


def test_the_council_page_shows_each_what_it_may_know(shipped_portal: Portal) -> None:
    mesh = shipped_portal.mesh
    hide(mesh, "supply_chain.demand_forecast")
    with shipped_portal.browser(mesh.token("service-desk")) as desk, shipped_portal.browser(mesh.token(OWNER)) as owner:
        page, of_owner = desk.get("/council"), owner.get("/council")
    assert page.status_code == of_owner.status_code == 200
    assert "demand_forecast" not in page.text
    assert "SEC-001" in page.text
    assert "told to its owners" in page.text
    assert 'name="rule"' not in page.text, "only who may try a rule has the form"
    assert 'name="rule"' in of_owner.text
    assert not re.search(r"<(script(?![^>]*src=)|style)|\sstyle=|\son\w+=", page.text)


def test_a_rule_is_tried_by_a_form_and_a_wrong_one_is_kept_to_be_mended(shipped_portal: Portal) -> None:
    with shipped_portal.browser(shipped_portal.mesh.token(OWNER)) as browser:
        page = browser.get("/council").text
        example = html.unescape(re.search(r'<textarea id="rule"[^>]*>(.*?)</textarea>', page, re.DOTALL)[1])  # type: ignore[index]
        stricter = example.replace("95", "99.95")
        found = browser.submit("/council", "/council", rule=stricter)
        wrong = browser.submit("/council", "/council", rule=stricter.replace("atLeast", "</textarea><b>atLeast"))
        forged = browser.post("/council", data={"rule": stricter})
    told = text_of(found.text)
    assert found.status_code == 200
    assert "QUA-900: Every product keeps a score of 99.95" in told
    assert "It scores 91.52" in told or "of 5 products" in told
    assert wrong.status_code == 422
    assert "</textarea><b>" not in wrong.text
    assert "&lt;/textarea&gt;&lt;b&gt;atLeast" in wrong.text
    assert forged.status_code == 403
    with shipped_portal.browser(shipped_portal.mesh.token("analyst")) as browser:
        assert browser.submit("/council", "/me", rule=stricter).status_code == 403
