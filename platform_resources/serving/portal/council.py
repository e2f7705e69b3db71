"""The council's page: its rules by subject, what they find, what is waived until when, and a rule tried."""

from __future__ import annotations

from collections import defaultdict

from fastapi import APIRouter, Request, Response

from platform_resources.access.errors import AccessError, DeniedError
from platform_resources.serving.council import RuleOut, list_findings, list_rules, list_waivers
from platform_resources.serving.portal.pages import PortalReader, Posted, render
from platform_resources.serving.problems import InvalidFieldsError
from platform_resources.serving.readers import Reader
from platform_resources.serving.rule_trial import LONGEST_RULE, RuleTried, WhatIfAnswer, may_try, try_rule

router = APIRouter()

_EXAMPLE = """\
id: QUA-900
title: Every product keeps a score of 95
reason: Below that, those who depend on it begin to check by themselves.
owner: data-governance@retailer.example
family: quality
severity: error
effectiveFrom: 2027-01-01
appliesTo: publication
require: {field: score, atLeast: 95}
message: "It scores {score}."
remedy: "Mend the checks that failed; `mesh show` lists them."
"""


@router.get("/council")
def council(request: Request, reader: PortalReader) -> Response:
    """Rules, findings, waivers, and the form of a trial."""
    return _page(request, reader)


@router.post("/council")
def try_a_rule(posted: Posted) -> Response:
    """The same page with what the rule would do."""
    text = posted.text("rule") or ""
    wrong: list[str] = []
    found = None
    try:
        if not text or len(text) > LONGEST_RULE:
            size = f"Write a rule of at most {LONGEST_RULE:,} characters."
            raise InvalidFieldsError({"body.rule": size})
        found = try_rule(posted.reader, RuleTried(rule=text))
    except InvalidFieldsError as error:
        wrong = [f"{e['where'].removeprefix('body.')}: {e['message']}" for e in error.facts["errors"]]  # type: ignore[attr-defined]
    except DeniedError:
        raise
    except AccessError as error:  # busy, or it takes too long: the text must not be lost
        wrong = [f"{error.message}. {error.remedy}"]
    return _page(posted.request, posted.reader, text, found, wrong)


def _page(
    request: Request,
    reader: Reader,
    text: str = "",
    found: WhatIfAnswer | None = None,
    wrong: list[str] | None = None,
) -> Response:
    rules, findings = list_rules(reader), list_findings(reader)
    families: dict[str, list[RuleOut]] = defaultdict(list)
    for rule in rules.rules:
        families[rule.family].append(rule)
    told = {rule.id: rule for rule in rules.rules}
    return render(
        request,
        reader,
        "council.html",
        status=422 if wrong else 200,
        council=rules,
        families=dict(sorted(families.items())),
        rules=told,
        findings=findings,
        waivers=list_waivers(reader).waivers,
        may_try=may_try(reader),
        rule_text=text or _EXAMPLE,
        longest=LONGEST_RULE,
        found=found,
        wrong=wrong or [],
    )
