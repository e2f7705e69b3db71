"""Fitness, metrics, ratings, incidents and the council, asked by the demo personas on the shipped products."""

from __future__ import annotations

import inspect
import json
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import yaml
from pydantic import ValidationError

from platform_resources.access import Access
from platform_resources.access.errors import (
    ConflictError,
    DeniedError,
    LimitExceededError,
    NotFoundError,
    TooManyRequestsError,
)
from platform_resources.access.model import Grant
from platform_resources.access.relations.usage import Usage
from platform_resources.access.requests.grants import add_grant
from platform_resources.catalog.view import CatalogView
from platform_resources.lake import Refusal, connect, refuse, utc_now
from platform_resources.operations.history import record
from platform_resources.operations.model import Probe
from platform_resources.serving import create_app, rule_trial
from platform_resources.serving.council import list_findings, list_rules, list_waivers
from platform_resources.serving.fitness import Fit, Needs, check_fitness
from platform_resources.serving.mcp.tools.judging import check_fitness as agents_check
from platform_resources.serving.problems import InvalidFieldsError
from platform_resources.serving.product_metrics import (
    Metric,
    RatingGiven,
    get_incidents,
    get_metrics,
    get_ratings,
    rate,
)
from platform_resources.serving.readers import Reader
from platform_resources.serving.rule_trial import RuleTried, try_rule
from tests.serving.conftest import run_server
from tests.shipped import ShippedMesh, hide, make_shipped

OWNER, PRIVACY = "maria.keller@retailer.example", "privacy@retailer.example"
CUSTOMERS, BOOKINGS, FORECAST = "crm.customer_360.v1", "sales.bookings.v1", "supply_chain.demand_forecast.v1"
HIDDEN = "supply_chain.demand_forecast"
HOUR = timedelta(hours=1)
RULE = """\
id: QUA-900
title: Every version scores 99.9
reason: To see what a stricter rule would do.
owner: data-governance@retailer.example
family: quality
severity: error
effectiveFrom: 2026-01-01
appliesTo: publication
require: {field: score, atLeast: 99.9}
message: "It scores {score}."
remedy: "Mend what failed."
"""


@dataclass
class Judged:
    mesh: ShippedMesh
    access: Access
    view: CatalogView

    def as_(self, persona: str) -> Reader:
        return Reader(self.mesh.caller(self.access, persona), self.access, self.view)


@contextmanager
def opened(folder: Path) -> Iterator[Judged]:
    mesh = make_shipped(folder)
    with mesh.access() as access:
        view = CatalogView(mesh.settings, access.guard.lakes)
        yield Judged(mesh, access, view)
        view.close()


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judged]:
    """The forecast is hidden from who holds no grant on it: the analyst's is on every port."""
    with opened(tmp_path_factory.mktemp("shipped")) as judged:
        hide(judged.mesh, HIDDEN)
        yield judged


def fit(reader: Reader, port: str, **needs: object) -> Fit:
    return next(one for one in check_fitness(reader, Needs(**needs)).fits if one.port == port)  # type: ignore[arg-type]


def says(found: Fit, need: str) -> tuple[str, str]:
    """Verdict and sentence of the need that holds these words."""
    (one,) = [one for one in found.evidence if need in one.need]
    return one.verdict, one.says


def test_the_use_of_the_readme_fits_bookings(shipped: Judged) -> None:
    needs = {"max_age": "PT30M", "dimensions": {"completeness": 90}, "terms": ["client id"], "history": "P1Y"}
    answer = check_fitness(shipped.as_("analyst"), Needs(**needs, purpose="analytics"))
    assert [one.port for one in answer.fits if one.verdict == "yes"] == [BOOKINGS]
    assert answer.counts == {"yes": 1, "no": 3, "unknown": 2}
    assert answer.fits[0].readable
    verdict, told = says(answer.fits[0], "household_id")
    assert (verdict, told) == ("yes", "in household_id")
    assert says(answer.fits[0], "analytics") == ("yes", "you hold reader for it; every column in clear")
    assert all(any(e.verdict == "no" for e in one.evidence) for one in answer.fits if one.verdict == "no")


