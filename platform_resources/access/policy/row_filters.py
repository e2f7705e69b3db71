"""Row filters of a policy, bound to a reader; how that is done safely: see `quality.row_filters`."""

from __future__ import annotations

from platform_resources.access.model import Identity
from platform_resources.quality.row_filters import RowFilterError, bound_filter


def filter_for(where: str, columns: tuple[str, ...], reader: Identity) -> str:
    """The SQL of a filter for one reader. Raises RowFilterError.

    `reader.id`, `reader.kind` and `reader.domain` are those of the identity itself, whatever its attributes say.
    """
    itself = {"id": reader.id, "kind": reader.kind, "domain": reader.domain}
    kept = {name: value for name, value in reader.attributes.items() if name.lower() not in itself}
    return bound_filter(where, columns, {**kept, **itself})


__all__ = ["RowFilterError", "filter_for"]
