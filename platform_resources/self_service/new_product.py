"""`mesh new product`: contract, model, test and glossary entries of a product that runs at once, as a draft."""

from __future__ import annotations

import ast
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from platform_resources.contracts import (
    ContractError,
    Document,
    DurationError,
    errors,
    load_mesh,
    parse_duration,
    render_findings,
)
from platform_resources.contracts.domains import check_document
from platform_resources.governance import load_council
from platform_resources.governance.terms import UNDEFINED, load_glossary, normal
from platform_resources.lake import MeshSettings
from platform_resources.self_service.changeset import ChangeSet, ScaffoldError
from platform_resources.self_service.columns import ColumnDraft, lean, unknown_words
from platform_resources.self_service.delivered import content_hash, is_file_source
from platform_resources.self_service.documents import Draft, contract_text, product_text, source_text
from platform_resources.self_service.file_origins import file_origin
from platform_resources.self_service.lake_origins import lake_origin
from platform_resources.self_service.landing import extraction_time, landing_name, prepared
from platform_resources.self_service.model_text import (
    Model,
    dbt_model_text,
    dbt_names,
    dbt_properties_text,
    with_python_model,
)
from platform_resources.self_service.new_domain import checked_owner, register_dbt_target
from platform_resources.self_service.new_names import check_new_name
from platform_resources.self_service.origins import Origin, World, example_origin, own_tables
from platform_resources.self_service.profiling import Profile
from platform_resources.self_service.queries import is_query, is_table
from platform_resources.self_service.sample_test import sample_test_text
from platform_resources.self_service.taken_over import contract_origin
from platform_resources.self_service.text_files import Layout
from platform_resources.self_service.yaml_text import insert_under, scalar

_DEFAULT_AGE = "P31D"  # of files: a month; the person who knows how often they come says it
_TIERS = ("gold", "silver", "bronze")  # where no council has decided on any
_MOST_TERMS = 100  # a glossary of hundreds of words to be defined would be no help
_TO_DEFINE = f"{UNDEFINED}: what it means, so that somebody else decides the same cases alike."


@dataclass(frozen=True)
class NewProduct:
    """What is asked for."""

    address: str  # marketing.newsletter
    source: str | None = None
    owner: str | None = None
    description: str | None = None
    tier: str = "bronze"
    feed: str | None = None
    layout: Layout = field(default_factory=Layout)
    date_format: str | None = None
    extracted_at: datetime | None = None


@dataclass(frozen=True)
class ProductReport:
    """What was made, and what was found out on the way."""

    address: str
    created: tuple[str, ...]
    changed: tuple[str, ...]
    port: str  # address: marketing.newsletter.v1
    landed: tuple[str, ...]
    origin: str
    rows: int | None
    duplicates: int
    columns: tuple[ColumnDraft, ...]
    profile: Profile | None
    renamed: tuple[tuple[str, str], ...]  # as it was written, as it is called now
    model: str  # file of the model
    feed: str | None
    freshness: str  # the promise, in ISO 8601
    terms: tuple[str, ...]  # added to the glossary, to be defined
    notes: tuple[str, ...] = ()


def scaffold_product(settings: MeshSettings, wanted: NewProduct, now: datetime) -> ProductReport:
    """Write a new product into the project; files that it is made from are landed.

    Raises
    ------
    ScaffoldError
        when it can't be made; nothing is written and nothing is landed then.
    """
    domain, _, name = wanted.address.partition(".")
    if not name or "." in name:
        raise ScaffoldError(f"{wanted.address!r} is no product: write <domain>.<product>", asked_wrongly=True)
    check_new_name(name, "product")
    mesh = load_mesh(settings.domains)
    if domain in mesh.broken:
        raise ScaffoldError(
            f"domains/{domain} can't be used:\n{render_findings(mesh.broken[domain], settings.project)}"
        )
    if domain not in mesh.usable:
        known = f"there are {', '.join(sorted(mesh.usable))}; " if mesh.usable else ""
        raise ScaffoldError(
            f"there is no domain {domain!r}; {known}make it: mesh new domain {domain}", asked_wrongly=True
        )
    council = load_council(settings.project / "governance")
    tiers = tuple(council.tiers) or _TIERS
    if wanted.tier not in tiers:
        raise ScaffoldError(f"there is no tier {wanted.tier!r}; there are {', '.join(tiers)}", asked_wrongly=True)
    age = _DEFAULT_AGE
    tier = council.tiers.get(wanted.tier)
    if tier is not None and isinstance(tier.fields.get("freshness"), str):
        age = _shorter(age, tier.fields["freshness"])
    world = World(settings, mesh, council, load_glossary(mesh), domain, name, age)
    _check_free(settings, world)
    if wanted.feed is not None:
        check_new_name(wanted.feed, "feed")
        if wanted.feed in own_tables(world) | {name}:
            raise ScaffoldError(
                f"{domain} has a table {wanted.feed} already; name the feed otherwise", asked_wrongly=True
            )
    owner = checked_owner(wanted.owner or mesh.usable[domain].domain.owner, settings.project)
    with _origin(world, wanted, owner) as origin:
        return _write(world, wanted, origin, owner, now)


