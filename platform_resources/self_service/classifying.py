"""How secret a column probably is, by its name and its content: a suggestion, with the reason beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from platform_resources.contracts import ColumnTypeError, canonical_type
from platform_resources.contracts.masking import is_hashable
from platform_resources.governance import Council
from platform_resources.self_service.profiling import ColumnProfile

_CLEARANCE = "gdpr"


@dataclass(frozen=True)
class Suggested:
    """A classification, why, and the mask that its readers without clearance get (None: shown to all)."""

    classification: str
    reason: str
    mask: Mapping[str, Any] | None = None


_REDACT, _PART = {"strategy": "redact"}, {"strategy": "partial"}
_EMAIL, _PHONE = {**_PART, "format": "email"}, {**_PART, "format": "phone"}
_SENSITIVE = "salary|income|wage|gehalt|religio|ethnic|diagnos|health|disab|union_member|sexual|marital"
_PERSON = "contact|customer|person|employee|recipient|patient|member|subscriber"
_PLACE = "street|strasse|(^|_)address|adresse|house_?number|hausnummer|zip|postal|postcode|(^|_)plz|latitude|longitude"
# Name -> (classification, what it is, mask of texts). The first that matches counts.
_NAMES = tuple(
    (re.compile(pattern), classification, what, mask)
    for pattern, classification, what, mask in (
        (r"passw(or)?d|secret|(^|_)pin($|_)|api_?key|token", "restricted", "a secret", _REDACT),
        (r"iban|credit_?card|card_number|bank_?account|kontonummer|bic$", "restricted", "an account", _REDACT),
        (
            r"(^|_)(ssn|passport|tax_id|social_security|national_id|steuer_?id)",
            "restricted",
            "an identity number",
            _REDACT,
        ),
        (_SENSITIVE, "restricted", "says something private", _REDACT),
        (r"e_?mail", "personal", "an e-mail address", _EMAIL),
        (r"phone|(^|_)tel(_|$)|telefon|mobile|handy|(^|_)fax", "personal", "a phone number", _PHONE),
        (r"birth|geburt|(^|_)dob($|_)", "personal", "a birth date", _REDACT),
        (r"(first|last|middle|given|family|maiden|full|sur|nick|user)_?name", "personal", "a person's name", _PART),
        (rf"vorname|nachname|({_PERSON})_name|^name_of_", "personal", "a person's name", _PART),
        (_PLACE, "personal", "where somebody lives", _REDACT),
        (r"(^|_)ip(_|$)|ip_address|device_?id|cookie|(^|_)imei", "personal", "a device", {"strategy": "hash"}),
        (r"(^|_)(gender|sex|geschlecht|nationality|age)($|_)", "personal", "about a person", _REDACT),
    )
)
_KINDS: dict[str, tuple[str, dict[str, str]]] = {
    "e-mail": ("personal", _EMAIL),
    "phone": ("personal", _PHONE),
    "IBAN": ("restricted", _REDACT),
    "IP address": ("personal", {"strategy": "hash"}),
}


def is_personal_name(name: str) -> bool:
    """Whether a column of this name may hold what its values must not be shown for."""
    return any(pattern.search(name) for pattern, *_ in _NAMES)


def suggest(column: ColumnProfile, council: Council, is_key: bool, is_required: bool = False) -> Suggested:
    """The classification of a column. A key that is masked keeps telling rows apart where its type lets it: hashed."""
    by_content = _KINDS.get(column.kind or "")
    if by_content is not None:
        found, mask, reason = by_content[0], by_content[1], f"its values are {_plural(column.kind or '')}"
    else:
        match = next((entry for entry in _NAMES if entry[0].search(column.name)), None)
        if match is None or column.type == "BOOLEAN":
            return Suggested("internal", "")
        found, mask, reason = match[1], match[3], f"by its name: {match[2]}"
    level = council.classifications.get(found)
    clearance = level.fields.get("clearance") if level is not None else None
    if is_key:
        mask = {"strategy": "hash" if _is_hashable(column.type) else "redact"}
    elif not column.is_text:
        mask = {"strategy": "redact" if is_required else "null"}  # how coarse a number may be shown, its owner knows
    clearance = clearance if isinstance(clearance, str) else _CLEARANCE
    return Suggested(found, reason, {**mask, "clearance": clearance})


def _is_hashable(type_: str) -> bool:
    try:
        return is_hashable(canonical_type(type_))
    except ColumnTypeError:
        return False


def _plural(kind: str) -> str:
    plurals = {"e-mail": "e-mail addresses", "phone": "phone numbers", "IBAN": "account numbers (IBAN)"}
    return plurals.get(kind, f"{kind}es")
