"""What `logicalTypeOptions` mean: limits as v3.0 wrote them, and formats that values can be held against. Pure.

The standard gives examples of formats, no definitions; these follow RFC 3986 (uri, ipv4, ipv6), RFC 1123 (hostname),
RFC 4648 (byte: base64) and RFC 9562 (uuid). An e-mail address is what the mesh takes for one anywhere (`names.EMAIL`).
"""

from __future__ import annotations

from typing import Any

from platform_resources.contracts.names import EMAIL

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"(?:{_OCTET}\.){{3}}{_OCTET}"
_GROUP = "[0-9A-Fa-f]{1,4}"
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"


def _ipv6() -> str:
    """Eight groups, of which `::` leaves out one or more; the last two may be written as an IPv4 address."""
    tail = f"(?:{_GROUP}:{_GROUP}|{_IPV4})"
    forms = [f"(?:{_GROUP}:){{6}}{tail}"]
    for before in range(8):  # groups that may stand before `::`
        first = f"(?:{_GROUP}(?::{_GROUP}){{0,{before - 1}}})?" if before else ""
        after = 5 - before
        last = f"(?:{_GROUP}:){{{after}}}{tail}" if after >= 0 else (_GROUP if after == -1 else "")
        forms.append(f"{first}::{last}")
    return f"(?:{'|'.join(forms)})"


TEXT_FORMATS = {
    "email": EMAIL.pattern,
    "uuid": "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "uri": r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+",
    "hostname": rf"{_LABEL}(?:\.{_LABEL})*",
    "ipv4": _IPV4,
    "ipv6": _ipv6(),
    "byte": "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
}  # a value has the format when the whole of it matches (RE2)
# These say how a text is handled, not what it looks like.
TEXT_FORMATS_TOLD = ("password", "binary")

INTEGER_FORMATS = {
    **{f"i{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64, 128)},
    **{f"u{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64, 128)},
}  # smallest and largest value
FLOAT_FORMATS = {"f32": ("FLOAT",), "f64": ("FLOAT", "DOUBLE")}  # types that hold no more than the format


def without_old_limits(options: dict[str, Any]) -> dict[str, Any]:
    """Options as v3.1 writes them: in v3.0 `exclusiveMaximum: true` said how `maximum` was meant."""
    if not any(isinstance(options.get(f"exclusive{end}"), bool) for end in ("Minimum", "Maximum")):
        return options
    found = dict(options)
    for end in ("Minimum", "Maximum"):
        said = found.get(f"exclusive{end}")
        if isinstance(said, bool):
            del found[f"exclusive{end}"]
            if said and f"{end.lower()}" in found:
                found[f"exclusive{end}"] = found.pop(end.lower())
    return found