def test_what_happens_to_be_fresh_and_is_not_promised_is_not_told_as_fit(shipped: Judged) -> None:
    verdict, told = says(fit(shipped.as_("analyst"), FORECAST, max_age="PT30M"), "no older")
    assert verdict == "unknown"
    assert "promises 2 days" in told


def test_the_masks_of_a_reader_decide_what_is_clear_to_it(shipped: Judged) -> None:
    of_analyst = fit(shipped.as_("analyst"), CUSTOMERS, clear=["email", "age"], purpose="analytics")
    assert says(of_analyst, "email unmasked") == ("no", "masked for you: analytics opens no personal column")
    assert says(of_analyst, "age unmasked")[0] == "yes"
    of_desk = fit(shipped.as_("service-desk"), CUSTOMERS, clear=["email"])
    assert says(of_desk, "email unmasked")[1].endswith("for customer_service, now, by your grant")
    of_owner = fit(shipped.as_(PRIVACY), CUSTOMERS, clear=["email"], purpose="customer_service")
    assert says(of_owner, "email unmasked")[1].endswith("once you are granted it")
    nobody = fit(shipped.as_("analyst"), CUSTOMERS, clear=["email"], purpose="customer_service")
    assert "clearance gdpr, which you don't hold" in says(nobody, "email unmasked")[1]


def test_who_looks_for_a_masked_column_is_told_first_who_has_it_and_which_role_opens_it(shipped: Judged) -> None:
    needs = Needs(clear=["email"], purpose="campaigns")
    for_analyst = check_fitness(shipped.as_("analyst"), needs)
    first, *rest = for_analyst.fits
    assert (first.port, first.verdict, for_analyst.counts["no"]) == (CUSTOMERS, "no", 6)
    assert all(says(one, "email unmasked")[1] == "it has no such column" for one in rest)
    assert not any(one.opened_by for one in rest), "no role gives a column that isn't there"
    gdpr, campaign = first.opened_by
    assert (gdpr.role, gdpr.shows, gdpr.purposes) == ("customer_360_gdpr_reader", ["email"], ["campaigns"])
    assert (gdpr.lacking, gdpr.approvers, gdpr.held) == (["gdpr"], [[OWNER], [PRIVACY]], False)
    assert (campaign.role, campaign.some_rows) == ("customer_360_campaign_reader", True)
    of_agent = check_fitness(shipped.as_("campaign-agent"), needs).fits[0].opened_by
    assert [one.held for one in of_agent] == [False, False], "its grant was approved without the clearance"
    of_desk = fit(shipped.as_("service-desk"), CUSTOMERS, clear=["email"], purpose="campaigns")
    assert of_desk.verdict == "yes"
    assert of_desk.opened_by[0].lacking == [], "it holds the clearance, and no grant for campaigns"
    assert fit(shipped.as_("service-desk"), CUSTOMERS, clear=["email"]).opened_by == [], "it has it"


def test_a_role_that_nobody_may_give_to_who_asks_is_told_with_the_reason(shipped: Judged) -> None:
    """An owner who is the only first approver, and the agents that she answers for, would be refused."""
    requests = shipped.access.requests
    for who in (OWNER, "service-desk"):
        reader = shipped.as_(who)
        ways = fit(reader, CUSTOMERS, clear=["email"], purpose="campaigns").opened_by
        assert [one.role for one in ways] == ["customer_360_gdpr_reader", "customer_360_campaign_reader"]
        for way in ways:
            with pytest.raises(ConflictError) as refused:
                requests.request(reader.caller, CUSTOMERS, way.role, purpose="campaigns", reason="To write to them.")
            assert way.undecided is not None
            assert refused.value.message in way.undecided
            assert "names another approver in its contract" in way.undecided
    ways = fit(shipped.as_(PRIVACY), CUSTOMERS, clear=["email"], purpose="campaigns").opened_by
    assert all(one.undecided is not None for one in ways), "the second approval would be its own"
    (way,) = fit(shipped.as_(PRIVACY), CUSTOMERS, purpose="operations").opened_by
    assert (way.role, way.approvers, way.undecided) == ("customer_360_reader", [[OWNER]], None)


