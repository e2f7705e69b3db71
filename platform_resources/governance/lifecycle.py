"""draft -> active -> deprecated -> retired: what each state asks of the owner, and of whoever reads the port.

A port ends in steps that its consumers can follow: deprecated with an end date and a replacement, then retired once
nobody reads it any more. What would take a port from under its readers blocks, unless it is forced with a reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from difflib import get_close_matches

from platform_resources.contracts import ContractError, Mesh, contract_of_text
from platform_resources.contracts.findings import Finding, shown
from platform_resources.contracts.lifecycle import lifecycle_of, replacement_of, retirement_word
from platform_resources.contracts.model import InputPort, OutputPort, Product
from platform_resources.contracts.names import split_address
from platform_resources.contracts.nodes import Node
from platform_resources.governance.consumers import consumers_of
from platform_resources.governance.endings import input_notices, still_reading
from platform_resources.governance.model import Judgement, PublishedPort, Standing

_SEVERITIES = {"blocks": "error", "warns": "warning", "informs": "info"}


def judge_lifecycle(
    mesh: Mesh, published: Mapping[str, PublishedPort], now: datetime, *, domain: str | None = None
) -> list[Judgement]:
    """Judgements on deprecated, retired and removed ports, and on inputs that end or were never there."""
    found: list[Judgement] = []
    for product in mesh.products:
        if domain not in (None, product.domain):
            continue
        for port in product.ports:
            state = lifecycle_of(product, port)
            if state in ("draft", "proposed") and port.address in published:
                found += _backwards(mesh, product, port, published[port.address])
            elif state == "deprecated":
                found += _deprecated(mesh, product, port, published.get(port.address), now.date())
            elif state == "retired" and port.address in published:
                found += _retired(mesh, product, port)
        found += _inputs(mesh, product, published, now.date())
    return [*found, *_removed(mesh, published, domain)]


def _backwards(mesh: Mesh, product: Product, port: OutputPort, served: PublishedPort) -> Iterator[Judgement]:
    """What was promised to everybody doesn't become a draft again under those who rely on it."""
    readers = still_reading(mesh, port.address)
    if readers and _status_served(served) in ("active", "deprecated"):
        state = lifecycle_of(product, port)
        message = f"{port.address} was active and is read by {_who(mesh, port.address)}: it can't be {state}."
        remedy = "Deprecate it (mesh deprecate), and draft the next version as a new major beside it."
        yield _judged(
            product.address, "blocks", _status_node(product, port, state), "lifecycle-backwards", message, remedy
        )


def _status_node(product: Product, port: OutputPort, state: str) -> Node:
    """Where a port's state is said: in its contract, or else for the whole product."""
    if port.contract.status != state and product.document is not None:
        return Node(product.document, product.document.data).at("status")
    return _root(port).at("status")


def _root(port: OutputPort) -> Node:
    document = port.contract.document
    if document is None:
        raise ValueError(f"the contract of {port.address} was made without its document")
    return Node(document, document.data)


def _entry(port: OutputPort, key: str, name: str) -> Node:
    """The entry of `slaProperties` or `customProperties` for a property; the list when there is none."""
    root = _root(port)
    return next((item for item in root.items(key) if item.text("property") == name), root.at(key))


def _judged(product: str, standing: Standing, node: Node, code: str, message: str, remedy: str) -> Judgement:
    return Judgement(node.finding(code, message, remedy, _SEVERITIES[standing]), standing, product)


def _deprecated(
    mesh: Mesh, product: Product, port: OutputPort, served: PublishedPort | None, today: date
) -> Iterator[Judgement]:
    end, promise = port.contract.end_of_support, port.contract.sla_property("endOfSupport")
    node = _entry(port, "slaProperties", "endOfSupport")
    how = "Add `{property: endOfSupport, value: YYYY-MM-DD}` to `slaProperties`, or use `mesh deprecate`."
    if promise is None:
        message = f"{port.address} is deprecated, and nobody is told until when it is served."
        yield _judged(product.address, "blocks", node, "end-of-support", message, how)
    elif end is None or str(promise.value).strip() != end.isoformat():
        message = f"`endOfSupport` is {shown(promise.value)}, which is no day."
        yield _judged(product.address, "blocks", node.at("value"), "end-of-support", message, "Write it YYYY-MM-DD.")
    elif end < today:
        yield from _after_the_end(mesh, product, port, served, node.at("value"), end)
    yield from _replacement(mesh, product, port)


