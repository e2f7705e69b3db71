"""The catalog in open formats: DCAT-AP and DPROD of all that the caller may know of, ODPS of a product."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Annotated, Any

import yaml
from fastapi import APIRouter, Header, Response

from platform_resources.catalog.exports import JSON_LD, Exported, dcat, dprod
from platform_resources.contracts import Product
from platform_resources.contracts.nodes import Node
from platform_resources.contracts.product_view import input_address
from platform_resources.governance import by_secrecy
from platform_resources.lake import public_url
from platform_resources.serving.answers import refusals
from platform_resources.serving.contracts import JSON, YAML, document_answer
from platform_resources.serving.formats import Form
from platform_resources.serving.readers import CurrentReader, Domain, ProductName, Reader

router = APIRouter(tags=["products"])

_DOCUMENT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A JSON-LD document with its context inline. The same catalog has the same bytes.",
        "content": {JSON_LD: {"schema": {"type": "object"}}},
        "headers": {"ETag": {"schema": {"type": "string"}}},
    },
    304: {"description": "The document is the one that the reader has."},
}
_FORMS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The product: a Bitol ODPS document.",
        "content": {YAML: {"schema": {"type": "object"}}, JSON: {"schema": {"type": "object"}}},
        "headers": {"ETag": {"schema": {"type": "string"}}},
    },
    304: {"description": "The document is the one that the reader has."},
}
IfNoneMatch = Annotated[str | None, Header(description="ETag of the document that the reader has.")]


@router.get(
    "/catalog/dcat",
    operation_id="get_catalog_dcat",
    summary="The catalog as DCAT-AP 3",
    responses={**refusals(422), **_DOCUMENT},
    response_class=Response,
)
def get_catalog_dcat(reader: CurrentReader, if_none_match: IfNoneMatch = None) -> Response:
    """A dataset for each port that the caller may know of, with distributions, service and quality (DQV)."""
    return _answer(reader, dcat, if_none_match)


@router.get(
    "/catalog/dprod",
    operation_id="get_catalog_dprod",
    summary="The catalog as DPROD",
    responses={**refusals(422), **_DOCUMENT},
    response_class=Response,
)
def get_catalog_dprod(reader: CurrentReader, if_none_match: IfNoneMatch = None) -> Response:
    """The data products that the caller may know of: owner, domain, ports, data sets, life, rights (ODRL)."""
    return _answer(reader, dprod, if_none_match)


@router.get(
    "/products/{domain}/{product}/odps",
    operation_id="get_product_document",
    summary="The product's own document (Bitol ODPS), as YAML or JSON",
    responses={**refusals(404, 406, 422), **_FORMS},
    response_class=Response,
)
def get_product_document(
    reader: CurrentReader,
    domain: Domain,
    product: ProductName,
    accept: Annotated[str | None, Header(description="application/yaml (by default) or application/json.")] = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Byte for byte as its owner wrote it, unless it reads what the caller may not know of: then without that."""
    found = reader.product(domain, product)[0].product
    return document_answer(product_text(reader, found), found.file, accept, if_none_match)


def product_text(reader: Reader, product: Product) -> bytes:
    """The document of a product. Inputs that the caller may not know of are left out, and then comments with them."""
    raw = product.file.read_bytes() if product.document is None else product.document.raw
    if all(reader.sees_address(item.address) for item in product.inputs) or product.document is None:
        return raw
    data = dict(product.document.data)
    inputs = Node(product.document, data).items("inputPorts")
    data["inputPorts"] = [node.value for node in inputs if reader.sees_address(input_address(node))]
    data["outputPorts"] = [_without_hidden(reader, entry) for entry in data.get("outputPorts", [])]
    told = {name: value for name, value in data.items() if value or name != "inputPorts"}
    return yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=1_000_000).encode()


def exported(reader: Reader) -> Exported:
    """The catalog as the caller may know it."""
    documents = reader.documents
    return Exported(
        public_url(),
        documents.council.mandate,
        [(state.domain, ports) for state, ports in reader.domains() if state.domain is not None],
        reader.sees_address,
        by_secrecy(documents.council),
        {form.value: form.media_type for form in Form},
    )


def _answer(reader: Reader, made: Callable[[Exported], bytes], if_none_match: str | None) -> Response:
    text = made(exported(reader))
    digest = hashlib.sha256(text).hexdigest()
    headers = {"ETag": f'"{digest}"', "Vary": "Authorization", "Cache-Control": "private, no-cache"}
    if (if_none_match or "").removeprefix("W/").strip('"') == digest:
        return Response(status_code=304, headers=headers)
    return Response(text, media_type=JSON_LD, headers=headers)


def _without_hidden(reader: Reader, entry: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(entry.get("inputContracts"), list):
        return entry
    told = [item for item in entry["inputContracts"] if reader.sees_address(str(item.get("id", "")))]
    return {name: told if name == "inputContracts" else value for name, value in entry.items()}