def test_no_role_opens_what_cannot_be_asked_for(shipped: Judged) -> None:
    file = shipped.mesh.settings.domains / "sales" / "products" / "bookings" / "v1.odcs.yaml"
    text = file.read_text(encoding="utf-8")
    assert fit(shipped.as_("service-desk"), BOOKINGS, purpose="analytics").opened_by
    try:
        file.write_text(text.replace("status: active", "status: draft"), encoding="utf-8")
        assert fit(shipped.as_("service-desk"), BOOKINGS, purpose="analytics").opened_by == []
    finally:
        file.write_text(text, encoding="utf-8")


def test_a_role_is_held_by_a_grant_that_shows_what_is_needed(shipped: Judged) -> None:
    """Who holds a grant in the role that shows less is told how to ask for another one."""
    desk, now = shipped.as_("service-desk").caller, utc_now()

    def held(clearance: set[str], approved: set[str], columns: set[str] | None) -> list[bool]:
        who = replace(desk.identity, id=f"desk-{uuid.uuid4()}", clearances=frozenset(clearance))
        grant = Grant(0, who.id, CUSTOMERS, "customer_360_gdpr_reader", "customer_service", now + HOUR, now)
        narrowed = None if columns is None else frozenset(columns)
        add_grant(shipped.access.control, replace(grant, clearances=frozenset(approved), columns=narrowed))
        reader = Reader(replace(desk, identity=who), shipped.access, shipped.view)
        return [one.held for one in fit(reader, CUSTOMERS, clear=["email"]).opened_by if one.role == grant.role]

    assert held({"gdpr"}, {"gdpr"}, None) == [], "it has it"
    assert held(set(), {"gdpr"}, None) == [True], "it lacks the clearance alone"
    assert held({"gdpr"}, {"gdpr"}, {"household_id"}) == [False]
    assert held({"gdpr"}, set(), None) == [False]
    analyst = shipped.as_("analyst")  # its grant names no role: it is in the first one
    no_reads = Reader(replace(analyst.caller, scopes=frozenset({"request"})), shipped.access, shipped.view)
    (plain,) = fit(no_reads, CUSTOMERS, purpose="analytics").opened_by
    assert (plain.role, plain.held) == ("customer_360_reader", True)


def test_who_may_not_read_what_fits_is_told_the_plainest_role(shipped: Judged) -> None:
    found = fit(shipped.as_("service-desk"), CUSTOMERS, purpose="analytics")
    assert [(one.role, one.purposes) for one in found.opened_by] == [("customer_360_reader", ["analytics"])]
    assert fit(shipped.as_("analyst"), CUSTOMERS, purpose="analytics").opened_by == []
    of_bookings = fit(shipped.as_("service-desk"), BOOKINGS, purpose="analytics").opened_by
    assert [(one.role, one.approvers) for one in of_bookings] == [("reader", [["priya.nair@retailer.example"]])]


def test_what_is_told_is_in_order_though_not_all_of_it_was_needed_for_the_verdict(shipped: Judged) -> None:
    """A score that is too low rules a product out at once; what else it lacks counts in the order all the same."""
    needs = {"min_score": 100, "clear": ["email"], "max_age": "PT1S", "history": "P50Y", "purpose": "campaigns"}
    fits = check_fitness(shipped.as_("analyst"), Needs(**needs)).fits
    assert fits[0].port == CUSTOMERS
    missed = [[one.verdict for one in found.evidence].count("no") for found in fits[1:]]
    assert missed == sorted(missed)


def test_how_far_back_is_told_by_what_a_reader_may_see(shipped: Judged) -> None:
    granted = says(fit(shipped.as_("analyst"), BOOKINGS, history="P1Y"), "reaches back")
    assert granted[0] == "yes"
    assert "business_date reaches back 1 year 2" in granted[1]
    step = says(fit(shipped.as_("service-desk"), BOOKINGS, history="P500D"), "reaches back")
    assert step == ("unknown", "business_date reaches back 1 year to 2 years; who holds a grant is told exactly")
    some_rows = says(fit(shipped.as_("campaign-agent"), CUSTOMERS, history="P10Y"), "reaches back")
    assert some_rows[0] == "no"
    assert "by promise alone" in some_rows[1]
    assert "first_purchase_date" not in some_rows[1]


