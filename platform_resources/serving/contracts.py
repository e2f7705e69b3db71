"""The contract of a port: byte for byte, unless it names what its reader may not know of."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

import yaml
from fastapi import APIRouter, Header, Query, Response

from platform_resources.catalog import PortState
from platform_resources.contracts import Document
from platform_resources.lake import PortAddress
from platform_resources.serving.answers import refusals
from platform_resources.serving.hidden_inputs import names_unseen, without_unseen
from platform_resources.serving.negotiation import accepted
from platform_resources.serving.readers import AskedPort, CurrentReader, Reader

router = APIRouter(tags=["products"])

YAML, JSON = "application/yaml", "application/json"
_DOCUMENT = (
    "The document, byte for byte as its owner wrote it; without what names ports that the caller may not know of."
)
_FORMS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The contract: an ODCS document. Its ETag is the SHA-256 of the YAML's bytes.",
        "content": {
            YAML: {"schema": {"type": "object", "description": _DOCUMENT}},
            JSON: {"schema": {"type": "object", "description": "The same as JSON."}},
        },
        "headers": {"ETag": {"schema": {"type": "string"}}},
    },
    304: {"description": "The contract is the one that the reader has."},
}


@router.get(
    "/products/{domain}/{product}/v{major}/contract",
    operation_id="get_contract",
    summary="The contract, as YAML or JSON",
    responses={**refusals(404, 406, 422), **_FORMS},
    response_class=Response,
)
def get_contract(
    reader: CurrentReader,
    state: AskedPort,
    accept: Annotated[str | None, Header(description="application/yaml (by default) or application/json.")] = None,
    if_none_match: Annotated[str | None, Header(description="ETag of the contract that the reader has.")] = None,
    publication: Annotated[int | None, Query(description="Of that publication.", ge=1, le=2**31)] = None,
) -> Response:
    """The contract that is served now (before the first publication: today's document), or was with a publication."""
    return document_answer(contract_text(reader, state, publication), state.port.contract.file, accept, if_none_match)


def document_answer(text: bytes, file: Path, accept: str | None, if_none_match: str | None) -> Response:
    """A document in the form that is asked for; nothing when the reader has it. `file` is for messages."""
    form = accepted(accept, (YAML, JSON))
    digest = hashlib.sha256(text).hexdigest()
    headers = {"ETag": f'"{digest}"', "Vary": "Accept, Authorization", "Cache-Control": "private, no-cache"}
    known = [part.strip().removeprefix("W/").strip('"') for part in (if_none_match or "").split(",")]
    if digest in known or known == ["*"]:
        return Response(status_code=304, headers=headers)
    if form == YAML:
        return Response(text, media_type=YAML, headers=headers)
    parsed = Document.parse(text, file).data
    return Response(json.dumps(parsed, default=str, ensure_ascii=False), media_type=JSON, headers=headers)


def contract_text(reader: Reader, state: PortState, publication: int | None = None) -> bytes:
    """The bytes of a contract; what names ports that the caller may not know of is left out, and then comments too.

    Raises
    ------
    NotPublishedError
        when there is no publication of that number.
    """
    raw = _raw(reader, state, publication)
    if not names_unseen(raw.decode(), reader.sees_address):
        return raw
    data = dict(Document.parse(raw, state.port.contract.file).data)
    told = without_unseen(data, reader.sees_address)
    if told == data:  # only what its owner says in words
        return raw
    return yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=1_000_000).encode()


def _raw(reader: Reader, state: PortState, publication: int | None) -> bytes:
    address = PortAddress.parse(state.port.address)
    served = state.publication
    if publication is not None:
        served = reader.logged(address, publication)
    if served is not None:
        return reader.view.promise(address, served).document.encode()
    return state.port.contract.file.read_bytes()
