"""How figures are shown: one look for every benchmark's tables and verdicts."""

from __future__ import annotations

from rich.table import Table


def figures_table(*titles: str) -> Table:
    """Names at the left, figures at the right."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for index, title in enumerate(titles):
        made.add_column(title, justify="left" if index == 0 else "right", no_wrap=True)
    return made


def verdict(met: bool) -> str:
    return "[green]met[/]" if met else "[red]missed[/]"