def test_availability_that_was_measured_wins_over_the_promise(shipped: Judged) -> None:
    reader, now = shipped.as_("analyst"), utc_now()
    assert says(fit(reader, BOOKINGS, min_availability=99), "available")[1] == "promises 99.9 %; it was never probed"
    seen = [Probe(BOOKINGS, now - timedelta(minutes=n), "in-process", n % 2 == 0, 1.0, "answers 503") for n in range(6)]
    record(shipped.access.control, seen, timedelta(minutes=3), now)
    verdict, told = says(fit(reader, BOOKINGS, min_availability=99), "available")
    assert verdict == "no"
    assert "promises 99.9 %, was up in" in told
    outages = [one for one in get_incidents(reader, "sales", "bookings").incidents if one.kind == "outage"]
    assert [one.cause for one in outages] == ["answers 503"] * 3


def test_needs_that_make_no_sense_are_told_field_by_field(shipped: Judged) -> None:
    needs = Needs(
        **{"ports": ["crm.customer_36"], "max_age": "30 min", "terms": ["clint id"], "purpose": "analytic"},
        **{"dimensions": {"complete": 4, "accuracy": 200}, "tier": ["golden"], "history": "P"},
    )
    with pytest.raises(InvalidFieldsError) as refused:
        check_fitness(shipped.as_("analyst"), needs)
    told = {one["where"]: one["message"] for one in refused.value.facts["errors"]}
    assert "did you mean crm.customer_360" in told["body.ports.0"]
    assert "PT15M" in told["body.max_age"]
    assert "client id" in told["body.terms.0"]
    assert "did you mean analytics" in told["body.purpose"]
    assert "did you mean completeness" in told["body.dimensions.complete"]
    assert {"body.dimensions.accuracy", "body.tier.0", "body.history"} <= told.keys()


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("crm", "'crm'; did you mean crm.customer_360 or crm.customer_lifetime_value?"),
        ("CRM.Customer_360", "'CRM.Customer_360'; did you mean crm.customer_360?"),
        ("crm.customer_360.v7", "'crm.customer_360.v7'; did you mean crm.customer_360?"),
        ("customer_360", "'customer_360'; did you mean crm.customer_360?"),
        ("slaes", "'slaes'; did you mean sales.bookings?"),
        ("zzz", "'zzz'"),
    ],
)
def test_an_address_that_is_none_is_answered_with_what_may_have_been_meant(
    shipped: Judged, asked: str, meant: str
) -> None:
    with pytest.raises(InvalidFieldsError) as refused:
        check_fitness(shipped.as_("analyst"), Needs(ports=[asked]))
    assert refused.value.message == f"body.ports.0: there is no product or port {meant}"


def test_needs_go_by_the_same_names_at_every_door(shipped: Judged) -> None:
    of_agents = set(inspect.signature(agents_check).parameters) - {"cursor"}
    taken = {"search": "x", "min": {"completeness": 1}, "term": ["client id"], "column": ["age"], "ports": [CUSTOMERS]}
    for one in (dict.fromkeys(of_agents), taken):
        assert Needs(**one)  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="products"):
        Needs(ports=[CUSTOMERS], products=[CUSTOMERS])  # type: ignore[call-arg]
    with run_server(create_app(shipped.mesh.settings, access=shipped.access)) as url:
        headers = {"Authorization": f"Bearer {shipped.mesh.token('analyst')}"}
        for body, query, where in (
            ({}, "?max_age=PT30M", "query.max_age"),
            ({"maxage": "PT30M"}, "", "body.maxage"),
        ):
            told = httpx.post(f"{url}/api/v1/fitness{query}", json=body, headers=headers, trust_env=False)
            assert told.status_code == 422
            assert [one["where"] for one in told.json()["errors"]] == [where]


