"""The forms of data, and which one a request gets: `format=` wins, then Accept with its weights."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from platform_resources.serving.problems import NotAcceptableError

_MOST_RANGES = 50  # of one Accept header


class Form(StrEnum):
    """A form of rows; the value is what `format=` takes."""

    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"

    @property
    def media_type(self) -> str:
        return _MEDIA_TYPES[self][0]

    @property
    def content_type(self) -> str:
        """The value of Content-Type: CSV without a charset is read as anything."""
        return f"{self.media_type}; charset=utf-8; header=present" if self is Form.CSV else self.media_type

    @property
    def is_text(self) -> bool:
        return self in (Form.JSON, Form.NDJSON, Form.CSV)


# The first of each is what an answer says.
_MEDIA_TYPES: dict[Form, tuple[str, ...]] = {
    Form.JSON: ("application/json",),
    Form.NDJSON: ("application/x-ndjson", "application/ndjson", "application/jsonl"),
    Form.CSV: ("text/csv",),
    Form.PARQUET: ("application/vnd.apache.parquet", "application/x-parquet"),
    Form.ARROW: ("application/vnd.apache.arrow.stream",),
}


def negotiate(accept: str | None, asked: Form | None = None, offered: Collection[Form] = tuple(Form)) -> Form:
    """The form of an answer. Of equal weights the earlier in `offered` wins, so that `*/*` is JSON.

    Raises
    ------
    NotAcceptableError
        when the request accepts none of `offered`.
    """
    if asked is not None:
        return asked
    ranges = _ranges(accept or "*/*")
    weighed = [(_weight(form, ranges), -i, form) for i, form in enumerate(offered)]
    weight, _, best = max(weighed)
    if weight <= 0:
        raise NotAcceptableError(
            "no form that the request accepts is offered",
            "Accept one of those listed, or say format=" + "|".join(form.value for form in offered) + ".",
            offered=[form.media_type for form in offered],
        )
    return best


def _ranges(accept: str) -> list[tuple[str, float]]:
    """Media ranges and their weights; what can't be read weighs nothing."""
    found = []
    for part in accept.split(",")[:_MOST_RANGES]:
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                weight = _quality(value.strip())
        if media:
            found.append((media, weight))
    return found or [("*/*", 1.0)]


def _quality(text: str) -> float:
    """A weight as RFC 9110 writes it: 0 to 1 with at most three decimals."""
    if len(text) <= 5 and text.replace(".", "", 1).isdecimal() and text.isascii():
        return min(1.0, float(text))
    return 0.0


def _weight(form: Form, ranges: list[tuple[str, float]]) -> float:
    """The weight of the most specific range that a form falls into; 0 without any."""
    best, weight = -1, 0.0
    for media, quality in ranges:
        if media in _MEDIA_TYPES[form]:
            rank = 2
        elif media.endswith("/*") and any(own.startswith(media[:-1]) for own in _MEDIA_TYPES[form]):
            rank = 1
        elif media in ("*/*", "*"):
            rank = 0
        else:
            continue
        if rank > best or (rank == best and quality > weight):
            best, weight = rank, quality
    return weight
