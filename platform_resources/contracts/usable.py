"""What the platform works with: the usable part of a domain, and the reasons for what is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from platform_resources.contracts.contract_view import contract_view
from platform_resources.contracts.documents import Document
from platform_resources.contracts.domains import findings_of_products, load_domain_partially
from platform_resources.contracts.findings import Finding, errors
from platform_resources.contracts.model import Contract, Domain


@dataclass(frozen=True)
class UsableDomain:
    """A domain without its broken products; `blocked`: product name -> why it is left out."""

    domain: Domain
    findings: tuple[Finding, ...]
    blocked: Mapping[str, tuple[Finding, ...]]

    @property
    def other_errors(self) -> tuple[Finding, ...]:
        """Errors outside of the products' folders: sources that are left out, for one."""
        told = {finding for findings in self.blocked.values() for finding in findings}
        return tuple(finding for finding in errors(self.findings) if finding not in told)


def load_usable_domain(folder: Path) -> UsableDomain:
    """The domain in `folder`, as far as its documents can be used.

    Raises
    ------
    ContractError
        when `domain.yaml` itself can't be used.
    """
    domain, findings = load_domain_partially(folder)
    usable = {product.name for product in domain.products}
    told = findings_of_products(folder, errors(findings))
    blocked = {name: found for name, found in told.items() if name not in usable}
    return UsableDomain(domain, tuple(findings), blocked)


def contract_of_text(text: str, name: str) -> Contract:
    """Typed view of a contract that was checked before it was stored, as the publication log keeps it."""
    return contract_view(Document.parse(text.encode(), Path(name)))
