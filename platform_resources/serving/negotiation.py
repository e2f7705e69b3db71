"""Which of the offered forms an Accept header asks for (RFC 9110, 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence

from platform_resources.serving.problems import NotAcceptableError


def accepted(accept: str | None, offered: Sequence[str]) -> str:
    """The offered form that is asked for most; of equals the first one offered. No header asks for anything.

    Raises
    ------
    NotAcceptableError
        when none of them is asked for.

    >>> accepted("text/html, application/*;q=0.5", ["application/yaml", "application/json"])
    'application/yaml'
    """
    if accept is None or not accept.strip():
        return offered[0]
    asked = [_range(part) for part in accept.split(",") if part.strip()]
    best, weight = "", 0.0
    for form in offered:
        # The most exact range that fits a form says how much it is wanted.
        fitting = max(((exact, q) for name, exact, q in asked if _fits(name, form)), default=(0, 0.0))
        if fitting[1] > weight:
            best, weight = form, fitting[1]
    if not best:
        raise NotAcceptableError("none of the accepted forms is offered", f"Accept: {', '.join(offered)}")
    return best


def _range(part: str) -> tuple[str, int, float]:
    """(name, how exact it is, weight)"""
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                quality = min(max(float(value), 0.0), 1.0)
            except ValueError:
                quality = 0.0
    return name, 0 if name == "*/*" else 1 if name.endswith("/*") else 2, quality


def _fits(name: str, form: str) -> bool:
    return name in ("*/*", form) or (name.endswith("/*") and form.startswith(name[:-1]))
