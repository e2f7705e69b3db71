"""`mesh glossary`: terms, their relations, and who uses them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from platform_resources.cli.common import JsonFlag
from platform_resources.cli.output import console, errors, fail, print_json, table
from platform_resources.contracts import load_mesh
from platform_resources.contracts.findings import printable
from platform_resources.lake import MeshSettings

if TYPE_CHECKING:
    from platform_resources.governance import Binding, Comparison, Glossary, Term

Bound = Mapping[str, Sequence["Binding"]]

_UNIT_WIDTH = 9
_LONGEST_WAY = 3  # relations in a chain that still say something


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command(name="glossary")(glossary_command)


def glossary_command(
    words: Annotated[
        list[str] | None,
        typer.Argument(help="A term or any word for it; two of them are compared. Without any: all terms."),
    ] = None,
    json_output: JsonFlag = False,
) -> None:
    """What words mean: definition, formula, relations, columns; `mesh glossary revenue bookings` compares two."""
    from platform_resources.governance import bindings_by_term, compare_terms, load_glossary  # noqa: PLC0415  (30 ms)

    words = words or []
    mesh = load_mesh(MeshSettings.from_env().domains)
    glossary = load_glossary(mesh)
    for domain, finding in glossary.broken.items():
        errors.print(f"[yellow]the glossary of {domain} can't be read:[/] {escape(str(finding))}\n", highlight=False)
    bound = bindings_by_term(mesh)
    if len(words) > 2:
        fail('one term is looked up, two are compared; put words of several parts into quotes: "net revenue"', code=2)
    if not words:
        _list(glossary, bound, json_output)
        return
    found = [_find(glossary, word) for word in words]
    if len(words) == 1:
        if json_output:
            print_json([term_record(term, glossary, bound) for term in found[0]])
            return
        for number, term in enumerate(found[0]):
            if number:
                console.print()
            _print_term(term, glossary, bound)
        if len(found[0]) > 1:
            console.print(f"\n[dim]how they differ: mesh glossary {' '.join(t.address for t in found[0][:2])}[/]")
        return
    one, other = (_only(terms, word) for terms, word in zip(found, words, strict=True))
    comparison = compare_terms(glossary, one.address, other.address, bound)
    if json_output:
        print_json(comparison_record(comparison))
    else:
        _print_comparison(comparison)


def _find(glossary: Glossary, word: str) -> tuple[Term, ...]:
    found = glossary.find(word)
    if not found:
        close = glossary.close(word)
        hint = f"did you mean {', '.join(close)}?" if close else "`mesh glossary` lists all terms"
        fail(f"no glossary knows {word!r}; {hint}", code=2)
    return found


def _only(terms: tuple[Term, ...], word: str) -> Term:
    if len(terms) > 1:
        fail(f"{word!r} is the word for {', '.join(t.address for t in terms)}; name one of them", code=2)
    return terms[0]


def term_record(term: Term, glossary: Glossary, bound: Bound) -> dict[str, Any]:
    """A term as JSON; `relations` hold the inverse ones that other terms say, too."""
    return {
        "term": term.address,
        "title": term.title,
        "definition": term.definition,
        "formula": term.formula,
        "unit": term.unit,
        "synonyms": list(term.synonyms),
        "relations": [
            {"type": edge.type, "term": edge.end, "note": edge.note}
            for edge in glossary.graph.edges.get(term.address, ())
        ],
        "columns": [binding.address for binding in bound.get(term.address, ())],
        "file": str(term.origin.file),
        "line": term.origin.line,
    }


def comparison_record(comparison: Comparison) -> dict[str, Any]:
    """How two terms stand to each other, as JSON."""
    from platform_resources.governance import sentence  # noqa: PLC0415  (see glossary_command)

    return {
        "standing": comparison.standing,
        "relations": [
            {"from": edge.start, "type": edge.type, "to": edge.end, "note": edge.note, "says": sentence(edge)}
            for edge in comparison.between or comparison.way or ()
        ],
        "direct": bool(comparison.between),
        "same_unit": comparison.same_unit,
        "terms": [
            {
                "term": term.address,
                "title": term.title,
                "definition": term.definition,
                "formula": term.formula,
                "unit": term.unit,
                "columns": list(comparison.columns[term.address]),
            }
            for term in (comparison.one, comparison.other)
        ],
    }


def _list(glossary: Glossary, bound: Bound, json_output: bool) -> None:
    if json_output:
        print_json([term_record(term, glossary, bound) for term in glossary.terms.values()])
        return
    made = table("term", ("columns", "right"), "unit", "definition")
    if not glossary.terms:
        console.print("no domain defines a term yet; terms stand in domains/<domain>/glossary.yaml", highlight=False)
        return
    names = 2 + max((len(term.name) for term in glossary.terms.values()), default=0)
    for column in made.columns[:3]:
        column.no_wrap = True
    made.columns[2].min_width = made.columns[2].max_width = _UNIT_WIDTH
    rest = max(console.width - names - len("columns") - _UNIT_WIDTH - 3 * 2, 30)  # what the definition gets
    domain = None
    for term in glossary.terms.values():
        if domain != term.domain:
            if domain is not None:
                made.add_row()
            made.add_row(f"[bold]{term.domain}[/]")
            domain = term.domain
        columns = len(bound.get(term.address, ()))
        definition = term.definition if len(term.definition) <= rest else f"{term.definition[: rest - 1].rstrip()}…"
        cells = (f"  {term.name}", str(columns) if columns else "[dim]–[/]", _safe(term.unit or ""), _safe(definition))
        made.add_row(*cells)
    console.print(made, highlight=False)
    console.print(
        f"\n[dim]{len(glossary.terms)} terms; `mesh glossary TERM` tells all of one, two terms are compared[/]"
    )


def _safe(text: str) -> str:
    return escape(printable(text))


def _print_head(term: Term, *fields: tuple[str, str]) -> None:
    console.print(f"[bold]{_safe(term.title)}[/]  [dim]{term.address}[/]", highlight=False)
    console.print(Padding(_safe(term.definition), (0, 0, 0, 2), expand=False), highlight=False)
    for name, value in fields:
        _print_field(name, [_safe(" ".join(value.split()))] if value else [])


def _print_field(name: str, values: Sequence[str]) -> None:
    """`values`, one a line, under one name; wrapped lines stay in their column."""
    if values:
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(min_width=11)
        for number, value in enumerate(values):
            grid.add_row(f"  [dim]{name}[/]" if number == 0 else "", value)
        console.print(grid, highlight=False)


def _print_term(term: Term, glossary: Glossary, bound: Bound) -> None:
    _print_head(
        term, ("formula", term.formula or ""), ("unit", term.unit or ""), ("also", ", ".join(sorted(term.synonyms)))
    )
    relations = []
    for edge in glossary.graph.edges.get(term.address, ()):
        note = f"  [dim]{_safe(edge.note)}[/]" if edge.note else ""
        relations.append(f"{edge.type:<14} [bold]{edge.end}[/]{note}")
    _print_field("relations", relations)
    _print_columns([binding.address for binding in bound.get(term.address, ())])


def _print_columns(columns: Sequence[str]) -> None:
    _print_field("columns", columns or ["[dim]none[/]"])


def _print_comparison(comparison: Comparison) -> None:
    one, other = comparison.one, comparison.other
    verdict = {
        "same": "[green]the same[/]",
        "told apart": "[yellow]not the same[/]",
        "unrelated": "[red]no relation says how they stand to each other[/]",
    }[comparison.standing]
    console.print(f"[bold]{one.address}[/] and [bold]{other.address}[/]: {verdict}", highlight=False)
    if comparison.way and not comparison.between and len(comparison.way) <= _LONGEST_WAY:
        console.print("  [dim]joined only by way of others:[/]", highlight=False)
    for text in comparison.sentences if len(comparison.way or ()) <= _LONGEST_WAY else ():
        console.print(Padding(_safe(text), (0, 0, 0, 2), expand=False), highlight=False)
    for term in (one, other) if one is not other else (one,):
        console.print()
        _print_head(term, ("formula", term.formula or "–"), ("unit", term.unit or "–"))
        _print_columns(comparison.columns[term.address])
