"""The text of a draft's test: the model on a few made-up rows of its sources, audited against its contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_resources.self_service.model_text import python_text

if TYPE_CHECKING:
    from platform_resources.self_service.new_product import WrittenModel
    from platform_resources.self_service.origins import Origin, World


def sample_test_text(world: World, origin: Origin, model: WrittenModel) -> str:
    """`tests/domains/test_<domain>_<product>.py`."""
    address = f"{world.domain}.{world.product}"
    imports = ["from platform_resources.self_service import audit_on_sample"]
    argument = ""
    if model.function is not None:
        imports.insert(0, f"from domains.{world.domain}.assets import {model.function}")
        argument = f", {model.function}.function"
    tables = _undeclared(world, origin)
    if tables:
        argument += ", tables=TABLES"
    lines = [
        f'"""{address} keeps its contract on a few made-up rows of what it is made of."""',
        "",
        "from __future__ import annotations",
        "",
        *imports,
        "",
    ]
    if tables:
        lines += ["# Columns of the private tables that no contract describes.", "TABLES = {"]
        for table, columns in tables.items():
            lines.append(f"    {python_text(table)}: {{")
            lines += [f"        {python_text(name)}: {python_text(type_)}," for name, type_ in columns]
            lines.append("    },")
        lines += ["}", ""]
    name = f"test_{world.product}_keeps_its_contract_on_a_sample"
    call = f'    audit = audit_on_sample("{address}"{argument})'
    if len(call) > 120:
        inner = [f'"{address}"', *[part.strip() for part in argument.split(",") if part.strip()]]
        call = "    audit = audit_on_sample(\n" + "".join(f"        {part},\n" for part in inner) + "    )"
    lines += [
        "",
        f"def {name}() -> None:",
        call,
        '    assert audit.passed, [f"{result.name}: {result.message}" for result in audit.results if result.blocks]',
    ]
    return "\n".join(lines) + "\n"


def _undeclared(world: World, origin: Origin) -> dict[str, list[tuple[str, str]]]:
    """Private tables that the model reads and that are neither a feed nor a product's table."""
    loaded = world.mesh.usable[world.domain].domain
    known = {source.table.name for source in loaded.sources} | {p.contract.table.physical_name for p in loaded.ports}
    known |= {origin.feed.name} if origin.feed else set()
    found = {}
    for part in origin.parts:
        if part.table is None or part.table[0] != world.domain or part.table[1] != "internal" or part.table[2] in known:
            continue
        found[".".join(part.table)] = list(origin.table_types.get(part.table, ()))
    return found