def _shorter(one: str, other: str) -> str:
    try:
        return min(one, other, key=lambda text: parse_duration(text, None) or timedelta.max)
    except DurationError:
        return one


def _check_free(settings: MeshSettings, world: World) -> None:
    folder = settings.domains / world.domain
    for path in (folder / "products" / world.product, folder / "sources" / f"{world.product}.odcs.yaml"):
        if path.exists():
            shown = path.relative_to(settings.project)
            raise ScaffoldError(f"{shown} is there already; it is left as it is, and nothing was written")


@contextmanager
def _origin(world: World, wanted: NewProduct, owner: str) -> Iterator[Origin]:
    source = (wanted.source or "").strip()
    if not source:
        yield example_origin(world)
    elif source.endswith((".odcs.yaml", ".odcs.yml")):
        yield contract_origin(world, Path(source).expanduser(), owner)
    elif is_query(source) or (is_table(source) and not is_file_source(source)):
        yield lake_origin(world, source)
    elif is_file_source(source) or set(source) & set("*?["):
        with file_origin(world, source, wanted.feed, wanted.layout, wanted.date_format) as origin:
            yield origin
    else:
        raise ScaffoldError(
            f"--from {source!r} is no file that is there, no address such as sales.bookings.v1 and no query "
            '("select …")',
            asked_wrongly=True,
        )


def _write(world: World, wanted: NewProduct, origin: Origin, owner: str, now: datetime) -> ProductReport:
    settings, domain = world.settings, world.mesh.usable[world.domain].domain
    changes = ChangeSet(settings.project)
    columns, terms = list(origin.columns), ()
    if origin.promise is None:
        columns, terms = _with_terms(changes, world, origin.columns)
    draft = Draft(
        domain=domain,
        name=world.product,
        owner=owner,
        tier=wanted.tier,
        description=wanted.description,
        origin=origin.told,
        rows=origin.found.rows if origin.found else None,
        columns=columns,
        freshness=origin.freshness,
        grain=origin.grain,
        inputs=origin.inputs,
        major=origin.major,
        contract_id=None if origin.promise is None else str(origin.promise.data.get("id")),
    )
    folder = settings.domains / world.domain
    product = folder / "products" / world.product
    changes.create(product / "product.odps.yaml", product_text(draft))
    promise = origin.promise.raw if origin.promise is not None else _fitting_text(contract_text, draft)
    changes.create(product / f"v{origin.major}.odcs.yaml", promise)
    if origin.feed is not None:
        feed = origin.feed

        def source_of(leaner: Draft) -> str:
            columns = [lean(column) for column in feed.columns] if leaner is not draft else feed.columns
            return source_text(leaner, feed.name, columns, feed.path, feed.custom)

        changes.create(folder / "sources" / f"{feed.name}.odcs.yaml", _fitting_text(source_of, draft))
    model = _write_model(changes, world, draft, origin)
    test = settings.project / "tests" / "domains" / f"test_{world.domain}_{world.product}.py"
    changes.create(test, sample_test_text(world, origin, model))
    _assert_python(changes)
    _assert_sound(changes, folder)
    with ExitStack() as stack:
        stack.enter_context(changes.or_nothing())  # files appear in the landing zone last, and may fail to
        landed = _prepare_landing(stack, world, origin, wanted, now)
        changes.apply()
    return ProductReport(
        address=wanted.address,
        created=tuple(changes.shown(path) for path in changes.created),
        changed=tuple(changes.shown(path) for path in changes.changed),
        port=f"{wanted.address}.v{origin.major}",
        landed=landed,
        origin=origin.told,
        rows=draft.rows,
        duplicates=origin.found.duplicates if origin.found else 0,
        columns=tuple(columns),
        profile=origin.found,
        renamed=origin.renamed,
        model=model.file,
        feed=origin.feed.name if origin.feed else None,
        freshness=origin.freshness.value,
        terms=terms,
        notes=origin.notes,
    )


def _fitting_text(text_of: Callable[[Draft], str], draft: Draft) -> str:
    """The text of a contract; of hundreds of columns only what must be said of each, so that it can be read at all."""
    text = text_of(draft)
    try:
        Document.parse(text.encode(), Path("contract"))
    except ContractError:
        return text_of(replace(draft, columns=[lean(column) for column in draft.columns]))
    return text


@dataclass(frozen=True)
class WrittenModel:
    """Where the model is: its file, and the name of its function when it is Python."""

    file: str
    function: str | None


