"""Masks as SQL expressions: they keep a column's type, so a masked port still has the contract's schema."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from platform_resources.access.model import Mask
from platform_resources.contracts.model import Column, Table
from platform_resources.lake import MeshSettings, quote_identifier, quote_literal


def mask_of(column: Column) -> Mapping[str, Any] | None:
    """The mask that the contract puts on a column; None when its values are shown."""
    mask = column.custom.get("mask")
    if mask is None:
        return None
    return mask if isinstance(mask, Mapping) else {"strategy": str(mask)}


def masked_columns(table: Table, clearances: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Columns of a table that a reader with these clearances gets masked."""
    return tuple(column.name for column in table.columns if _is_masked(column, clearances))


def _is_masked(column: Column, clearances: frozenset[str]) -> bool:
    mask = mask_of(column)
    return mask is not None and mask.get("clearance") not in clearances


def masked_projection(table: Table, key: Callable[[], str], clearances: frozenset[str] = frozenset()) -> dict[str, str]:
    """Column name -> SQL expression of what a reader with these clearances may see; `key` is for keyed hashes."""
    return {
        column.name: mask_expression(column, key) if _is_masked(column, clearances) else quote_identifier(column.name)
        for column in table.columns
    }


def mask_expression(column: Column, key: Callable[[], str]) -> str:
    """The masked form of a column. A strategy that is not known masks most: only then does a typo not open a column."""
    name = quote_identifier(column.name)
    strategy = str((mask_of(column) or {}).get("strategy", "redact"))
    is_text = (column.physical_type or "").upper() == "VARCHAR"
    if not is_text or strategy == "null":
        return f"CAST(NULL AS {column.physical_type or 'VARCHAR'})"
    if strategy == "hash":
        return f"CASE WHEN {name} IS NOT NULL THEN sha256({quote_literal(key())} || {name}) END"
    if strategy == "partial":
        return _partial(name, str((mask_of(column) or {}).get("format", "")))
    return f"CASE WHEN {name} IS NOT NULL THEN '***' END"


def _partial(name: str, form: str) -> str:
    """A hint of a value in its own format: `j***@example.com`, `+1-***-***-**37`, else the first letter and `***`."""
    if form == "email":
        at = f"instr({name}, '@')"
        hint, holds = f"left({name}, 1) || '***' || substr({name}, {at})", f"{at} > 1"
    elif form == "phone":
        dash = f"instr({name}, '-')"
        middle = f"substr({name}, {dash} + 1, length({name}) - {dash} - 2)"
        hint = f"left({name}, {dash}) || regexp_replace({middle}, '[0-9]', '*', 'g') || right({name}, 2)"
        holds = f"{dash} > 0 AND length({name}) > {dash} + 6"
    else:
        hint, holds = f"left({name}, 1) || '***'", f"length({name}) > 1"
    return f"CASE WHEN {name} IS NULL THEN NULL WHEN {holds} THEN {hint} ELSE '***' END"


def mask_sql(column: Column, masks: Sequence[Mask], key: Callable[[], str]) -> str:
    """What a reader sees of a column under all `masks`, as SQL of the column's type; the column itself without any."""
    if not masks:
        return quote_identifier(column.name)
    strongest = masks[0]
    written = {"strategy": strongest.strategy, "clearance": strongest.clearance, **strongest.options}
    return mask_expression(replace(column, custom={**column.custom, "mask": written}), key)


def mask_key(settings: MeshSettings) -> str:
    """The mesh's secret for keyed hashes, made on first use, readable by its owner only."""
    file = settings.home / "keys" / "mask.key"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = file.with_suffix(f".{os.getpid()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(secrets.token_hex(32))
        try:
            os.link(temporary, file)  # the first one wins, whoever else makes one now
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    return file.read_text()
