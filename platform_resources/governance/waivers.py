"""Waivers: a rule does not block one product until a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from platform_resources.contracts import Finding, Mesh
from platform_resources.contracts.reading import KeyPath
from platform_resources.contracts.wording import counted
from platform_resources.governance.model import Judgement, Standing, Waiver

ENDING_SOON = timedelta(days=14)  # from then on every check tells that the waiver ends
_WAIVABLE: tuple[Standing, ...] = ("blocks", "grace", "warns")


def waive(judgements: Iterable[Judgement], waivers: Sequence[Waiver], now: datetime) -> list[Judgement]:
    """The judgements, with those that a waiver holds back turned into information.

    One whose waiver has expired stays what it is and says so. Only breaches of the council's rules can be waived, not
    what the platform itself finds.
    """
    of_rule: dict[tuple[str, str], list[Waiver]] = defaultdict(list)
    for waiver in waivers:
        of_rule[waiver.product, waiver.rule].append(waiver)
    today = now.date()
    return [_waived(item, _matching(item, of_rule), today) for item in judgements]


def check_waivers(
    mesh: Mesh, waivers: Sequence[Waiver], domain: str | None = None
) -> tuple[list[Waiver], list[Judgement]]:
    """The waivers that fit the products of the mesh, and what is wrong with the others (of one domain).

    A waiver must name a product that there is, and nobody approves one for a product of their own.
    """
    owners = {product.address: set(product.owners) for product in mesh.products}
    for product in mesh.products:
        for port in product.ports:
            owners[product.address] |= set(port.contract.owners)
        owner = mesh.usable[product.domain].domain.owner if product.domain in mesh.usable else None
        owners[product.address] |= {owner} if owner else set()
    there = {f"{name}.{product}" for name, usable in mesh.usable.items() for product in usable.blocked} | owners.keys()
    fitting, judged = [], []
    for waiver in waivers:
        home = waiver.product.partition(".")[0]
        if domain not in (None, home):
            continue
        if waiver.product not in there and home not in mesh.broken:
            judged.append(
                _refused(
                    waiver, "product", "unknown-product", f"There is no product {waiver.product} that needs a waiver.",
                    "Mend the name, or delete the file.",
                )
            )  # fmt: skip
        elif waiver.approver in owners.get(waiver.product, ()):
            judged.append(
                _refused(
                    waiver, "approver", "own-waiver",
                    f"{waiver.approver} owns {waiver.product} and can't approve a waiver for it; it is not applied.",
                    "Ask another approver of the council.",
                )
            )  # fmt: skip
        else:
            fitting.append(waiver)
    return fitting, judged


def _refused(waiver: Waiver, key: str, code: str, message: str, remedy: str) -> Judgement:
    path: KeyPath = (key,)
    line = waiver.origin.line if waiver.document is None else waiver.document.line(path)
    return Judgement(Finding(waiver.origin.file, line, key, message, remedy, "error", code), "blocks", None)


def _matching(item: Judgement, of_rule: dict[tuple[str, str], list[Waiver]]) -> list[Waiver]:
    if item.rule is None or not item.rule.waivable or item.product is None or item.standing not in _WAIVABLE:
        return []
    return [waiver for waiver in of_rule.get((item.product, item.rule.id), ()) if _covers(waiver, item.column)]


def _covers(waiver: Waiver, column: str | None) -> bool:
    """Without columns, all of the product; else these columns, with what is nested in them."""
    if not waiver.columns:
        return True
    return column is not None and (column in waiver.columns or column.partition(".")[0] in waiver.columns)


def _waived(item: Judgement, waivers: Sequence[Waiver], today: date) -> Judgement:
    begun = [waiver for waiver in waivers if waiver.granted is None or waiver.granted <= today]
    if not begun:
        return item
    last = max(begun, key=lambda waiver: waiver.until)
    if last.until < today:
        said = f"The waiver approved by {last.approver} expired on {last.until}."
        return replace(item, finding=replace(item.finding, message=f"{item.finding.message} {said}"))
    said = f"Waived by {last.approver} until {last.until}: {last.reason.rstrip('.')}."
    left = (last.until - today).days
    if timedelta(days=left) <= ENDING_SOON:
        ends = f"in {counted(left, 'day')}" if left else "today"
        said += f" It ends {ends}; then this {_THEN[item.standing]} again."
    finding = replace(item.finding, severity="info", message=f"{item.finding.message} {said}")
    return replace(item, finding=finding, standing="waived", until=last.until)


_THEN = {"blocks": "blocks", "grace": "warns", "warns": "warns"}