def test_what_is_hidden_looks_as_if_it_was_not_there(shipped: Judged) -> None:
    stranger = shipped.as_("service-desk")
    assert HIDDEN not in json.dumps(check_fitness(stranger, Needs()).model_dump())
    answers = []
    for name in (HIDDEN, "supply_chain.demand_forecasd", "supply_chain", "supply_chaim"):  # all it has is hidden
        with pytest.raises(InvalidFieldsError) as refused:
            check_fitness(stranger, Needs(ports=[name]))
        answers.append(refused.value.message.replace(name, "it"))
    assert set(answers) == {answers[0]}
    for ask in (get_metrics, get_ratings, get_incidents):
        with pytest.raises(NotFoundError):
            ask(stranger, "supply_chain", "demand_forecast")
    assert HIDDEN not in {one.product for one in list_findings(stranger).products}
    assert HIDDEN in {one.product for one in list_findings(shipped.as_("analyst")).products}
    of_owner = try_rule(shipped.as_(OWNER), RuleTried(rule=RULE))
    assert HIDDEN not in json.dumps(of_owner.model_dump(mode="json"))
    assert of_owner.products == 5


def test_the_counts_of_a_product_leave_out_what_is_hidden(shipped: Judged) -> None:
    """The hidden forecast reads bookings: who may not know of it counts one dependant less."""
    seen = metric(shipped.as_("analyst"), "sales", "bookings", "impact").value
    told = metric(shipped.as_("service-desk"), "sales", "bookings", "impact").value
    assert (seen or 0) - (told or 0) == 1
    shipped.access.usage.record(BOOKINGS, HIDDEN, ["net_sales"], 1, 1)
    assert metric(shipped.as_("analyst"), "sales", "bookings", "adoption").value == 1
    assert metric(shipped.as_("service-desk"), "sales", "bookings", "adoption").value == 0


def metric(reader: Reader, domain: str, product: str, name: str) -> Metric:
    return next(one for one in get_metrics(reader, domain, product).metrics if one.name == name)


def test_the_figures_of_a_product_come_from_what_was_recorded(shipped: Judged) -> None:
    reader = shipped.as_("analyst")
    usage = Usage(shipped.access.control)
    usage.record("crm.customer_lifetime_value.v1", "analyst", ["lifetime_value"], 10, 100)
    usage.record("crm.customer_lifetime_value.v1", "supply_chain.demand_forecast", ["lifetime_value"], 10, 100)
    usage.close()
    found = {one.name: one for one in get_metrics(reader, "crm", "customer_lifetime_value").metrics}
    assert found["reliability"].value == 100.0
    assert found["integrity"].says.endswith("3 of 3 versions passed in the last 90 days")
    assert found["adoption"].says.startswith("2 consumers read it 2 times in the last 90 days; nobody read it in")
    assert found["satisfaction"].value is None
    assert 24 < metric(reader, "crm", "customer_360", "reliability").value < 35, "15 min of each hour, and the last one"


def test_those_who_read_a_product_rate_it_once_and_its_owners_do_not(shipped: Judged) -> None:
    analyst, desk = shipped.as_("analyst"), shipped.as_("service-desk")
    rate(analyst, "crm", "customer_360", RatingGiven(stars=2))
    rate(analyst, "crm", "customer_360", RatingGiven(stars=5, comment="  Just what I needed.  "))
    found = rate(desk, "crm", "customer_360", RatingGiven(stars=4))
    assert (found.count, found.average) == (2, 4.5)
    assert [(one.by, one.own, one.stars) for one in found.ratings] == [
        ("Service desk", True, 4),
        ("Ana Lind, analyst", False, 5),
    ]
    assert get_ratings(analyst, "crm", "customer_360").ratings[1].comment == "Just what I needed."
    assert metric(desk, "crm", "customer_360", "satisfaction").value == 4.5
    for who, product, why in (
        (OWNER, ("crm", "customer_360"), "yours"),
        ("service-desk", ("sales", "bookings"), "those who read it"),
        ("operator", ("sales", "bookings"), "credential"),
    ):
        reader = shipped.as_(who)
        assert not get_ratings(reader, *product).may_rate
        with pytest.raises(DeniedError, match=why):
            rate(reader, *product, RatingGiven(stars=5))
    logged = [entry.record for entry in shipped.access.audit.entries(kind="rated")]
    assert [one["stars"] for one in logged] == [4, 5, 2]
    assert "needed" not in json.dumps(logged), "words can be replaced, an entry of the audit log can't"


