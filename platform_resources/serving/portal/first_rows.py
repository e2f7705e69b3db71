"""The first rows of a port as a reader sees them: through the guard and in the audit log, as by any other door."""

from __future__ import annotations

from dataclasses import dataclass

from platform_resources.access import ReadQuery
from platform_resources.access.relations.usage import LOOKING_DOOR
from platform_resources.catalog import PortState
from platform_resources.lake import PortAddress
from platform_resources.serving.data import Asked, open_rows
from platform_resources.serving.formats import Form
from platform_resources.serving.pages import masked_in
from platform_resources.serving.portal.product_diff import written
from platform_resources.serving.readers import Reader

SHOWN = 10


@dataclass(frozen=True)
class FirstRows:
    """`of`: rows of the publication; None where the reader gets some of them only, which are counted nowhere."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    masked: frozenset[str]
    publication: int
    purpose: str
    of: int | None


def first_rows(reader: Reader, state: PortState, purpose: str | None) -> FirstRows:
    """Up to `SHOWN` rows of what is served; AccessError when the reader may not read it, or nothing is served."""
    asked = Asked(PortAddress.parse(state.port.address), ReadQuery(limit=SHOWN), Form.JSON, None, None, purpose)
    found = open_rows(reader.access, reader.caller, asked, LOOKING_DOOR)
    relation = found.relation
    with relation.read(found.query) as reading:
        table = reading.table()
    return FirstRows(
        columns=tuple(table.column_names),
        rows=tuple(tuple(written(value) for value in row.values()) for row in table.to_pylist()),
        masked=frozenset(masked_in(relation, found.query)),
        publication=relation.publication.number,
        purpose=relation.decision.purpose,
        of=None if relation.decision.profile.filters else relation.publication.row_count,
    )
