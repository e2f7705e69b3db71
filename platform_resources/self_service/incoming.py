"""What is handed to an import: files, folders and bundles -> the documents and manifests in them."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from platform_resources.contracts import ContractError, Document
from platform_resources.contracts.reading import MAX_BYTES

_YAML = (".yaml", ".yml")
_LARGEST_MANIFEST = 512 * 1024 * 1024  # bytes; a project of 5,000 models makes 150 MB
_MOST_FILES = 2_000  # in a bundle


class ExchangeError(ValueError):
    """An import or export that can't be done; the message says why and what to do. `code` is the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Incoming:
    """Documents by kind, and dbt manifests, each with the file that it came from."""

    contracts: list[Document] = field(default_factory=list)
    products: list[Document] = field(default_factory=list)
    manifests: list[tuple[Path, dict[str, Any]]] = field(default_factory=list)
    beside: list[Document] = field(default_factory=list)  # contracts that lie beside a product, to be found by id


def read_incoming(paths: Iterable[Path]) -> Incoming:
    """Everything that `paths` hold.

    Raises
    ------
    ExchangeError
        for a path that holds nothing that can be taken in.
    ContractError
        with the findings of a document that is refused.
    """
    found = Incoming()
    folders: list[Path] = []
    for path in paths:
        if path.is_dir():
            _sort(_of_folder(path), found, path)
        elif not path.is_file():
            raise ExchangeError(f"there is no file {path}", 2)
        elif zipfile.is_zipfile(path):
            _sort(_of_bundle(path), found, path)
        elif path.suffix == ".json" and (manifest := _manifest(path)) is not None:
            found.manifests.append((path, manifest))
        else:
            _sort([Document.load(path)], found, path)
            folders.append(path.parent)
    if found.products:
        given = {document.path.absolute() for document in found.contracts}
        for folder in dict.fromkeys(folders):
            found.beside += [d for d in _of_folder(folder) if _kind(d) == "DataContract" and d.path not in given]
    return found


def _sort(documents: Iterable[Document], found: Incoming, path: Path) -> None:
    known = 0
    for document in documents:
        kind = _kind(document)
        known += kind is not None
        if kind == "DataContract":
            found.contracts.append(document)
        elif kind == "DataProduct":
            found.products.append(document)
    if not known:
        raise ExchangeError(
            f"{path} is no document that can be taken in: it is no ODCS contract (kind: DataContract), no ODPS product "
            "(kind: DataProduct), no folder or zip of such, and no manifest.json of dbt",
            2,
        )


def _kind(document: Document) -> str | None:
    kind = document.data.get("kind")
    return kind if kind in ("DataContract", "DataProduct") else None


def _of_folder(folder: Path) -> Iterator[Document]:
    for file in sorted(folder.iterdir()):
        if file.suffix in _YAML and file.is_file():
            try:
                yield Document.load(file.absolute())
            except ContractError:
                if file.name.endswith((".odcs.yaml", ".odps.yaml")):
                    raise  # it was meant to be one


def _of_bundle(path: Path) -> Iterator[Document]:
    with zipfile.ZipFile(path) as bundle:
        entries = [entry for entry in bundle.infolist() if Path(entry.filename).suffix in _YAML]
        if len(entries) > _MOST_FILES:
            raise ExchangeError(f"{path} holds {len(entries):,} documents; unpack it and take them in by parts")
        for entry in entries:
            try:
                with bundle.open(entry) as file:
                    raw = file.read(MAX_BYTES + 1)  # more is refused, however much it would unpack to
            except (zipfile.BadZipFile, zlib.error, RuntimeError) as error:  # damaged, encrypted, unknown
                raise ExchangeError(f"{entry.filename} in {path} can't be unpacked: {error}") from None
            yield Document.parse(raw, path / entry.filename)


def _manifest(path: Path) -> dict[str, Any] | None:
    """The dbt manifest in a file; None when it is another JSON document."""
    if path.stat().st_size > _LARGEST_MANIFEST:
        raise ExchangeError(f"{path} has more than {_LARGEST_MANIFEST // 1024**2} MiB")
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return None
    metadata = content.get("metadata") if isinstance(content, dict) else None
    schema = metadata.get("dbt_schema_version") if isinstance(metadata, dict) else None
    if schema is None:
        return None
    if "/manifest/" not in str(schema):
        raise ExchangeError(f"{path} is a file of dbt, but no manifest ({schema}); give target/manifest.json", 2)
    return content
