"""A term and those that it stands beside, as a small picture: SVG without style or script, drawn here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from platform_resources.contracts.wording import counted
from platform_resources.governance.relations import RELATION_TYPES
from platform_resources.serving.glossary import RelationOut, TermDetail
from platform_resources.serving.portal.filters import term_link

_MOST = 12  # terms beside it; the sentences below the picture tell all
_WIDE, _HIGH, _GAP, _BETWEEN = 210, 40, 14, 190  # pixels of a box, between two boxes, between the two sides
_LETTERS = 26  # that fit into a box
_SAYS = re.compile(r"\{(a|b)\} (.+) \{(a|b)\}")


@dataclass(frozen=True)
class _Arrow:
    """How a relation is drawn from the term: what stands on the line, and at which ends it has a head."""

    says: str
    leaves: bool
    arrives: bool


def term_picture(term: TermDetail, titles: Mapping[str, str]) -> Markup | None:
    """The picture; None for a term that stands beside no other. `titles`: address -> what the term is called."""
    beside = term.relations[:_MOST]
    if not beside:
        return None
    height = len(beside) * (_HIGH + _GAP) - _GAP
    width = 2 * _WIDE + _BETWEEN
    middle = height / 2
    parts = [
        Markup(
            '<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="-2 -2 {bw} {bh}" role="group" '
            'aria-label="{label}">'
        ).format(w=width + 4, h=height + 4, bw=width + 4, bh=height + 4, label=_label(term, beside)),
        _box(0, middle - _HIGH / 2, term.title, term.term, "here"),
    ]
    for row, relation in enumerate(beside):
        y = row * (_HIGH + _GAP) + _HIGH / 2
        parts.append(_line(middle, y, _arrow(relation.type)))
        title = titles.get(relation.target, relation.target)
        box = _box(_WIDE + _BETWEEN, y - _HIGH / 2, title, relation.target, "box")
        parts.append(Markup('<a href="{}">{}</a>').format(term_link(relation.target), box))
    return Markup("").join([*parts, Markup("</svg>")])


def _label(term: TermDetail, beside: list[RelationOut]) -> str:
    return f"{term.title} and {counted(len(beside), 'term')} that it stands beside; the sentences below say how"


def _arrow(kind: str) -> _Arrow:
    found = _SAYS.fullmatch(RELATION_TYPES[kind].says)
    if found is None:
        return _Arrow(kind.replace("_", " "), leaves=False, arrives=False)
    first, says, _ = found.groups()
    symmetric = RELATION_TYPES[kind].inverse == kind
    return _Arrow(says, leaves=not symmetric and first == "b", arrives=not symmetric and first == "a")


def _line(middle: float, y: float, arrow: _Arrow) -> Markup:
    start, end = _WIDE + (7 if arrow.leaves else 0), _WIDE + _BETWEEN - (7 if arrow.arrives else 0)
    bend = _WIDE + 40
    path = f"M{start} {middle:g} C{bend} {middle:g} {_WIDE + 10} {y:g} {bend + 10} {y:g} L{end} {y:g}"
    drawn = Markup('<path class="line" d="{}"/>').format(path)
    if arrow.arrives:
        drawn += Markup('<path class="head" d="M{x} {a:g} l-8 -4.5 v9 Z"/>').format(x=_WIDE + _BETWEEN, a=y)
    if arrow.leaves:
        drawn += Markup('<path class="head" d="M{x} {a:g} l8 -4.5 v9 Z"/>').format(x=_WIDE, a=middle)
    text = Markup('<text class="says" x="{x}" y="{y:g}" text-anchor="end">{says}</text>')
    return drawn + text.format(x=_WIDE + _BETWEEN - 12, y=y - 6, says=arrow.says)


def _box(x: float, y: float, title: str, address: str, kind: str) -> Markup:
    return Markup(
        '<g><title>{address}</title><rect class="box {kind}" x="{x:g}" y="{y:g}" width="{w}" height="{h}" rx="5"/>'
        '<text x="{tx:g}" y="{ty:g}" text-anchor="middle">{title}</text>'
        '<text class="says" x="{tx:g}" y="{sy:g}" text-anchor="middle">{domain}</text></g>'
    ).format(
        address=address,
        kind=kind,
        x=x,
        y=y,
        w=_WIDE,
        h=_HIGH,
        tx=x + _WIDE / 2,
        ty=y + _HIGH / 2 - 2,
        sy=y + _HIGH / 2 + 13,
        title=title if len(title) <= _LETTERS else title[: _LETTERS - 1] + "…",
        domain=address.partition(".")[0],
    )
