"""Completions of the arguments of resources and prompts: names that the caller may know of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mcp_types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from platform_resources.serving.limits import Threads
from platform_resources.serving.mcp.resources import TERM
from platform_resources.serving.mcp.sessions import reader
from platform_resources.serving.readers import Reader

_MOST = 100  # as the protocol allows


async def complete(
    threads: Threads,
    ref: PromptReference | ResourceTemplateReference,
    argument: CompletionArgument,
    context: CompletionContext | None,
) -> Completion:
    """Values of an argument that begin with, or hold, what was typed."""
    chosen = (context.arguments if context is not None else None) or {}
    template = ref.uri if isinstance(ref, ResourceTemplateReference) else None
    known = await threads.small(lambda: sorted(set(_values(reader(), template, argument.name, chosen))))
    typed = argument.value.lower()
    begun = [value for value in known if value.lower().startswith(typed)]
    found = begun + [value for value in known if typed in value.lower() and value not in begun]
    return Completion(values=found[:_MOST], total=len(found), has_more=len(found) > _MOST)


def _values(me: Reader, template: str | None, name: str, chosen: Mapping[str, str]) -> Iterator[str]:
    if template is None:
        if name == "product":
            yield from (state.product.address for _, ports in me.domains() for state in ports)
        elif name in ("one", "other"):
            yield from me.documents.glossary.terms
        return
    domain, product = chosen.get("domain"), chosen.get("product")
    if template == TERM:
        for term in me.documents.glossary.terms.values():
            if name == "domain":
                yield term.domain
            elif name == "term" and domain in (None, term.domain):
                yield term.name
        return
    for _, ports in me.domains():
        for state in ports:
            of = state.product
            if name == "domain":
                yield of.domain
            elif name == "product" and domain in (None, of.domain):
                yield of.name
            elif name == "major" and (domain, product) == (of.domain, of.name):
                yield str(state.port.major)