def _write_model(changes: ChangeSet, world: World, draft: Draft, origin: Origin) -> WrittenModel:
    """The rule: SQL for dbt when the domain has dbt models or the source is a query; else a function in `assets.py`."""
    project, domain = world.settings.project, world.domain
    model = Model(world.product, origin.doc, origin.parts)
    folder = project / "dbt_project" / "models" / domain
    has_dbt = (project / "dbt_project" / "profiles.yml").is_file()
    if has_dbt and (origin.is_query or any(folder.rglob("*.sql"))):
        sql, missing = dbt_model_text(model, domain, dbt_names(folder, domain))
        changes.create(folder / f"{world.product}.sql", sql)
        types = [(c.name, c.type, c.required or c.key_position is not None) for c in draft.columns]
        changes.create(folder / f"_{world.product}.yml", dbt_properties_text(model, types, missing))
        register_dbt_target(changes, project, domain)
        return WrittenModel(changes.shown(folder / f"{world.product}.sql"), None)
    assets = project / "domains" / domain / "assets.py"
    source = changes.read(assets)
    reads = [".".join(table) for table in model.tables if table[0] == domain and table[1] == "internal"]
    text, function = with_python_model(source, model, domain, reads)
    if source is None:
        changes.create(assets, text)
    else:
        changes.change(assets, text)
    return WrittenModel(changes.shown(assets), function)


def _with_terms(
    changes: ChangeSet, world: World, columns: Sequence[ColumnDraft]
) -> tuple[list[ColumnDraft], tuple[str, ...]]:
    """Columns bound to a new term each where no glossary has the word; the terms go to the domain's glossary."""
    new = unknown_words(columns, world.glossary)
    if not 0 < len(new) <= _MOST_TERMS or world.domain in world.glossary.broken:
        return list(columns), ()
    file = world.settings.domains / world.domain / "glossary.yaml"
    lines: list[str] = []
    words = {normal(column.name) for column in new}
    bound: dict[str, str] = {}
    for column in new:
        if normal(column.name) in bound:
            continue  # another spelling of the same word
        title = column.name.replace("_", " ").capitalize()
        if column.title and normal(column.title) not in words | world.glossary.words.keys():
            title = column.title
            words.add(normal(title))
        definition = column.description or _TO_DEFINE
        lines += [f"- name: {column.name}", f"  title: {scalar(title)}", f"  definition: {scalar(definition)}"]
        bound[normal(column.name)] = column.name
    text = changes.read(file)
    if text is None:
        indented = "".join(f"  {line}\n" for line in lines)
        changes.create(file, f"domain: {world.domain}\nterms:\n{indented}")
    else:
        changes.change(file, insert_under(text, ("terms",), lines, changes.shown(file)))
    links = {column.name: f"glossary.yaml#{bound[normal(column.name)]}" for column in new}
    return [replace(column, term=links.get(column.name, column.term)) for column in columns], tuple(bound.values())


def _prepare_landing(
    stack: ExitStack, world: World, origin: Origin, wanted: NewProduct, now: datetime
) -> tuple[str, ...]:
    """The files as Parquet under hidden names; they appear in the landing zone when all else was written."""
    if origin.feed is None:
        return ()
    feed = origin.feed
    folder = world.settings.landing / Path(feed.path).parent
    files = [
        (landing_name(path, content_hash(path)), extraction_time(path, wanted.extracted_at, now))
        for path in feed.delivered.paths
    ]
    stack.enter_context(prepared(feed.con, folder, feed.readings, files))
    return tuple(str(folder / name) for name, _ in files)


def _assert_python(changes: ChangeSet) -> None:
    """Every Python file that would be written can be read by Python: a broken one breaks its whole domain."""
    for path in (*changes.created, *changes.changed):
        if path.suffix != ".py":
            continue
        try:
            ast.parse(changes.read(path) or "")
        except (SyntaxError, ValueError) as error:
            raise ScaffoldError(
                f"{changes.shown(path)} would be no Python ({error}); nothing was written. A name with unusual "
                "characters may be the reason: give it another one in the query (`as …`)"
            ) from None


def _assert_sound(changes: ChangeSet, domain: Path) -> None:
    """What would be written is what the mesh can use; anything else is a bug of this room, told as such.

    The documents are checked where they may be wrong: in a copy of the domain's folder.
    """
    with tempfile.TemporaryDirectory(prefix="mesh-") as folder:
        copy = Path(folder) / domain.name
        shutil.copytree(domain, copy, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        written = {copy / path.relative_to(domain): path for path in changes.created if path.is_relative_to(domain)}
        for place, path in written.items():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(changes.created[path])
        found = [
            replace(finding, file=written.get(finding.file, finding.file))
            for place in written
            if place.name.endswith((".odcs.yaml", ".odps.yaml"))
            for finding in errors(check_document(place))
        ]
    if found:
        raise ContractError(found)
