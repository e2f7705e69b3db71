"""What masks, row filters and decisions come to, said a second time in plain Python: for tests to compare with."""

from __future__ import annotations

import hashlib
import math
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from platform_resources.access.model import Caller, Grant, Mask, PortPolicy

NEUTRAL: dict[str, Any] = {"VARCHAR": "***", "BIGINT": 0, "TINYINT": 0, "DECIMAL(9,2)": Decimal("0.00"), "DOUBLE": 0.0}
NEUTRAL |= {"DATE": date(1970, 1, 1), "BOOLEAN": False}
LOWEST: dict[str, Any] = {"BIGINT": -(2**63), "TINYINT": -128, "DECIMAL(9,2)": Decimal("-9999999.99")}
CHAIN = ("partial", "generalise", "hash", "redact", "null")


def masked(value: Any, kind: str, masks: list[Mask], key: str, *, required: bool = False) -> Any:
    """`value` of a column of DuckDB type `kind` as it is shown under `masks`, all of which fit the type."""
    if not masks:
        return value
    strategies = ["redact" if mask.strategy == "null" and required else mask.strategy for mask in masks]
    strongest = max(strategies, key=CHAIN.index)
    if value is None or strongest == "null":
        return NEUTRAL[kind] if strongest == "redact" and required else None
    chosen = [mask for mask, strategy in zip(masks, strategies, strict=True) if strategy == strongest]
    if strongest == "redact":
        return NEUTRAL[kind]
    if strongest == "hash":
        return hashed(value, key)
    if strongest == "partial":
        forms = {mask.options.get("format", "name") for mask in chosen}
        return hint(value, forms.pop()) if len(forms) == 1 else NEUTRAL[kind]
    return generalised(value, kind, [dict(mask.options) for mask in chosen])


def hashed(value: Any, key: str) -> Any:
    def block(use: str) -> str:
        return hashlib.sha256(f"mesh mask {use}\0{key}".encode()).hexdigest()

    if isinstance(value, str):
        return hashlib.sha256((block("text") + value).encode()).hexdigest()
    return int(hashlib.sha256((block("number")[:32] + str(value)).encode()).hexdigest()[:15], 16) + 1


def hint(text: str, form: str) -> str:
    if form == "email":
        local, _, host = text.partition("@")
        known = set("abcdefghijklmnopqrstuvwxyz0123456789.-")
        if not local or text.count("@") != 1 or "." not in host[1:] or host[0] == "." or not set(lower(host)) <= known:
            return "***"
        return (local[0] if len(local) > 1 else "") + "***@" + host
    if form == "phone":
        digits = [c for c in text if c in "0123456789"]
        if set(text) - set("0123456789+-(). ") or len(digits) < 7 or len(text) > 40:
            return "***"
        dash = text.find("-") + 1
        shown = dash if text[:1] == "+" and 3 <= dash <= 5 else 0
        return text[:shown] + "".join("*" if c in "0123456789" else c for c in text[shown:-2]) + text[-2:]
    return text[0] + "***" if len(text) > 2 else "***"


def lower(text: str) -> str:
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def generalised(value: Any, kind: str, options: list[dict[str, Any]]) -> Any:
    if kind == "DATE":
        units = {option["unit"] for option in options}
        if "week" in units and units - {"week", "day"}:
            return NEUTRAL[kind]
        return start(value, max(units, key=("day", "week", "month", "quarter", "year").index))
    edges = [{Fraction(str(bound)) for bound in option["bands"]} for option in options if "bands" in option]
    widths = [Fraction(str(option["bucket"])) for option in options if "bucket" in option]
    if edges:
        kept = sorted(edge for edge in set.intersection(*edges) if all((edge / w).denominator == 1 for w in widths))
        if not kept:
            return NEUTRAL[kind]
        below = (
            [edge for edge in kept if Fraction(value) >= edge]
            if math.isfinite(value)
            else kept[: len(kept) * (not value < 0)]
        )
        return of_kind(below[-1] if below else min(kept[0], Fraction(0)), kind)
    common = math.lcm(*(width.denominator for width in widths))
    step = Fraction(math.lcm(*(int(width * common) for width in widths)), common)
    if kind == "DOUBLE":
        limited = math.isfinite(value) and abs(value) < float(step * 2**53)
        return math.floor(value / float(step)) * float(step) if limited else 0.0
    if step > -Fraction(LOWEST[kind]):
        return NEUTRAL[kind]
    if Fraction(value) < math.ceil(Fraction(LOWEST[kind]) / step) * step:
        return LOWEST[kind]
    return of_kind(math.floor(Fraction(value) / step) * step, kind)


def of_kind(number: Fraction, kind: str) -> Any:
    if kind == "DOUBLE":
        return float(number)
    return int(number) if kind in ("BIGINT", "TINYINT") else Decimal(number.numerator) / Decimal(number.denominator)


def start(day: date, unit: str) -> date:
    if unit == "week":
        return day - timedelta(days=day.weekday())
    month = {"day": day.month, "month": day.month, "quarter": (day.month - 1) // 3 * 3 + 1, "year": 1}[unit]
    return day if unit == "day" else date(day.year, month, 1)


def decided(caller: Caller, policy: PortPolicy, grants: list[Grant], purpose: str | None, now: Any) -> Any:
    """What a reader may see: the role, the grant and, of each visible column, whether it is in clear; or None."""
    wanted = purpose or caller.purpose or caller.identity.purpose
    reaches = caller.may("read", policy.port)
    if not reaches or wanted is None or (policy.purposes is not None and wanted not in policy.purposes):
        return None
    ways = [(g, policy.role(g.role)) for g in grants if g.port in ("*", policy.port) and g.purpose == wanted]
    ways = [(g, role) for g, role in ways if g.starts_at <= now < g.ends_at and g.revoked_at is None and role]
    if caller.identity.id in policy.owners and policy.roles:
        ways.append((None, policy.roles[0]))
    seen = []
    for grant, role in ways:
        if role.purposes is not None and wanted not in role.purposes:
            continue
        lifted = caller.identity.clearances & role.clearances & grant.clearances if grant else frozenset()
        clear = {}
        for column, masks in policy.masks.items():
            if grant is not None and grant.columns is not None and column not in grant.columns:
                continue
            admitted = policy.purposes is None or policy.classifications[column] <= policy.purposes[wanted]
            opened = policy.purposes is not None and all(mask.clearance in lifted for mask in masks)
            clear[column] = admitted and (not masks or opened)
        rank = (
            -sum(clear.values()),
            -len(clear),
            len(policy.row_filters + role.row_filters),
            grant.id if grant else 2**63,
        )
        seen.append((rank, role.name, grant.id if grant else None, clear))
    return min(seen, key=lambda way: way[0])[1:] if seen else None
