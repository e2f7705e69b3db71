"""What is told of a port that ends: to its owner, and to everybody who reads it."""

from __future__ import annotations

from datetime import date

from platform_resources.contracts import Mesh
from platform_resources.contracts.lifecycle import lifecycle_of, replacement_of, retirement_word
from platform_resources.contracts.model import InputPort, OutputPort, Product
from platform_resources.contracts.wording import counted
from platform_resources.governance.consumers import consumers_of


def still_reading(mesh: Mesh, address: str) -> tuple[str, ...]:
    """Names of everybody who is registered as reading a port."""
    return tuple(dict.fromkeys(consumer.name for consumer in consumers_of(mesh, address)))


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
        return f"its support ended on {end} ({counted(-left, 'day')} ago)"
    return f"served until {end} ({counted(left, 'day') + ' left' if left else 'today is the last day'})"


def _instead(port: OutputPort) -> str:
    other = replacement_of(port)
    return f"; use {other}" if other else ""
