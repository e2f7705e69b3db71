"""Every command of the README and of `docs/` does what the page says; pictures and links lead somewhere."""

from __future__ import annotations

import re
import shlex
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.mesh.conftest import Mesh, Result, console_script, finish
from tests.running import free_port
from tests.tiny_mesh import REPOSITORY

_FOR_A_SHELL = re.compile(r"[|<>;&$`]")
DOORS = ("curl", "mesh query")  # how the lines of a console begin, by the door that they use
PAGES = sorted([REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")])


def commands(page: str) -> list[tuple[str, int]]:
    """The commands of a page's console blocks, each with the exit code that the page promises."""
    blocks = re.findall(r"```console\n(.*?)```", (REPOSITORY / page).read_text(encoding="utf-8"), re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    promised = [(line, re.search(r"# exit code (\d+)", line)) for line in lines]
    return [(line, int(match[1]) if match else 0) for line, match in promised]


def shell(mesh: Mesh, line: str) -> Result:
    """What the line does in a shell: a `mesh` command that needs none is run warm."""
    if line.startswith("mesh ") and not _FOR_A_SHELL.search(line):
        return mesh(*shlex.split(line, comments=True)[1:])
    return cold_shell(mesh, line)


def cold_shell(mesh: Mesh, line: str) -> Result:
    path = f"{Path(console_script('mesh')).parent}:{mesh.environment['PATH']}"
    return mesh.run("bash", "-c", line, env={"PATH": path})


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [
        "docs/operations.md",
        "docs/availability.md",
        "docs/anomalies.md",
        "docs/alerts.md",
        "docs/catalog.md",
        "docs/judging.md",
        "docs/scores.md",
    ],
)
def test_every_command_of_the_page_works(mesh: Mesh, page: str) -> None:
    for line, code in commands(page):
        done = shell(mesh, line)
        assert done.code == code, f"{line}\n{done.out}{done.err}"


@pytest.mark.slow(seconds=100)
def test_the_tour_refuses_keeps_and_mends(mesh: Mesh) -> None:
    """Every command of the README, the first of each kind started as its reader does; what it says between is true."""
    product, port = "mesh run crm.customer_360", "crm.customer_360.v1"
    started = set()
    before = mesh.status()[port]["publication"]
    served = []
    for line, code in commands("README.md"):
        if line.startswith("make "):
            continue
        kind = tuple(line.split()[:2])
        done = (shell if kind in started else cold_shell)(mesh, line)
        started.add(kind)
        assert done.code == code, f"{line}\n{done.out}{done.err}"
        if line.startswith(product):
            assert not code or "age_is_known_for_half" in done.out + done.err
            (count,) = mesh.query(f"select count(*) as n from {port}")
            served.append((mesh.status()[port]["publication"], count["n"]))
    refused, mended = served
    assert refused == (before, 2469)
    assert mended[0] == before + 1


@pytest.mark.slow(seconds=40)
def test_a_product_is_added_as_the_page_says(mesh: Mesh) -> None:
    text = (REPOSITORY / "docs/add-a-product.md").read_text(encoding="utf-8")
    for body in re.findall(r"```(?:yaml|sql)\n(.*?)```", text, re.DOTALL):
        file = mesh.project / body.split("\n", 1)[0].split()[-1]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(body, encoding="utf-8")
    for line, code in commands("docs/add-a-product.md"):
        done = shell(mesh, line)
        assert done.code == code, f"{line}\n{done.out}{done.err}"
    (row,) = mesh.query("select count(*) as days, sum(takings) as takings from sales.store_days.v1")
    (booked,) = mesh.query("select sum(net_sales) as takings from sales.bookings.v1")
    assert row["days"] > 30_000
    assert row["takings"] == booked["takings"]


@pytest.mark.slow(seconds=60)
def test_the_tour_of_governance(mesh: Mesh) -> None:
    """Files and commands of the page, one after the other; what it says between them is true."""
    text = (REPOSITORY / "docs/governance.md").read_text(encoding="utf-8")
    said: dict[str, str] = {}
    for kind, body in re.findall(r"```(yaml|console)\n(.*?)```", text, re.DOTALL):
        if "(a piece of the file)" in body:
            continue
        if kind == "yaml":
            file = mesh.project / body.split("\n", 1)[0].split()[-1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(body, encoding="utf-8")
            continue
        for line in (line.removeprefix("$ ") for line in body.splitlines() if line.startswith("$ ")):
            promised = re.search(r"# exit code (\d+)", line)
            done = shell(mesh, line)
            assert done.code == (int(promised[1]) if promised else 0), f"{line}\n{done.out}{done.err}"
            said[line.partition("#")[0].strip()] = done.out + done.err
    assert "of 6 publications would have been refused" in said["mesh whatif QUA-090-money-is-bounded.yaml"]
    assert "7 announced" not in said["mesh check --as-of 2027-02-01"]
    assert "in grace" in said["mesh check --as-of 2027-02-01"]
    assert "waived" in said["mesh check finance --as-of 2027-04-01"]
    assert "expired" in said["mesh check finance --as-of 2027-07-01"]
    for command in ("mesh diff sales.bookings", "mesh preview sales.bookings", "mesh check sales"):
        for consumer in ("crm.customer_360", "crm.customer_lifetime_value", "finance.revenue"):
            assert consumer in said[command], command
        assert "net_sales" in said[command]
    assert "Executive Dashboard" in said["mesh retire finance.revenue.v1"]
    assert "100 %" in said["mesh interop"]
    status = mesh.status()
    assert (status["finance.revenue.v1"]["published"], status["finance.revenue.v2"]["published"]) == (True, True)
    assert "line_count" not in mesh.query("select * from finance.revenue.v2 limit 1")[0]
    assert "line_count" in mesh.query("select * from finance.revenue.v1 limit 1")[0]


@pytest.mark.slow(seconds=40)
def test_reading_as_the_page_says(mesh: Mesh) -> None:
    """Each command and Python block, against a running API; three readers get three answers, the same by each door."""
    port = free_port()

    def here(text: str) -> str:
        return text.replace("127.0.0.1:8080", f"127.0.0.1:{port}").replace(".mesh/", f"{mesh.home}/")

    text = (REPOSITORY / "docs/consuming.md").read_text(encoding="utf-8")
    server = mesh.starts("serve", "--port", str(port))
    try:
        wait_for(f"http://127.0.0.1:{port}/api/v1/health")
        said: dict[str, str] = {}
        for kind, body in re.findall(r"```(python|console)\n(.*?)```", text, re.DOTALL):
            if kind == "python":
                done = mesh.run(sys.executable, "-c", here(body))
                assert done.code == 0, f"{body}\n{done.out}{done.err}"
                continue
            for line in (line.removeprefix("$ ") for line in body.splitlines() if line.startswith("$ ")):
                promised = re.search(r"# exit code (\d+)", line)
                done = shell(mesh, here(line))
                assert done.code == (int(promised[1]) if promised else 0), f"{line}\n{done.out}{done.err}"
                said[line.partition("#")[0].strip()] = done.out + done.err
    finally:
        server.terminate()
        finish(server)
    seen = {
        who: {door: next(out for line, out in said.items() if line.startswith(door) and who in line) for door in DOORS}
        for who in ("analyst", "service-desk", "campaign-agent")
    }
    for door in DOORS:
        assert "d***@example.com" in seen["analyst"][door]
        assert "dennis.boone" in seen["service-desk"][door]
        assert "***@example.com" in seen["campaign-agent"][door]
        assert "active" not in seen["campaign-agent"][door].partition("masked")[0]
    assert "Complaints of October" in said["mesh access show 1 --as maria.keller@retailer.example"]
    assert "customer_360_gdpr_reader" in said["mesh access grants --as analyst"]


def wait_for(url: str, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < until, f"nothing answers at {url}"
        time.sleep(0.2)


def test_make_targets_that_the_pages_name_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    for page in PAGES:
        for target in re.findall(r"(?:`|\$ )make ([a-z]+)", page.read_text(encoding="utf-8")):
            assert re.search(rf"^{target}:.*## ", makefile, re.MULTILINE), f"{page.name}: make {target}"


def test_links_and_pictures_lead_to_files() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
