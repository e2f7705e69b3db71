"""Trying a rule before it is enacted: which products it would refuse today, and what it would have refused before."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from fastapi import APIRouter
from pydantic import Field

from platform_resources.access.errors import DeniedError, LimitExceededError, TooManyRequestsError
from platform_resources.contracts import ContractError, Document, Mesh, Product, errors
from platform_resources.lake import utc_now
from platform_resources.self_service.history import History, read_history
from platform_resources.self_service.trials import Trial, TrialEndedError, Trials
from platform_resources.self_service.whatif import Failing, Stretch, WhatIf
from platform_resources.serving.answers import Answer, Asked, refusals
from platform_resources.serving.catalog_exports import product_text
from platform_resources.serving.problems import InvalidFieldsError
from platform_resources.serving.readers import CurrentReader, Reader

router = APIRouter(prefix="/council", tags=["governance"])

_SECONDS = 20.0
LONGEST_RULE = 20_000  # characters: the longest shipped rule has 3,000
_one_at_a_time = threading.Lock()
TRIALS = Trials()  # of this process; ended with the server


class RuleTried(Asked):
    rule: str = Field(
        description="A rule file as in `governance/rules/`, YAML or JSON; one that is a program can't be tried here.",
        min_length=1,
        max_length=LONGEST_RULE,
    )


class WouldFail(Answer):
    product: str
    waived_until: date | None = Field(description="A waiver of this rule holds that long.")
    count: int = Field(description="Of findings.")
    messages: list[str] | None = Field(description="For owners and administrators, null for others.")


class WouldHaveFailed(Answer):
    port: str
    first: int = Field(description="Number of the first publication that would have been refused.")
    last: int
    count: int
    since: datetime
    until: datetime
    versions: list[str] = Field(description="Of the contract.")
    messages: list[str] | None = Field(description="For owners and administrators, null for others.")


class WhatIfAnswer(Answer):
    rule: str = Field(description="Its id.", examples=["QUA-042"])
    title: str
    products: int = Field(description="That were judged; of those that the caller may know of.")
    failing: list[WouldFail] = Field(description="Those that would be refused today.")
    publications: int = Field(description="That were judged.")
    refused: int = Field(description="Publications that would have been refused.")
    history: list[WouldHaveFailed] = Field(description="These, stretch by stretch.")
    notes: list[str] = Field(description="What this answer can't know.")


@router.post("/what-if", operation_id="try_rule", summary="What a rule would refuse", responses=refusals(403, 422))
def try_rule(reader: CurrentReader, asked: RuleTried) -> WhatIfAnswer:
    """Run a proposed rule over the products that the caller may know of and over all that they ever published.

    It is taken as if it blocked at once. Nothing is changed, and nothing of it is kept. For administrators, and for
    those who own a product.
    """
    if not may_try(reader):
        raise DeniedError("rules are tried by owners of products and by administrators", "Ask the council.")
    if not _one_at_a_time.acquire(blocking=False):
        raise TooManyRequestsError("another rule is being tried", "Try again in a moment.", retry_after=2)
    try:
        return _answer(reader, TRIALS.run(_trial(reader, asked.rule), _SECONDS))
    except TrialEndedError:
        told = f"to judge everything by this rule takes longer than {_SECONDS:g} seconds, or too much memory"
        raise LimitExceededError(told, "Run it where it may take its time: mesh whatif FILE.") from None
    except ContractError as refused:
        raise _invalid(refused) from None
    finally:
        _one_at_a_time.release()


def may_try(reader: Reader) -> bool:
    return reader.administers or any(reader.owns(product) for product in reader.documents.mesh.products)


def _invalid(refused: ContractError) -> InvalidFieldsError:
    fields: dict[str, str] = {}
    for finding in errors(refused.findings):
        where = f"body.rule, line {finding.line}" + (f", {finding.path}" if finding.path else "")
        fields.setdefault(where, f"{finding.message} {finding.remedy}".replace(f"{finding.file.parent}/", ""))
    return InvalidFieldsError(fields)


def _trial(reader: Reader, rule: str) -> Trial:
    mesh = _known_mesh(reader)
    history = read_history(reader.view.settings, sorted({*mesh.usable, *mesh.broken}))
    known = {run.port: reader.administers or reader.sees_address(run.port) for run in history.runs}
    runs = tuple(run for run in history.runs if known[run.port])
    contracts = {key: text for key, text in (history.contracts or {}).items() if known.get(key[0])}
    return Trial(rule, mesh, reader.documents.council, History(runs, contracts), utc_now())


def _known_mesh(reader: Reader) -> Mesh:
    """The documents as far as the caller may know of them: what it is told of nothing else, counts and notes too."""
    mesh = reader.documents.mesh
    if reader.administers:
        return mesh
    usable = {}
    for name, loaded in mesh.usable.items():
        products = tuple(_known_product(reader, product) for product in loaded.domain.products if reader.sees(product))
        usable[name] = replace(loaded, domain=replace(loaded.domain, products=products), findings=(), blocked={})
    return Mesh(mesh.folder, usable, {})


def _known_product(reader: Reader, product: Product) -> Product:
    """A product without the inputs that the caller may not know of: a rule could spell out their names."""
    inputs = tuple(item for item in product.inputs if reader.sees_address(item.address))
    if product.document is None or len(inputs) == len(product.inputs):
        return product
    document = Document.parse(product_text(reader, product), product.file)
    return replace(product, inputs=inputs, document=document)


def _answer(reader: Reader, found: WhatIf) -> WhatIfAnswer:
    managed = {product.address: reader.manages(product) for product in reader.documents.mesh.products}
    return WhatIfAnswer(
        rule=found.rule.id,
        title=found.rule.title,
        products=len(found.products),
        failing=[_failing(item, managed) for item in found.failing],
        publications=found.publications,
        refused=found.refused,
        history=[_stretch(reader, item, managed) for item in found.stretches],
        notes=list(found.notes),
    )


def _failing(item: Failing, managed: Mapping[str, bool]) -> WouldFail:
    messages = [f"{finding.message} {finding.remedy}" for finding in item.findings]
    return WouldFail(
        product=item.product,
        waived_until=item.waived_until,
        count=len(messages),
        messages=messages if managed.get(item.product) else None,
    )


def _stretch(reader: Reader, item: Stretch, managed: Mapping[str, bool]) -> WouldHaveFailed:
    told = managed.get(item.port.rpartition(".")[0], reader.administers)
    return WouldHaveFailed(
        port=item.port,
        first=item.first,
        last=item.last,
        count=item.count,
        since=item.since,
        until=item.until,
        versions=list(item.versions),
        messages=list(item.messages) if told else None,
    )
