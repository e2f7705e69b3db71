"""draft -> active -> deprecated -> retired: where a port stands in its life, by its contract and by its product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from platform_resources.contracts.model import Domain, OutputPort, Product

Lifecycle = Literal["proposed", "draft", "active", "deprecated", "retired"]

# Which of the two wins where a product and the contract of its port say different things.
_PRECEDENCE: tuple[Lifecycle, ...] = ("retired", "proposed", "draft", "deprecated", "active")
# Which port of a product a reader is shown first.
_PREFERENCE: tuple[Lifecycle, ...] = ("active", "deprecated", "draft", "proposed", "retired")


def lifecycle_of(product: Product, port: OutputPort) -> Lifecycle:
    """The state of a port: that of its contract, unless the product as a whole is not there yet, or past it.

    A product that is retired, proposed or draft makes all its ports so; a contract says it for its own port.
    """
    said = {product.status, port.contract.status}
    return next((state for state in _PRECEDENCE if state in said), "active")


def is_runnable(state: str) -> bool:
    """Whether a port in this state is built, audited and published."""
    return state not in ("proposed", "retired")


def preference(lifecycle: Lifecycle, major: int) -> tuple[int, int]:
    """Sorts ports, the one to read first: the newest active one, then what else is served."""
    return _PREFERENCE.index(lifecycle), -major


def by_preference(product: Product) -> list[OutputPort]:
    """The ports of a product as its documents alone tell which is to be read first."""
    return sorted(product.ports, key=lambda port: preference(lifecycle_of(product, port), port.major))


def replacement_of(port: OutputPort) -> str | None:
    """Address of the port to read instead, from the contract's custom property `replacedBy`."""
    value = port.contract.custom.get("replacedBy")
    return value if isinstance(value, str) and value else None


@dataclass(frozen=True)
class RetirementWord:
    """The contract's custom property `retirement`: `{forced: true, reason: ..., approver: ...}`."""

    forced: bool = False  # although consumers still read the port; holds with a reason only
    reason: str | None = None
    approver: str | None = None


def retirement_word(port: OutputPort) -> RetirementWord:
    value = port.contract.custom.get("retirement")
    said = cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}
    reason, approver = said.get("reason"), said.get("approver")
    return RetirementWord(
        said.get("forced") is True,
        reason.strip() or None if isinstance(reason, str) else None,
        approver if isinstance(approver, str) else None,
    )


def port_of_table(domain: Domain, table: str) -> tuple[Product, OutputPort] | None:
    """The port that private table `internal.<table>` is published as, with its product; None for any other table.

    Several ports may share a table: the newest that is built decides, of a product of the table's name first.
    """
    found = [
        (product, port)
        for product in domain.products
        for port in product.ports
        if port.contract.table.physical_name == table
    ]
    return max(
        found,
        key=lambda item: (is_runnable(lifecycle_of(*item)), item[0].name == table, item[1].major),
        default=None,
    )
