"""A foreign ODPS product -> one that the mesh can serve; and a product for a contract that came alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from platform_resources.contracts import Contract, Document
from platform_resources.contracts.loading import PRODUCT_FILE
from platform_resources.contracts.names import is_name, major_of, split_address
from platform_resources.self_service.fitting import Fitting, new_document
from platform_resources.self_service.fitting_contracts import Place, fit_owner, fit_status, version_of


def fit_product(
    fitting: Fitting, place: Place, ports: Mapping[int, str], known_ports: Mapping[str, str], port_name: str | None
) -> None:
    """Fit a product's data to `place`.

    `ports`: major -> id of the contract that lies beside it. `known_ports`: contract id -> address of every port of the
    mesh, to recognise inputs by. Ports of another name than `port_name` belong to other products and are taken out.
    """
    if port_name is not None:
        own = f"{fitting.get('id')}.{place.product}"
        fitting.put(("id",), own, "each table becomes a product, and each product has an id of its own")
    name = fitting.get("name")
    if isinstance(name, str) and is_name(name) and name != place.product:
        fitting.put(("name",), place.product, "the product is named as its folder")
    if fitting.get("domain") != place.domain:
        fitting.put(("domain",), place.domain, "the product lies in this domain")
    fit_status(fitting)
    for at, port in reversed(list(fitting.entries("outputPorts"))):
        if port_name is not None and port.get("name") != port_name:
            fitting.drop(at, f"a product is one table in all its versions; {port.get('name')} becomes another product")
    for at, port in list(fitting.entries("outputPorts")):
        major = port_major(port)
        if major_of(str(port.get("version"))) != major or not isinstance(port.get("version"), str):
            fitting.put((*at, "version"), str(major), "a port's version is its major number")
        if port.get("name") != place.product:
            fitting.put((*at, "name"), place.product, "a port is named as its product")
        if major in ports and port.get("contractId") != ports[major]:
            fitting.put((*at, "contractId"), ports[major], f"the id in v{major}.odcs.yaml")
    for at, port in fitting.entries("inputPorts"):
        address = known_ports.get(str(port.get("contractId")))
        parts = split_address(address or "")
        if parts is not None and split_address(f"{port.get('name')}.v1") is None:
            fitting.put((*at, "name"), f"{parts[0]}.{parts[1]}", f"this is {address} of this mesh")
            fitting.put((*at, "version"), str(parts[2]), f"this is {address} of this mesh")
    fit_owner(fitting, place)


def port_major(port: Mapping[str, Any]) -> int:
    """The major of an output port; 1 for what was never numbered, or numbered from 0."""
    parts = version_of(port.get("version"))
    return parts[0] if parts and parts[0] > 0 else 1


def add_port(fitting: Fitting, place: Place, major: int, contract: Contract) -> None:
    """Offer one more contract in a product that is there already."""
    for at, port in fitting.entries("outputPorts"):
        if major_of(str(port.get("version"))) == major:
            fitting.put((*at, "contractId"), contract.id, f"the id in v{major}.odcs.yaml")
            return
    fitting.append(("outputPorts",), port_entry(place, major, contract), f"the port of v{major}.odcs.yaml")


def port_entry(place: Place, major: int, contract: Contract) -> dict[str, Any]:
    granularity = contract.table.granularity
    told = {"description": granularity} if granularity else {}
    return {"name": place.product, **told, "type": "table", "version": str(major), "contractId": contract.id}


def product_for(place: Place, ports: Mapping[int, Contract], folder: Path, inputs: Mapping[str, str]) -> Document:
    """The product of contracts that came without one. `inputs`: address -> contract id of the ports that it reads."""
    newest = ports[max(ports)]
    title = newest.name or place.product.replace("_", " ").capitalize()
    told = {"purpose": newest.purpose, "limitations": newest.limitations, "usage": newest.usage}
    description = {key: value for key, value in told.items() if value}
    owners = newest.owners or (place.owner,)
    data: dict[str, Any] = {
        "apiVersion": "v1.0.0",
        "kind": "DataProduct",
        "id": f"{place.domain}.{place.product}",
        "name": place.product if is_name(title) else title,
        "version": "1.0.0",
        "status": "draft",
        "domain": place.domain,
    }
    if description:
        data["description"] = description
    if inputs:
        parts = {address: split_address(address) for address in inputs}
        data["inputPorts"] = [
            {"name": f"{found[0]}.{found[1]}", "version": str(found[2]), "contractId": inputs[address]}
            for address, found in parts.items()
            if found is not None
        ]
    data["outputPorts"] = [port_entry(place, major, contract) for major, contract in sorted(ports.items())]
    data["team"] = {
        "name": newest.team_name or place.team,
        "members": [{"username": owner, "role": "owner"} for owner in owners],
    }
    comment = "Made by `mesh import`: say what the product is for and what it isn't, then set `status: active`."
    return new_document(folder / PRODUCT_FILE, data, comment)
