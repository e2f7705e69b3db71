"""The forms of data, and which one a request gets: `format=` wins, then Accept with its weights."""

from __future__ import annotations

from enum import StrEnum

from platform_resources.serving.negotiation import accepted


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
_FORMS = {media_type: form for form, media_types in _MEDIA_TYPES.items() for media_type in media_types}


def negotiate(accept: str | None, asked: Form | None = None) -> Form:
    """The form of an answer; who accepts anything gets JSON.

    Raises
    ------
    NotAcceptableError
        when the request accepts none.
    """
    return asked or _FORMS[accepted(accept, list(_FORMS))]