def _after_the_end(
    mesh: Mesh, product: Product, port: OutputPort, served: PublishedPort | None, node: Node, end: date
) -> Iterator[Judgement]:
    if served is not None and _status_served(served) not in ("deprecated", None):
        message = f"{port.address} would be deprecated with an end of support that is past: {end}."
        remedy = "Choose a day that leaves its consumers the time to move."
        yield _judged(product.address, "blocks", node, "end-of-support", message, remedy)
        return
    readers = still_reading(mesh, port.address)
    if readers:
        message = f"The support of {port.address} ended on {end}, and {', '.join(readers)} still read it."
        remedy = "Agree on a later day with them, or help them move; retiring it by force is the last resort."
        yield _judged(product.address, "warns", node, "support-ended", message, remedy)
    else:
        message = f"The support of {port.address} ended on {end}, and nobody is registered as reading it."
        remedy = f"Retire it: mesh retire {port.address}"
        yield _judged(product.address, "informs", node, "support-ended", message, remedy)


def _status_served(served: PublishedPort) -> str | None:
    """The status in the contract that is published; None when an older platform let it pass and it can't be read."""
    try:
        return contract_of_text(served.document, f"{served.address}.odcs.yaml").status
    except ContractError:
        return None


def _replacement(mesh: Mesh, product: Product, port: OutputPort) -> Iterator[Judgement]:
    other = replacement_of(port)
    node = _entry(port, "customProperties", "replacedBy")
    later = [p.address for p in product.ports if p.major > port.major and lifecycle_of(product, p) != "retired"]
    if other is None:
        if later:
            yield _judged(
                product.address,
                "warns",
                node,
                "replaced-by",
                f"{port.address} is deprecated and doesn't say what to read instead, though {later[-1]} is there.",
                f"Add `{{property: replacedBy, value: {later[-1]}}}` to `customProperties`.",
            )
        return
    found = mesh.ports.get(other)
    if found is None or other == port.address or lifecycle_of(*found) == "retired":
        fault = "is the port itself" if other == port.address else "is no port" if found is None else "is retired"
        message = f"`replacedBy` is {shown(other)}, which {fault}."
        remedy = f"Write {later[-1]}." if later else "Write the address of a port that is served, or delete the entry."
        yield _judged(product.address, "warns", node.at("value"), "replaced-by", message, remedy)


def _retired(mesh: Mesh, product: Product, port: OutputPort) -> Iterator[Judgement]:
    """A port that is still served, and whose contract or product says that it ends."""
    readers = still_reading(mesh, port.address)
    if not readers:
        return
    word = retirement_word(port)
    node = _status_node(product, port, "retired")
    who = _who(mesh, port.address)
    if word.forced and word.reason:
        message = f"{port.address} is retired by force ({word.reason}), although it is read by {who}."
        remedy = "Tell them; their next build fails until they read another port."
        yield _judged(product.address, "warns", node, "retired-with-consumers", message, remedy)
        return
    missing = "It says `forced` without a `reason`, which doesn't hold. " if word.forced else ""
    message = f"{port.address} is to be retired, but is read by {who}. {missing}It goes on being served."
    remedy = (
        "Deprecate it until they have moved (mesh deprecate), or force it with a reason: mesh retire "
        f'{port.address} --force --reason "…"'
    )
    yield _judged(product.address, "blocks", node, "retired-with-consumers", message, remedy)


def _who(mesh: Mesh, address: str) -> str:
    """The consumers of a port with the columns that each says it reads."""
    return ", ".join(
        f"{consumer.name} ({', '.join(consumer.columns)})" if consumer.columns else consumer.name
        for consumer in consumers_of(mesh, address)
    )


