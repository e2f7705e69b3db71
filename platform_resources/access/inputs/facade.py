"""What the models of a domain see of other domains: the declared and granted input ports, masked, and nothing else.

A domain that is read looks like a database of its name that holds the ports as views (`sales.bookings.v1`), each pinned
to the publication that was served when the run began. Its lake is attached too, under a name made up for the run:
`sales.internal.receipts`, and a port that the product doesn't declare, are not there. This keeps models from reading
what nobody promised them; it does not confine them, because a model in Python can open any file that its process can.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import reduce

import duckdb

from platform_resources.access.errors import DeniedError
from platform_resources.access.inputs.rights import InputRefusal, InputRight, right_to_read
from platform_resources.access.model import Caller, Identity, PortPolicy, Profile
from platform_resources.access.policy.decisions import profile_of
from platform_resources.access.policy.masks import mask_key, mask_sql
from platform_resources.access.policy.policies import policy_of
from platform_resources.access.relations.usage import Usage
from platform_resources.contracts import Contract, Product, contract_of_text
from platform_resources.control import ControlDatabase
from platform_resources.control.audit_log import AuditLog
from platform_resources.lake import (
    INTERNAL_SCHEMA,
    MeshSettings,
    PortAddress,
    Publication,
    attach_lakes,
    attach_reader,
    lake_exists,
    pin,
    promise_of,
    publications,
    qualified,
    quote_identifier,
    utc_now,
)
from platform_resources.pipeline import read_mesh


@dataclass(frozen=True)
class _Served:
    """What an input port serves, with its contract and every later one, and the policy of these and today's."""

    publication: Publication
    contracts: tuple[Contract, ...]
    policy: PortPolicy


def foreign_inputs(product: Product) -> tuple[PortAddress, ...]:
    """The ports of other domains that a product declares."""
    ports = (PortAddress.parse(port.address) for port in product.inputs)
    return tuple(port for port in ports if port.domain != product.domain)


def refused_inputs(settings: MeshSettings, products: Iterable[Product]) -> dict[str, str]:
    """Product -> why it can't be built: it may not read a port that it declares. Without the others."""
    reading = [product for product in products if foreign_inputs(product)]
    if not reading:
        return {}
    refused: dict[str, str] = {}
    control = ControlDatabase(settings)
    try:
        rights = _Rights(settings, control)
        for product in reading:
            for port in foreign_inputs(product):
                right = rights.of(product, port, rights.policy_of_today(port))
                if isinstance(right, InputRefusal):
                    refused[product.address] = right.reason
    finally:
        control.close()
    return refused


@contextmanager
def guarded_inputs(
    con: duckdb.DuckDBPyConnection,
    settings: MeshSettings,
    products: Sequence[Product],
    run: str | None = None,
    *,
    built: Collection[Product] | None = None,
    missing_ok: bool = False,
) -> Iterator[dict[str, frozenset[str]]]:
    """Attach what `products` of one domain declare as inputs, until the block ends; tells the masked columns of each.

    Where several products read one port, they see what each of them may see: the most restrictive wins. Each of those
    that are `built` (None: all) and each of its ports are one entry in the audit log and one read in the usage. A port
    that was never published is not there.

    Raises
    ------
    LakeMissingError
        when a domain has built nothing yet; `missing_ok` leaves it out.
    DeniedError
        when one of the products may not read one of its inputs. (`refused_inputs` tells beforehand.)
    """
    wanted: dict[PortAddress, list[Product]] = {}
    for product in products:
        for port in foreign_inputs(product):
            if not missing_ok or lake_exists(settings, port.domain):
                wanted.setdefault(port, []).append(product)
    if not wanted:
        yield {}
        return
    masked: dict[str, frozenset[str]] = {}
    with ExitStack() as stack:
        control = ControlDatabase(settings)
        stack.callback(control.close)
        domains = {port.domain for port in wanted}
        attach_lakes(con, settings, reads=domains)
        rights = _Rights(settings, control)
        served = {port: found for port in wanted if (found := rights.served(con, port)) is not None}
        lakes = {domain: _face(con, settings, domain, wanted) for domain in sorted(domains)}
        for port, found in served.items():
            held = [_allowed(rights.of(product, port, found.policy)) for product in wanted[port]]
            profile = _narrowest(found.policy, held)
            stack.enter_context(pin(settings, port.domain, found.publication.snapshot))
            _show(con, settings, port, found, profile, lakes[port.domain])
            masked[str(port)] = frozenset(profile.masked)
            for product, right in zip(wanted[port], held, strict=True):
                if built is None or product in built:
                    rights.note(right, found, profile, run)
        yield masked


