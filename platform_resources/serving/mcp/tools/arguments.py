"""Arguments that several tools take."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Product = Annotated[
    str,
    Field(
        description="Address of a product (then its port to read first is meant) or of a port.",
        min_length=1,
        max_length=200,
        examples=["crm.customer_360", "crm.customer_360.v1"],
    ),
]
Cursor = Annotated[
    str | None, Field(description="`next` of the answer before, to go on where it ended.", max_length=4096)
]
Purpose = Annotated[
    str | None,
    Field(
        description="What the data is read for, one of the council's purposes; by default the token's or one's own.",
        max_length=63,
        examples=["analytics"],
    ),
]
ColumnName = Annotated[str, Field(min_length=1, max_length=63)]