def test_who_read_a_product_may_rate_it_when_the_grant_is_over(shipped: Judged) -> None:
    reader = shipped.as_("campaign-agent")
    assert not get_ratings(reader, "finance", "revenue").may_rate
    grant = Grant(
        *(0, "campaign-agent", "finance.revenue.v1", "reader", "campaigns"),
        ends_at=utc_now() - timedelta(days=1),
        starts_at=utc_now() - timedelta(days=9),
    )
    add_grant(shipped.access.control, grant)
    assert not get_ratings(reader, "finance", "revenue").may_rate, "a grant that is over is no reading"
    shipped.access.usage.record("finance.revenue.v1", "campaign-agent", ["net_revenue"], 1, 1)
    assert get_ratings(reader, "finance", "revenue").may_rate


def test_a_refused_version_is_an_incident_that_tells_no_value(shipped: Judged) -> None:
    settings, reader = shipped.mesh.settings, shipped.as_("service-desk")
    result = {"name": "emails_are_emails", "severity": "error", "passed": False, "message": "CANARY-1-email is none"}
    warning = {"name": "a_warning", "severity": "warning", "passed": False, "message": "CANARY"}
    audit = {"results": [result, warning], "scores": {}}
    with connect(settings, own="crm") as con:
        refuse(con, settings, Refusal(CUSTOMERS, 1, str(uuid.uuid4()), "1.0.2", 50.0, audit, utc_now()))
    found = get_incidents(reader, "crm", "customer_360", 30)
    (refused,) = [one for one in found.incidents if one.kind == "refused"]
    assert (refused.cause, refused.closed_at) == ("a version failed the audit: emails_are_emails", None)
    assert refused.effect == "readers went on with publication 3"
    assert "CANARY" not in found.model_dump_json()
    assert metric(reader, "crm", "customer_360", "integrity").says.endswith(
        "3 of 4 versions passed in the last 90 days"
    )
    assert [one.opened_at for one in found.incidents] == sorted((o.opened_at for o in found.incidents), reverse=True)


def test_the_council_is_open_and_details_are_for_owners(shipped: Judged) -> None:
    rules = list_rules(shipped.as_("service-desk"))
    assert rules.council == "Data Governance Council"
    assert len(rules.rules) >= 50
    assert {one.standing for one in rules.rules} <= {"blocks", "warns", "grace", "announced", "informs"}
    assert all(one.reason and one.owner for one in rules.rules)
    told = {one.product: one.findings for one in list_findings(shipped.as_(OWNER)).products}
    assert told["crm.customer_360"] is not None
    assert told["sales.bookings"] is None
    (own,) = list_findings(shipped.as_("operator")).council or ()
    assert own.startswith("SEC-009"), "its program is not among the files of this mesh"
    assert list_findings(shipped.as_(OWNER)).council is None


def test_a_waiver_is_told_with_its_last_day(tmp_path: Path, shipped: Judged) -> None:
    folder = shipped.mesh.settings.project / "governance" / "waivers"
    folder.mkdir(exist_ok=True)
    today = utc_now().date()
    approver = shipped.view.documents.council.mandate.approvers[0]
    text = "rule: QUA-004\nproduct: {}\napprover: {}\nreason: The source is being mended.\ngranted: {}\nuntil: {}\n"
    for name, product in (("one", "sales.bookings"), ("two", HIDDEN)):
        file = folder / f"{name}.yaml"
        file.write_text(text.format(product, approver, today, today + timedelta(days=5)))
    try:
        seen = list_waivers(shipped.as_("service-desk")).waivers
        assert [(one.product, one.state, one.days_left) for one in seen] in (
            [("sales.bookings", "holds", 5)],
            [("sales.bookings", "holds", 4)],  # the council's day is New York's
            [("sales.bookings", "not begun", 6)],
        )
        assert {one.product for one in list_waivers(shipped.as_("analyst")).waivers} == {"sales.bookings", HIDDEN}
    finally:
        for file in folder.glob("*.yaml"):
            file.unlink()