class _Rights:
    """Policies and grants of one run."""

    def __init__(self, settings: MeshSettings, control: ControlDatabase) -> None:
        self._settings = settings
        self._control = control
        self._audit = AuditLog(control)
        self._mesh, self._council = read_mesh(settings)

    def of(self, product: Product, port: PortAddress, policy: PortPolicy | None) -> InputRight | InputRefusal | None:
        """None when there is no policy: nothing of the port can be read then."""
        if policy is None:
            return None
        offered = self._mesh.ports.get(str(port))
        return right_to_read(
            self._control,
            self._audit,
            product,
            policy,
            hidden=offered is not None and offered[0].custom.get("visibility", "organisation") != "organisation",
            longest_days=self._council.mandate.longest_grant_days,
            now=utc_now(),
        )

    def policy_of_today(self, port: PortAddress) -> PortPolicy | None:
        offered = self._mesh.ports.get(str(port))
        return None if offered is None else self._policy(port, [offered[1].contract])

    def served(self, con: duckdb.DuckDBPyConnection, port: PortAddress) -> _Served | None:
        """What a port serves now, read from its attached lake; None when nothing."""
        log = publications(con, port.domain, port)
        if not log or log[0].kind == "retire":
            return None
        origin = min(entry.number for entry in log if entry.contract_sha256 == log[0].contract_sha256)
        entries = {entry.contract_sha256: entry for entry in reversed(log) if entry.number >= origin}
        entries.pop(log[0].contract_sha256)
        texts = [promise_of(con, port, entry).document for entry in (log[0], *entries.values())]
        contracts = [contract_of_text(text, f"{port}.odcs.yaml") for text in texts]
        offered = self._mesh.ports.get(str(port))
        today = None if offered is None else offered[1].contract
        return _Served(log[0], tuple(contracts), self._policy(port, contracts, today))

    def note(self, right: InputRight, served: _Served, profile: Profile, run: str | None) -> None:
        """One entry and one read; how many rows the models of the product read is not known."""
        columns = self._declared(right, profile)
        facts = {"grant": right.grant.id, "purpose": right.grant.purpose, "door": "build", "run": run}
        facts |= {"publication": served.publication.number, "columns": columns}
        facts |= {"masked": [name for name in profile.masked if name in columns], "filtered": bool(profile.filters)}
        self._audit.append("read", right.product, right.port, **facts)
        usage = Usage(self._control)
        usage.record(right.port, right.product, columns, 0, 0)
        usage.close()

    def _declared(self, right: InputRight, profile: Profile) -> list[str]:
        """The columns that a product says it reads; all that it is shown when it doesn't say."""
        declared = next(
            (i.columns for p, i in self._mesh.readers.get(right.port, ()) if p.address == right.product), ()
        )
        return [name for name in profile.columns if not declared or name in declared]

    def _policy(self, port: PortAddress, contracts: Sequence[Contract], today: Contract | None = None) -> PortPolicy:
        return policy_of(str(port), contracts, self._council, today)


def _allowed(right: InputRight | InputRefusal | None) -> InputRight:
    if isinstance(right, InputRight):
        return right
    raise DeniedError(f"{right.product} can't be built: {right.reason}" if right else "an input has no policy")


def _narrowest(policy: PortPolicy, held: Sequence[InputRight]) -> Profile:
    """What all of these rights show: masks, columns and row filters of each."""
    clearances = reduce(frozenset.__and__, (right.clearances for right in held))
    limits = [right.grant.columns for right in held if right.grant.columns is not None]
    columns = reduce(frozenset.__and__, limits) if limits else None
    filters = dict.fromkeys(f for right in held for f in (*policy.row_filters, *right.role.row_filters))
    names = ", ".join(dict.fromkeys(right.product for right in held))
    reader = Identity(names, "product", names, domain=names.partition(".")[0], clearances=clearances)
    return profile_of(policy, clearances, columns, filters, Caller(reader), {right.grant.purpose for right in held})


def _face(con: duckdb.DuckDBPyConnection, settings: MeshSettings, domain: str, ports: Iterable[PortAddress]) -> str:
    """Put an empty database in the place of an attached lake; returns the name of the lake from now on.

    It is another one in every run, so that no model can rely on it.
    """
    lake = f"{domain}_{secrets.token_hex(8)}"
    con.execute(f"DETACH {quote_identifier(domain)}")
    attach_reader(con, settings, domain, lake)
    con.execute(f"ATTACH ':memory:' AS {quote_identifier(domain)}")
    for product in sorted({port.product for port in ports if port.domain == domain}):
        con.execute(f"CREATE SCHEMA {qualified(domain, product)}")
    return lake


def _show(
    con: duckdb.DuckDBPyConnection,
    settings: MeshSettings,
    port: PortAddress,
    served: _Served,
    profile: Profile,
    lake: str,
) -> None:
    """The port as a view over the pinned table; as a table when a mask holds a key, which a view would tell."""
    contract, publication = served.contracts[0], served.publication
    columns = {c.name: c for c in contract.table.columns if c.name in publication.columns}
    asked_for_key: list[str] = []

    def key() -> str:
        asked_for_key.append(mask_key(settings))
        return asked_for_key[-1]

    shown = ", ".join(
        f"{mask_sql(columns[name], masks, key)} AS {quote_identifier(name)}"
        for name, masks in profile.columns.items()
        if name in columns
    )
    where = "".join(f" {'AND' if i else 'WHERE'} ({text})" for i, text in enumerate(profile.filters))
    table = qualified(lake, INTERNAL_SCHEMA, contract.table.physical_name)
    rows = f"SELECT {shown} FROM {table} AT (VERSION => {int(publication.snapshot)}){where}"
    con.execute(f"CREATE {'TABLE' if asked_for_key else 'VIEW'} {port.sql} AS {rows}")