def _removed(mesh: Mesh, published: Mapping[str, PublishedPort], domain: str | None) -> Iterator[Judgement]:
    """Ports that are served, and that no document offers any more.

    They go on being served: a stale branch lacks documents as well as somebody who wants to end a port, and the
    registered consumers stand in the folder that is gone.
    """
    for address in sorted(published.keys() - mesh.ports.keys()):
        parts = split_address(address)
        if parts is None or domain not in (None, parts[0]) or parts[0] not in mesh.usable:
            continue
        loaded = mesh.usable[parts[0]]
        if parts[1] in loaded.blocked:  # its documents can't be read: they may well offer it
            continue
        readers = still_reading(mesh, address)
        node = _place_of_product(mesh, parts[0], parts[1])
        if node is None:
            continue
        if readers:
            message = (
                f"{address} is published and read by {_who(mesh, address)}, but no document offers it any "
                "more. It goes on being served."
            )
            remedy = f"Bring its contract and its output port back, and retire it in order: mesh retire {address}"
            yield _judged(".".join(parts[:2]), "blocks", node, "retired-with-consumers", message, remedy)
        else:  # who was registered in the folder that is gone is unknown: silence is no consent
            message = f"{address} is published, but no document offers it any more. It goes on being served."
            remedy = f"Bring its contract and its output port back; to end it, retire it then: mesh retire {address}"
            yield _judged(".".join(parts[:2]), "warns", node, "port-removed", message, remedy)


def _place_of_product(mesh: Mesh, domain: str, name: str) -> Node | None:
    """Where a port that is gone would stand: in its product, else in the domain's descriptor."""
    owner = mesh.usable[domain].domain
    for product in owner.products:
        if product.name == name and product.document is not None:
            return Node(product.document, product.document.data).at("outputPorts")
    return None if owner.document is None else Node(owner.document, owner.document.data)


def _inputs(mesh: Mesh, product: Product, published: Mapping[str, PublishedPort], today: date) -> Iterator[Judgement]:
    for item, notice in input_notices(mesh, product, today):
        state = lifecycle_of(*mesh.ports[item.address])
        port = mesh.ports[item.address][1]
        remedy = f"Read {other} instead." if (other := replacement_of(port)) else "Ask its owner what to read instead."
        told = f"{product.address} {notice}."
        yield _input_judged(product, item, "warns", f"input-{state}", told, remedy)
    for item in product.inputs:
        if item.address not in mesh.ports and _is_missing(mesh, product, item):
            yield _unknown(mesh, product, item, published)


def _is_missing(mesh: Mesh, product: Product, item: InputPort) -> bool:
    """Whether an input is surely not there; of the own domain the documents say so, and broken ones say nothing."""
    parts = split_address(item.address)
    if parts is None or parts[0] == product.domain or parts[0] in mesh.broken:
        return False
    loaded = mesh.usable.get(parts[0])
    return loaded is None or parts[1] not in loaded.blocked


def _unknown(mesh: Mesh, product: Product, item: InputPort, published: Mapping[str, PublishedPort]) -> Judgement:
    parts = split_address(item.address)
    others = [address for address in mesh.ports if parts and split_address(address)[:2] == parts[:2]]  # type: ignore[index]
    was_there = item.address in published or any(parts[2] < mesh.ports[other][1].major for other in others)
    close = others[-1:] or get_close_matches(item.address, list(mesh.ports), 1, 0.6)
    remedy = f"Did you mean {close[0]}?" if close else "Mend the name; `mesh status` lists the ports."
    if was_there:
        message = f"{product.address} reads {item.address}, which its domain doesn't offer any more."
        return _input_judged(
            product, item, "warns", "input-removed", message, remedy.replace("Did you mean", "Read").replace("?", ".")
        )
    message = f"{product.address} reads {item.address}, which no domain offers."
    return _input_judged(product, item, "blocks", "input-unknown", message, remedy)


def _input_judged(
    product: Product, item: InputPort, standing: Standing, code: str, message: str, remedy: str
) -> Judgement:
    origin = item.origin
    finding = Finding(origin.file, origin.line, origin.path, message, remedy, _SEVERITIES[standing], code)
    return Judgement(finding, standing, product.address)
