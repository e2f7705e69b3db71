"""`mesh fit`, `mesh rate`: does a product fit a use, and how did it do?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from platform_resources.cli.common import AsOption, JsonFlag, catalog_reader
from platform_resources.cli.output import console, errors, fail, print_json, table
from platform_resources.contracts.wording import counted

if TYPE_CHECKING:
    from platform_resources.serving.fitness import Fit, FitnessAnswer
    from platform_resources.serving.role_sights import RoleThatOpens

_COLOURS = {"yes": "green", "no": "red", "unknown": "yellow"}
_LONGEST_ITEM = 60  # characters of a dimension and its score
_DIMENSION = re.compile(r"([^=: ]+) ?[=:] ?([0-9.]+) ?%?")
_FLAGS = {"max_age": "max-age", "dimensions": "min", "terms": "term", "columns": "column", "min_score": "min-score"}
_FLAGS |= {"min_availability": "min-availability", "ports": "PRODUCTS"}


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command(name="fit")(fit)
    app.command(name="rate")(rate)


def fit(
    products: Annotated[
        list[str] | None, typer.Argument(help="Products or ports; without any, all.", show_default=False)
    ] = None,
    q: Annotated[str | None, typer.Option("--search", help="Only what a search finds.", show_default=False)] = None,
    max_age: Annotated[str | None, typer.Option(help="No older than, as PT30M.", show_default=False)] = None,
    min_score: Annotated[float | None, typer.Option(help="Quality score, 0-100.", show_default=False)] = None,
    dimensions: Annotated[
        list[str] | None,
        typer.Option(
            "--min",
            "--dimensions",
            metavar="DIMENSION=SCORE",
            help="As completeness=98; repeat it.",
            show_default=False,
        ),
    ] = None,
    min_availability: Annotated[float | None, typer.Option(help="Percent of the time.", show_default=False)] = None,
    terms: Annotated[
        list[str] | None,
        typer.Option(
            "--term", "--terms", help="Has a column of it: crm.household_id, or a synonym.", show_default=False
        ),
    ] = None,
    columns: Annotated[list[str] | None, typer.Option("--column", help="Has it.", show_default=False)] = None,
    history: Annotated[str | None, typer.Option(help="Reaches back, as P1Y.", show_default=False)] = None,
    purpose: Annotated[str | None, typer.Option(help="May be used for it.", show_default=False)] = None,
    clear: Annotated[list[str] | None, typer.Option(help="A column needed unmasked.", show_default=False)] = None,
    tier: Annotated[list[str] | None, typer.Option(help="One of these.", show_default=False)] = None,
    as_: AsOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Which products fit a use: a verdict for each, with what is promised and what was measured.

    Exit code 0: something fits; 1: nothing does; 2: a need makes no sense, and the message says what is like it.
    """
    from pydantic import ValidationError  # noqa: PLC0415  (keeps `mesh --help` quick)

    from platform_resources.serving.fitness import Needs, check_fitness  # noqa: PLC0415
    from platform_resources.serving.problems import InvalidFieldsError  # noqa: PLC0415

    asked: dict[str, Any] = {
        **{"ports": products, "q": q, "max_age": max_age, "min_score": min_score, "terms": terms, "columns": columns},
        **{"min_availability": min_availability, "history": history, "purpose": purpose, "clear": clear, "tier": tier},
        "dimensions": dict(map(_dimension, dimensions)) if dimensions else None,
    }
    with catalog_reader(as_) as reader:
        try:
            answer = check_fitness(reader, Needs(**{name: value for name, value in asked.items() if value}))
        except ValidationError as error:
            fail("; ".join(f"{_flag(str(one['loc'][0]))}: {one['msg']}" for one in error.errors()), code=2)
        except InvalidFieldsError as error:
            wrong: Any = error.facts["errors"]
            fail("\n".join(f"{_flag(one['where'].split('.')[1])}: {one['message']}" for one in wrong), code=2)
    if json_output:
        print_json(answer.model_dump())
    else:
        _print(answer)
    raise typer.Exit(0 if answer.counts["yes"] else 1)


def _dimension(text: str) -> tuple[str, float]:
    plain = " ".join(text.split())
    match = _DIMENSION.fullmatch(plain) if len(plain) <= _LONGEST_ITEM else None
    try:
        return match[1], float(match[2])  # type: ignore[index]
    except (TypeError, ValueError):
        fail(f"--min {text[:_LONGEST_ITEM]!r} is no score of a dimension; write --min completeness=98", code=2)


def _flag(field: str) -> str:
    name = _FLAGS.get(field, field)
    return name if name.isupper() else f"--{name}"


def _print(answer: FitnessAnswer) -> None:
    for found in answer.fits:
        _print_fit(found)
    told = ", ".join(f"[{_COLOURS[name]}]{name}[/] {count:,}" for name, count in answer.counts.items() if count)
    errors.print(told or "there is no such port", highlight=False)


def _print_fit(found: Fit) -> None:
    held = "" if found.readable else "  [dim]you hold no grant on it[/]"
    console.print(
        f"[{_COLOURS[found.verdict]}]{found.verdict}[/]  [bold]{escape(found.port)}[/]{held}", highlight=False
    )
    made = table(("", "left"), ("need", "left"), ("evidence", "left"))
    made.show_header = False
    for one in found.evidence:
        made.add_row(f"  [{_COLOURS[one.verdict]}]{one.verdict}[/]", escape(one.need), f"[dim]{escape(one.says)}[/]")
    console.print(made)
    for role in found.opened_by:
        console.print(f"  [cyan]ask[/] {escape(_way(found.port, role))}", highlight=False)
    console.print()


def _way(port: str, role: RoleThatOpens) -> str:
    """How to come by what is missing: what a role would open, what else it takes, who decides, and the command."""
    parts = [f"shows {', '.join(role.shows)} in clear"] if role.shows else []
    parts += ["some rows only"] if role.some_rows else []
    parts += [f"needs the clearance {', '.join(role.lacking)}, which administrators give"] if role.lacking else []
    if role.held:
        return ": ".join(filter(None, (f"{role.role}, which you hold", "; ".join(parts))))
    if role.undecided is not None:
        return f"{role.role}: {'; '.join([*parts, f'nobody may decide when you ask: {role.undecided}'])}"
    parts.append(f"approved by {', then '.join(map(' or '.join, role.approvers))}")
    purpose = f" --purpose {role.purposes[0]}" if len(role.purposes) == 1 else ""
    return f"mesh access request {port} --role {role.role}{purpose}: {'; '.join(parts)}"


def rate(
    product: Annotated[str, typer.Argument(help="As crm.customer_360.")],
    stars: Annotated[int, typer.Argument(min=1, max=5, help="1 to 5.")],
    comment: Annotated[str | None, typer.Option(help="What others should know.", show_default=False)] = None,
    as_: AsOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Rate a product that you may read, or have read, and don't own; a new rating replaces your old one."""
    from pydantic import ValidationError  # noqa: PLC0415  (keeps `mesh --help` quick)

    from platform_resources.serving import product_metrics  # noqa: PLC0415

    domain, _, name = product.partition(".")
    try:
        given = product_metrics.RatingGiven(stars=stars, comment=comment)
    except ValidationError as error:
        fail("; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors()), code=2)
    with catalog_reader(as_) as reader:
        found = product_metrics.rate(reader, domain, name, given)
    if json_output:
        print_json(found.model_dump())
    else:
        count = counted(found.count, "rating")
        console.print(f"{escape(found.product)} has {found.average:g} of 5 stars from {count}", highlight=False)