def test_a_stricter_rule_is_tried_over_products_and_their_history(shipped: Judged) -> None:
    found = try_rule(shipped.as_("operator"), RuleTried(rule=RULE))
    assert (found.products, found.publications) == (6, 18)
    assert found.refused == sum(one.count for one in found.history) > 0
    assert all(one.messages for one in found.failing)
    as_json = json.dumps({**_as_json(RULE), "require": {"field": "score", "atLeast": 0}})
    assert try_rule(shipped.as_("operator"), RuleTried(rule=as_json)).failing == []
    of_owner = try_rule(shipped.as_(OWNER), RuleTried(rule=RULE))
    told = {one.product: one.messages for one in of_owner.failing}
    assert told["crm.customer_360"]
    assert all(messages is None for product, messages in told.items() if not product.startswith("crm."))
    with pytest.raises(DeniedError):
        try_rule(shipped.as_("analyst"), RuleTried(rule=RULE))


SLOW = RULE.replace("appliesTo: publication", "appliesTo: column").replace(
    "require: {field: score, atLeast: 99.9}",
    "require: {none: [" + ", ".join(
        ["{field: $table.properties, some: {field: $table.properties, some: {field: name, is: zz}}}"] * 180) + "]}",
).replace("It scores {score}.", "x")  # fmt: skip


def test_one_rule_is_tried_at_a_time_and_a_long_trial_is_ended(
    shipped: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = shipped.as_("operator")
    monkeypatch.setattr(rule_trial, "_SECONDS", 1.0)
    with pytest.raises(LimitExceededError, match="longer than"):
        try_rule(reader, RuleTried(rule=SLOW))
    monkeypatch.undo()
    assert rule_trial.TRIALS._running == set(), "what was given up was ended"
    assert try_rule(reader, RuleTried(rule=RULE)).products == 6, "and the next one runs at once"
    with rule_trial._one_at_a_time, pytest.raises(TooManyRequestsError):
        try_rule(reader, RuleTried(rule=RULE))


def test_a_trial_is_ended_with_the_server(shipped: Judged) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(try_rule, shipped.as_("operator"), RuleTried(rule=SLOW))
        while not rule_trial.TRIALS._running:
            assert not waiting.done()
            time.sleep(0.01)
        rule_trial.TRIALS.end()
        with pytest.raises(LimitExceededError):
            waiting.result(60)


def test_lists_of_the_whole_table_within_each_other_are_bounded(shipped: Judged) -> None:
    nested = "{field: name, is: zz}"
    for _ in range(3):
        nested = f"{{field: $table.properties, some: {nested}}}"
    text = RULE.replace("appliesTo: publication", "appliesTo: column")
    text = text.replace("{field: score, atLeast: 99.9}", nested).replace("It scores {score}.", "x")
    with pytest.raises(InvalidFieldsError, match="within each other"):
        try_rule(shipped.as_("operator"), RuleTried(rule=text))


def test_a_rule_tells_nothing_of_hidden_products(shipped: Judged) -> None:
    rules = [
        _rule_on("product", "{field: inputPorts, each: {field: name, notMatches: 'sales\\.b.*'}}"),
        _rule_on(
            "product", "{field: outputPorts, each: {field: inputContracts, each: {field: id, notMatches: 's.*'}}}"
        ),
        _rule_on("product", "{field: $facts.inputs, atMost: 0}"),
        _rule_on("input", "{field: name, is: nothing}"),
        _rule_on("contract", "{none: [{field: $facts.inputStates, exists: true}]}"),
    ]
    folder = shipped.mesh.settings.domains
    products, contract = (
        list(folder.glob("*/products/*/*.odps.yaml")),
        folder / "crm/products/customer_360/v1.odcs.yaml",
    )
    documents = {file: file.read_bytes() for file in (*products, contract)}
    try:
        _cut_references(contract)  # which can't be without the input
        hide(shipped.mesh, "sales.bookings")
        reader = shipped.as_(OWNER)
        assert not reader.sees_address("sales.bookings.v1")
        hidden = [try_rule(reader, RuleTried(rule=rule)) for rule in rules]
        for file in products:
            _cut_inputs(file, "sales.bookings")
        reader = shipped.as_(OWNER)
        gone = [try_rule(reader, RuleTried(rule=rule)) for rule in rules]
    finally:
        for file, raw in documents.items():
            file.write_bytes(raw)
    assert hidden == gone
    assert not any("bookings" in answer.model_dump_json() for answer in hidden)


def _rule_on(kind: str, require: str) -> str:
    text = RULE.replace("appliesTo: publication", f"appliesTo: {kind}").replace("It scores {score}.", "x")
    return text.replace("{field: score, atLeast: 99.9}", require)


def _cut_references(file: Path) -> None:
    """Write a contract anew without its rules that compare with another product."""
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    for table in data["schema"]:
        table["quality"] = [rule for rule in table["quality"] if rule.get("engine") != "mesh"]
    file.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")


def _cut_inputs(file: Path, product: str) -> None:
    """Write a product's document anew as if the other one had never been there."""
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    left = [item for item in data.get("inputPorts", []) if item["name"] != product]
    if len(left) == len(data.get("inputPorts", [])):
        return
    data.pop("inputPorts")
    data |= {"inputPorts": left} if left else {}
    for port in data["outputPorts"]:
        if "inputContracts" in port:
            port["inputContracts"] = [one for one in port["inputContracts"] if not one["id"].startswith(product)]
    file.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")


def test_what_a_search_finds_is_judged_alone(shipped: Judged) -> None:
    found = check_fitness(shipped.as_("analyst"), Needs(q="turnover", min_score=50))
    assert found.fits[0].port == "finance.revenue.v1"
    assert len(found.fits) < 6


def _as_json(rule: str) -> dict[str, object]:
    pairs = (line.split(": ", 1) for line in rule.splitlines())
    return {name: value.strip('"') for name, value in pairs if name != "require"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("id: [", "body.rule, line"),
        ("&a [*a, *a]", "anchor"),
        (RULE.replace("require: {field: score, atLeast: 99.9}", "python: os.py"), "no file os.py"),
        (RULE.replace("atLeast: 99.9", "matches: '(a+)b\\1'"), "refers back"),
        (RULE.replace("99.9", "{field: nothing.there}"), "body.rule"),
        ("[" * 5000, "body.rule"),
    ],
)
def test_a_rule_that_is_none_is_told_so(shipped: Judged, text: str, told: str) -> None:
    with pytest.raises(InvalidFieldsError) as refused:
        try_rule(shipped.as_("operator"), RuleTried(rule=text))
    assert told in refused.value.message
    assert "/tmp" not in refused.value.message
    assert "mesh-what-if" not in refused.value.message


