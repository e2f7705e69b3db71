"""`mesh search`: find products by words, as somebody, with the reason for each hit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from platform_resources.cli.common import AsOption, JsonFlag, catalog_reader
from platform_resources.cli.output import DIM, console, errors, print_json, score_text, state_text, table

if TYPE_CHECKING:
    from platform_resources.serving.search import Hit, SearchAnswer

_REASONS = 2
_LONGEST = 70  # characters of a reason


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command()(search)


def search(
    words: Annotated[
        list[str] | None, typer.Argument(help="What to find, also begun or misspelt; nothing lists all.")
    ] = None,
    domain: Annotated[list[str] | None, typer.Option(help="Only of this domain.", show_default=False)] = None,
    tier: Annotated[list[str] | None, typer.Option(help="Only of this tier.", show_default=False)] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only with this tag.", show_default=False)] = None,
    owner: Annotated[list[str] | None, typer.Option(help="Only of this owner or team.", show_default=False)] = None,
    min_score: Annotated[
        float | None, typer.Option(min=0, max=100, help="Only from this score on.", show_default=False)
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Only what is as fresh as promised.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100, help="Hits to print.")] = 20,
    as_: AsOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Find products by words, tags, owners, columns and terms: mesh search "customer value"."""
    from platform_resources.serving.search import search_products  # noqa: PLC0415  (keeps `mesh --help` quick)

    text = " ".join(words or [])[:400]
    with catalog_reader(as_) as reader:
        answer = search_products(
            reader,
            q=text,
            domain=domain,
            tier=tier,
            tag=tag,
            owner=owner,
            min_score=min_score,
            freshness=["fresh"] if fresh else None,
            limit=limit,
        )
    if json_output:
        print_json(answer.model_dump(mode="json"))
    else:
        _print_answer(answer)


def _print_answer(answer: SearchAnswer) -> None:
    if answer.hits:
        console.print(_hits_table(answer.hits))
    else:
        console.print("nothing found", highlight=False)
    if answer.terms:
        named = answer.terms[0]
        console.print(f"\n[bold]{escape(named.title)}[/] [{DIM}]({escape(named.term)})[/] {escape(named.definition)}")
    if answer.related:
        near = ", ".join(f"{escape(term.title)} [{DIM}]({escape(term.term)})[/]" for term in answer.related)
        console.print(f"\nrelated terms: {near}", highlight=False)
    if answer.did_you_mean is not None:
        console.print(f"\ndid you mean [bold]{escape(answer.did_you_mean)}[/]?", highlight=False)
    if answer.total > len(answer.hits):
        errors.print(f"[{DIM}]{len(answer.hits)} of {answer.total:,} products; --limit shows more[/]", highlight=False)
    asked = next((hit.port for hit in answer.hits if not hit.readable), None)
    if asked is not None:
        errors.print(f"[{DIM}]to read what you can't yet: mesh access request {asked} --help[/]", highlight=False)


def _hits_table(hits: list[Hit]) -> Table:
    made = table("product", "why", ("score", "right"), "freshness", "readable")
    for hit in hits:
        lines = [_reason(why.field, why.text) for why in hit.why[:_REASONS]] or [escape(hit.title or "")]
        lines += [f"[{DIM}]without {escape(', '.join(hit.without))}[/]"] if hit.without else []
        status = "" if hit.status == "active" else f" [yellow]{hit.status}[/]"
        made.add_row(
            *(f"[bold]{escape(hit.port)}[/]{status}", "\n".join(lines), score_text(hit.score)),
            *(state_text(hit.freshness), "[green]yes[/]" if hit.readable else "ask"),
        )
    return made


def _reason(field: str, text: str) -> str:
    shown = text if len(text) <= _LONGEST else text[:_LONGEST].rsplit(" ", 1)[0] + " …"
    return f"[{DIM}]{field}[/] {escape(shown)}"
