"""The documents of the mesh: ODCS contracts, Bitol ODPS products and domain descriptors.

This room reads them as hostile input, keeps every byte of them, checks them against the standards' JSON schemas and
the mesh's own profile, and hands out frozen, typed views. Whatever is wrong is a `Finding`: file, line, place, what is
wrong and how to mend it. It imports nothing else of the platform, opens no connection and never fetches what a document
links to.
"""

from platform_resources.contracts.changes import Change, Comparison, compare_contracts
from platform_resources.contracts.column_types import ColumnTypeError, canonical_type, contract_column_types
from platform_resources.contracts.documents import Document
from platform_resources.contracts.domains import check_document, load_domain, load_domain_partially
from platform_resources.contracts.durations import DurationError, parse_duration
from platform_resources.contracts.findings import ContractError, Finding, errors, render_findings
from platform_resources.contracts.loading import load_contract, load_product
from platform_resources.contracts.mesh import Mesh, load_mesh
from platform_resources.contracts.model import (
    Column,
    Consent,
    Contract,
    Dimension,
    Domain,
    InputPort,
    Origin,
    OutputPort,
    Product,
    QualityRule,
    Relationship,
    Severity,
    SlaProperty,
    Table,
)
from platform_resources.contracts.reports import findings_as_json, findings_as_junit, findings_as_sarif
from platform_resources.contracts.usable import UsableDomain, contract_of_text, load_usable_domain

__all__ = [
    "Change",
    "Column",
    "ColumnTypeError",
    "Comparison",
    "Consent",
    "Contract",
    "ContractError",
    "Dimension",
    "Document",
    "Domain",
    "DurationError",
    "Finding",
    "InputPort",
    "Mesh",
    "Origin",
    "OutputPort",
    "Product",
    "QualityRule",
    "Relationship",
    "Severity",
    "SlaProperty",
    "Table",
    "UsableDomain",
    "canonical_type",
    "check_document",
    "compare_contracts",
    "contract_column_types",
    "contract_of_text",
    "errors",
    "findings_as_json",
    "findings_as_junit",
    "findings_as_sarif",
    "load_contract",
    "load_domain",
    "load_domain_partially",
    "load_mesh",
    "load_product",
    "load_usable_domain",
    "parse_duration",
    "render_findings",
]
