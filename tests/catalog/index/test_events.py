"""Whatever happens to the mesh: the index that followed it is, byte for byte, the one that is made from nothing."""

from __future__ import annotations

import random
import shutil

import pytest

from platform_resources.control.tables import ratings, usage
from platform_resources.lake import PortAddress, connect, retire, utc_now
from tests.catalog.index.conftest import run_python
from tests.shipped import ShippedMesh, make_shipped

EXPORT = "from platform_resources.cli.app import main; main()"


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> ShippedMesh:
    """Of this module alone: it is broken in many ways."""
    return make_shipped(tmp_path_factory.mktemp("shipped"), publications=1)


class Events:
    """Things that happen to a mesh; each may happen at any time."""

    def __init__(self, mesh: ShippedMesh, index) -> None:
        self.mesh, self.settings, self.control = mesh, mesh.settings, index._renewal._control
        self.ports = ["crm.customer_360.v1", "finance.revenue.v1", "sales.bookings.v1", "inventory.inventory_levels.v1"]

    def publish(self, chance: random.Random) -> None:
        self.mesh.publish(chance.choice(self.ports))

    def retire(self, chance: random.Random) -> None:
        port = PortAddress.parse(chance.choice(self.ports))
        with connect(self.settings, own=port.domain) as con:
            retire(con, self.settings, port=port, run_id="end", now=utc_now(), reason="Nobody reads it.")

    def edit_contract(self, chance: random.Random) -> None:
        port = PortAddress.parse(chance.choice(self.ports))
        file = self.settings.domains / port.domain / "products" / port.product / f"v{port.major}.odcs.yaml"
        text = file.read_text()
        file.write_text(text.replace("  purpose: ", f"  purpose: Edited {chance.randrange(1000)}. ", 1))

    def edit_glossary(self, chance: random.Random) -> None:
        file = self.settings.domains / chance.choice(["crm", "sales", "finance"]) / "glossary.yaml"
        file.write_text(file.read_text().replace("definition: ", f"definition: Edited {chance.randrange(1000)} ", 1))

    def break_domain(self, chance: random.Random) -> None:
        file = self.settings.domains / chance.choice(["crm", "inventory"]) / "domain.yaml"
        text = file.read_text()
        file.write_text(text.removeprefix("{[") if text.startswith("{[") else f"{{[{text}")  # and mended again

    def break_product(self, chance: random.Random) -> None:
        file = self.settings.domains / "supply_chain" / "products" / "demand_forecast" / "v1.odcs.yaml"
        text = file.read_text()
        file.write_text(text.removeprefix("{[") if text.startswith("{[") else f"{{[{text}")

    def rate(self, chance: random.Random) -> None:
        who, product = f"reader{chance.randrange(9999)}", chance.choice(self.ports).removesuffix(".v1")
        with self.control.writing() as connection:
            row = {"product": product, "identity": who, "stars": chance.randint(1, 5), "at": utc_now()}
            connection.execute(ratings.insert().prefix_with("OR REPLACE"), row)

    def read(self, chance: random.Random) -> None:
        facts = {"consumer": f"reader{chance.randrange(9999)}", "column": "", "reads": 3, "rows": 1, "bytes": 1}
        row = {"day": utc_now().date().isoformat(), "port": chance.choice(self.ports), **facts}
        with self.control.writing() as connection:
            connection.execute(usage.insert().prefix_with("OR REPLACE"), row)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_index_that_followed_events_is_the_one_made_from_nothing(shipped, open_index, index, seed):
    chance, events = random.Random(seed), Events(shipped, index)
    kinds = [getattr(events, name) for name in dir(Events) if not name.startswith("_")]
    other = open_index()  # two processes follow the same mesh
    for happen in chance.sample(kinds, len(kinds)):
        happen(chance)
        chance.choice([index, other]).renew(at_once=True)
    index.renew(at_once=True)
    followed = index.export()
    shutil.rmtree(shipped.settings.home / "catalog")
    assert open_index().export() == followed
    index.rebuild()
    assert index.export() == other.export() == followed


def test_another_process_makes_the_same_index_from_nothing(shipped, index):
    index.renew(at_once=True)
    followed = index.export()
    index.close()
    shutil.rmtree(shipped.settings.home / "catalog")
    assert run_python(shipped, EXPORT, "catalog", "export") == followed
