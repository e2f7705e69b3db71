"""Domains, products and contracts made at random, as the platform reads them: for what must hold for any of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import strategies as st

from platform_resources.contracts.model import (
    Column,
    Contract,
    Domain,
    InputPort,
    Origin,
    OutputPort,
    Product,
    SlaProperty,
    Table,
)
from platform_resources.lake import Publication

_HERE = Origin(Path("made.yaml"), 1, "")
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
TEXTS = st.sampled_from(["", " ", "a", "A {b} \"c\" 'd'", "é\n\n# x", "<b>&amp;</b>", "\\", "@id", "_:b", "http://x y"])
TEXTS |= st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=20)
_MAYBE = st.none() | TEXTS
_LISTS = st.lists(TEXTS, max_size=3).map(tuple)
_TYPES = st.sampled_from(["VARCHAR", "BIGINT", "DECIMAL(18,2)", "TIMESTAMP WITH TIME ZONE", "STRUCT(a INTEGER)"])
_MASKS = st.sampled_from([{}, {"mask": {"strategy": "hash", "clearance": "gdpr"}}, {"mask": {"strategy": "redact"}}])
OWNERS = st.lists(
    st.sampled_from(["ada@retailer.example", "o'hara@retailer.example", "x+y@retailer.example"]), max_size=2
)
_SLA = st.builds(
    SlaProperty,
    st.sampled_from(["freshness", "availability", "retention"]),
    st.sampled_from(["PT15M", 99.9, "P3Y", "not a duration"]),
    st.just(_HERE),
)


def _columns() -> st.SearchStrategy[tuple[Column, ...]]:
    one = st.builds(
        Column,
        NAMES,
        st.sampled_from([None, "string"]),
        st.none() | _TYPES,
        st.just(_HERE),
        description=_MAYBE,
        required=st.booleans(),
        classification=_MAYBE,
        terms=_LISTS,
        tags=_LISTS,
        custom=_MASKS,
    )
    return st.lists(one, min_size=1, max_size=4, unique_by=lambda column: column.name).map(tuple)


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    table = Table("made", draw(NAMES), _HERE, draw(_columns()))
    return Contract(
        draw(TEXTS),
        draw(st.sampled_from(["1.0.0", "2.3.4"])),
        draw(st.sampled_from(["active", "deprecated", "draft", "retired"])),
        Path("made.yaml"),
        table,
        (table,),
        "v3.1.0",
        name=draw(_MAYBE),
        purpose=draw(_MAYBE),
        usage=draw(_MAYBE),
        limitations=draw(_MAYBE),
        sla=tuple(draw(st.lists(_SLA, max_size=2))),
        team_name=draw(_MAYBE),
        owners=tuple(draw(OWNERS)),
        tags=draw(_LISTS),
        custom=draw(st.sampled_from([{}, {"tier": "gold"}, {"tier": 3}, {"replacedBy": "a.b.v2"}])),
    )


@st.composite
def products(draw: st.DrawFn, domain: str, inputs: tuple[str, ...] = ()) -> Product:
    name = draw(NAMES)
    majors = draw(st.lists(st.integers(1, 3), min_size=1, max_size=2, unique=True))
    return Product(
        draw(TEXTS),
        domain,
        name,
        draw(st.sampled_from(["active", "draft", "deprecated", "retired"])),
        Path("made.yaml"),
        tuple(InputPort(address, address, _HERE) for address in inputs),
        tuple(OutputPort(name, major, f"{domain}.{name}.v{major}", draw(contracts())) for major in sorted(majors)),
        title=draw(_MAYBE),
        purpose=draw(_MAYBE),
        usage=draw(_MAYBE),
        limitations=draw(_MAYBE),
        team_name=draw(_MAYBE),
        owners=tuple(draw(OWNERS)),
        tags=draw(_LISTS),
        support=tuple(draw(st.lists(st.fixed_dictionaries({"channel": TEXTS, "url": TEXTS}), max_size=1))),
    )


@st.composite
def domains(draw: st.DrawFn) -> Domain:
    """One domain whose products read each other's ports, in order."""
    name = draw(NAMES)
    made: list[Product] = []
    for _ in range(draw(st.integers(0, 2))):
        inputs = (
            draw(st.lists(st.sampled_from([p.address for m in made for p in m.ports]), unique=True)) if made else []
        )
        product = draw(products(name, tuple(inputs)))
        if product.address not in [other.address for other in made]:
            made.append(product)
    domain = Domain(
        *(name, Path(name), draw(TEXTS), draw(TEXTS), draw(TEXTS), "ada@retailer.example", draw(st.none() | TEXTS)),
        *(tuple(made), ()),
    )
    return replace(domain, channel=draw(_MAYBE))


MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


@st.composite
def publications(draw: st.DrawFn, port: OutputPort) -> Publication:
    return Publication(
        *(port.address, draw(st.integers(1, 99)), 7, draw(st.sampled_from(["publish", "rollback", "retire"]))),
        *("5f1d1b5e-0000-4000-8000-000000000000", port.contract.version, port.contract.sha256),
        *(tuple(column.name for column in port.contract.table.columns), draw(st.integers(0, 10**9))),
        *(draw(st.floats(0, 100)), {"scores": {"accuracy": 99.5}}, draw(st.none() | MOMENTS), draw(MOMENTS)),
    )
