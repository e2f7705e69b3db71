"""What is told of a port that ends: to its owner, and to everybody who reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from platform_resources.contracts import Mesh
from platform_resources.contracts.lifecycle import is_runnable, lifecycle_of, replacement_of, retirement_word
from platform_resources.contracts.loading import PRODUCT_FILE
from platform_resources.contracts.model import InputPort, OutputPort, Product


def still_reading(mesh: Mesh, address: str) -> tuple[str, ...]:
    """Names of the registered consumers of a port; a product that is itself retired or only proposed reads nothing.

    A product whose documents are broken today counts when they name the port's product: it is read again tomorrow.
    """
    known = [product.address for product, _ in mesh.readers.get(address, ()) if _reads(product)]
    return (*known, *_unreadable_readers(mesh, address.rpartition(".")[0]))


def _unreadable_readers(mesh: Mesh, read: str) -> Iterator[str]:
    broken = [(name, product) for name, loaded in mesh.usable.items() for product in loaded.blocked]
    broken += [(name, file.parent.name) for name in mesh.broken for file in _product_files(mesh.folder / name)]
    for domain, product in broken:
        file = mesh.folder / domain / "products" / product / PRODUCT_FILE
        names = f"{domain}.{product}" != read and file.is_file()
        if names and re.search(rf"\b{re.escape(read)}\b", file.read_text(encoding="utf-8", errors="replace")):
            yield f"{domain}.{product}"


def _product_files(domain: Path) -> list[Path]:
    return sorted(domain.glob(f"products/*/{PRODUCT_FILE}"))


def _reads(product: Product) -> bool:
    return any(is_runnable(lifecycle_of(product, port)) for port in product.ports)


def port_notice(mesh: Mesh, product: Product, port: OutputPort, today: date | None = None) -> str | None:
    """What whoever looks at a port should know of its life; None for an active one. Days are counted from `today`."""
    state = lifecycle_of(product, port)
    readers = still_reading(mesh, port.address)
    still = f"; still read by {', '.join(readers)}" if readers else ""
    match state:
        case "proposed":
            return "proposed: not built yet"
        case "draft":
            return "draft: it may change any day, and no other product may read it"
        case "deprecated":
            return f"deprecated, {until(port, today)}{_instead(port)}{still or '; nobody is registered as reading it'}"
        case "retired":
            reason = retirement_word(port).reason
            return f"retired{f' ({reason})' if reason else ''}{_instead(port)}{still}"
        case _:
            return None


def input_notices(mesh: Mesh, product: Product, today: date | None = None) -> list[tuple[InputPort, str]]:
    """What a product that reads ports which end should know."""
    found = []
    for item in product.inputs:
        read = mesh.ports.get(item.address)
        state = None if read is None else lifecycle_of(*read)
        if read is not None and state == "deprecated":
            found.append(
                (item, f"reads {item.address}, which is deprecated, {until(read[1], today)}{_instead(read[1])}")
            )
        elif read is not None and state == "retired":
            found.append((item, f"reads {item.address}, which is retired{_instead(read[1])}"))
    return found


def until(port: OutputPort, today: date | None) -> str:
    """`served until 2027-03-31 (130 days left)`."""
    end = port.contract.end_of_support
    if end is None:
        return "without an end date"
    if today is None:
        return f"served until {end}"
    left = (end - today).days
    if left < 0:
        return f"its support ended on {end} ({_days(-left)} ago)"
    return f"served until {end} ({f'{_days(left)} left' if left else 'today is the last day'})"


def _days(count: int) -> str:
    return f"{count:,} day{'' if count == 1 else 's'}"


def _instead(port: OutputPort) -> str:
    other = replacement_of(port)
    return f"; use {other}" if other else ""