def test_over_http_every_refusal_is_a_problem(shipped: Judged) -> None:
    with (
        run_server(create_app(shipped.mesh.settings, access=shipped.access)) as url,
        httpx.Client(
            base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {shipped.mesh.token('analyst')}"}, timeout=60
        ) as client,
    ):
        good = client.post("/fitness", json={"terms": ["turnover"], "limit": 2})
        assert good.status_code == 200
        assert good.json()["fits"][0]["port"] == "finance.revenue.v1"
        assert len(good.json()["fits"]) == 2
        for body in (
            {"max_age": "soon"},
            {"min_score": 101},
            {"terms": "crm.household_id"},
            {"dimensions": {"completeness": "NaN"}},
            {"purpose": "\u0000"},
            {"nothing": 1},
            [],
        ):
            refused = client.post("/fitness", json=body)
            assert refused.status_code == 422, body
            assert refused.json()["code"] == "invalid-request"
            assert refused.json()["errors"]
        assert client.get("/council/rules").status_code == 200
        assert client.post("/council/what-if", json={"rule": RULE}).status_code == 403
        for path in ("metrics", "ratings", "incidents"):
            assert client.get(f"/products/finance/revenue/{path}").status_code == 200
            assert client.get(f"/products/finance/revenu/{path}").status_code == 404
        rated = client.put("/products/finance/revenue/ratings/mine", json={"stars": 3, "comment": "x" * 2001})
        assert rated.status_code == 422
        rated = client.put("/products/finance/revenue/ratings/mine", json={"stars": 3, "comment": "a\x07b"})
        assert (rated.status_code, rated.json()["errors"][0]["where"]) == (422, "body.comment")
