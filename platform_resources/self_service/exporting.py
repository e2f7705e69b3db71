"""`mesh export`: a product's documents as they are, byte for byte, and a bundle of all of them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from platform_resources.contracts.loading import PRODUCT_FILE, port_majors
from platform_resources.contracts.names import port_address, split_address
from platform_resources.contracts.product_checks import contract_file
from platform_resources.governance import PublishedPort
from platform_resources.self_service.incoming import ExchangeError

_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the same documents make the same bundle


@dataclass(frozen=True)
class ProductFiles:
    """Where the documents of a product lie; they need not be sound to be taken out."""

    domain: str
    name: str
    folder: Path

    @property
    def address(self) -> str:
        return f"{self.domain}.{self.name}"

    @property
    def majors(self) -> list[int]:
        return port_majors(self.folder)


def find_product(domains: Path, name: str) -> tuple[ProductFiles, int | None]:
    """The documents of `crm.customer_360`, or of one port of it: `crm.customer_360.v1`.

    Raises
    ------
    ExchangeError
        when there is no such product or port.
    """
    parts = split_address(name)
    domain, _, product = name.partition(".")
    major = None
    if parts is not None:
        domain, product, major = parts
    known = {f"{f.parents[2].name}.{f.parent.name}": f.parent for f in domains.glob(f"*/products/*/{PRODUCT_FILE}")}
    folder = known.get(f"{domain}.{product}")
    if folder is None:
        close = get_close_matches(f"{domain}.{product}", sorted(known), 1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(known)) or 'none'}"
        raise ExchangeError(f"there is no product {name!r}; {hint}", 2)
    found = ProductFiles(domain, product, folder)
    if major is not None and major not in found.majors:
        ports = ", ".join(port_address(domain, product, number) for number in found.majors) or "none"
        raise ExchangeError(f"there is no port {name!r}; {found.address} has {ports}", 2)
    return found, major


def contract_bytes(product: ProductFiles, major: int | None, published: Mapping[str, PublishedPort] | None) -> bytes:
    """The contract of a port (of the newest one): the file of the working tree, or the text that consumers hold us to.

    `published`: what the publication log says, to take it from there.

    Raises
    ------
    ExchangeError
        when there is no contract, or the port was never published.
    """
    if not product.majors:
        raise ExchangeError(f"{product.address} has no contract")
    if published is None:
        return contract_file(product.folder, major or max(product.majors)).read_bytes()
    served = [number for number in product.majors if port_address(product.domain, product.name, number) in published]
    wanted = major or max(served, default=max(product.majors))
    address = port_address(product.domain, product.name, wanted)
    if address not in published:
        raise ExchangeError(f"{address} was never published; without --published the file of the working tree is taken")
    return published[address].document.encode("utf-8")


def product_bytes(product: ProductFiles) -> bytes:
    return (product.folder / PRODUCT_FILE).read_bytes()


def bundle(product: ProductFiles, published: Mapping[str, PublishedPort] | None) -> dict[str, bytes]:
    """File name -> bytes of the product and all its contracts; with `published`, of those contracts that are served.

    Raises
    ------
    ExchangeError
        when no contract of it was ever published.
    """
    files = {PRODUCT_FILE: product_bytes(product)}
    for major in product.majors:
        address = port_address(product.domain, product.name, major)
        if published is None or address in published:
            files[contract_file(product.folder, major).name] = contract_bytes(product, major, published)
    if len(files) == 1:
        raise ExchangeError(f"no port of {product.address} was ever published")
    return files


def zipped(files: Mapping[str, bytes], folder: str) -> bytes:
    """The files as a zip, in a folder of its own; the same files give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(f"{folder}/{name}", _ZIP_TIME), raw, zipfile.ZIP_DEFLATED)
    return out.getvalue()
