"""Glossaries of two domains and a product of each: what is refused, what is warned of, where, and how it is mended."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from platform_resources.contracts import Mesh, load_mesh
from platform_resources.governance import (
    Council,
    Judgement,
    PublishedPort,
    Tier,
    bindings_by_term,
    compare_terms,
    load_glossary,
    sentence,
    term_of_link,
)
from platform_resources.governance.glossary import judge_glossaries
from platform_resources.governance.relations import RELATION_TYPES, Edge, RelationGraph
from platform_resources.governance.terms import normal
from tests.tiny_mesh import DOMAIN, PRODUCT, REPOSITORY

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
COUNCIL = Council(None)
MEANING = "What the shop has in its books on that day."

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: {domain}.{name}.v1
name: {name}
version: 1.0.0
status: active
domain: {domain}
description: {{purpose: For tests., usage: Read it., limitations: For tests only.}}
schema:
  - name: {name}
    physicalName: {name}
    logicalType: object
    physicalType: table
    dataGranularityDescription: One row each.
    properties:
{columns}
      - name: landed_at
        logicalType: timestamp
        physicalType: TIMESTAMP WITH TIME ZONE
        required: true
        classification: internal
        description: When it landed.
        authoritativeDefinitions: [{{type: glossary, url: "{landed}"}}]
slaProperties:
  - {{property: freshness, value: P1D, element: {name}.landed_at}}
team:
  name: {domain} team
  members: [{{username: {domain}@retailer.example, role: owner}}]
customProperties:
  - {{property: tier, value: {tier}}}
"""

COLUMN = """\
      - name: {name}
        logicalType: integer
        physicalType: BIGINT
        classification: internal
        description: A number.
"""


def term(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "title": name.replace("_", " ").capitalize(), "definition": MEANING, **more}


LANDED = term("landed_at", definition="When the till wrote the batch that brought the row.")


class Project:
    """Two domains, `shop` and `ledger`. Every product has a column `landed_at`, bound to the shop's term."""

    def __init__(self, root: Path) -> None:
        self.domains = root / "domains"
        for domain in ("shop", "ledger"):
            (self.domains / domain).mkdir(parents=True)
            (self.domains / domain / "domain.yaml").write_text(DOMAIN.format(name=domain))
        self.glossary("shop")
        self.glossary("ledger")

    def glossary(self, domain: str, *terms: dict[str, Any]) -> Path:
        own = [LANDED] if domain == "shop" else []
        file = self.domains / domain / "glossary.yaml"
        file.write_text(yaml.safe_dump({"domain": domain, "terms": [*own, *terms]}, sort_keys=False))
        return file

    def product(self, domain: str, name: str, columns: dict[str, str | None], tier: str = "gold") -> Path:
        """A product with the columns, each with its link into a glossary."""
        folder = self.domains / domain / "products" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "product.odps.yaml").write_text(PRODUCT.format(domain=domain, name=name, inputs=""))
        texts = []
        for column, link in columns.items():
            text = COLUMN.format(name=column)
            if link is not None:
                text += f'        authoritativeDefinitions: [{{type: glossary, url: "{link}"}}]\n'
            texts.append(text)
        landed = "glossary.yaml#landed_at" if domain == "shop" else "../shop/glossary.yaml#landed_at"
        file = folder / "v1.odcs.yaml"
        file.write_text(
            CONTRACT.format(domain=domain, name=name, columns="".join(texts).rstrip("\n"), tier=tier, landed=landed)
        )
        return file

    @property
    def mesh(self) -> Mesh:
        mesh = load_mesh(self.domains)
        assert not mesh.findings, mesh.findings
        return mesh

    def judge(self, *published: str, domain: str | None = None, council: Council = COUNCIL) -> list[Judgement]:
        mesh = self.mesh
        served = {}
        for address in published:
            text = mesh.ports[address][1].contract.file.read_text()
            served[address] = PublishedPort(address, 1, "1.0.0", text, NOW, NOW)
        return judge_glossaries(mesh, council, served, domain=domain)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def told(judgements: list[Judgement]) -> list[tuple[str, str, str | None]]:
    return sorted(((i.finding.code, i.standing, i.product) for i in judgements), key=str)


class TestBinding:
    @pytest.mark.parametrize(
        ("tier", "expected"),
        [
            ("gold", [("term-unbound", "blocks", "shop.stock")]),
            ("silver", [("term-unbound", "warns", "shop.stock")]),
            ("bronze", []),
        ],
    )
    def test_an_unbound_column_blocks_gold_and_warns_silver(
        self, project: Project, tier: str, expected: list[tuple[str, str, str]]
    ) -> None:
        file = project.product("shop", "stock", {"quantity": None}, tier)
        judged = project.judge()
        assert told(judged) == expected
        for item in judged:
            assert (item.finding.file, item.column) == (file, "quantity")
            assert "name: quantity" in file.read_text().splitlines()[item.finding.line - 1]

    def test_the_council_may_ask_more_or_less_of_a_tier(self, project: Project) -> None:
        project.product("shop", "stock", {"quantity": None}, "silver")
        strict = Council(None, tiers={"silver": Tier("silver", {"glossary": "required"})})
        assert told(project.judge(council=strict)) == [("term-unbound", "blocks", "shop.stock")]
        lenient = Council(None, tiers={"silver": Tier("silver", {"glossary": "optional"})})
        assert project.judge(council=lenient) == []

    def test_the_remedy_of_an_unbound_column_names_the_term_that_is_called_so_and_works(self, project: Project) -> None:
        project.glossary("ledger", term("quantity_on_hand", synonyms=["Quantities"]))
        project.product("shop", "stock", {"quantity": None})
        (item,) = project.judge()
        link = item.finding.remedy.partition('url: "')[2].partition('"')[0]
        assert link == "../ledger/glossary.yaml#quantity_on_hand"
        project.product("shop", "stock", {"quantity": link})
        assert project.judge() == []

    @pytest.mark.parametrize(
        "link",
        [
            "glossary.yaml#quantitty",
            "../ledger/glossary.yaml#quantity",
            "../../shop/glossary.yaml#quantity",
            "/etc/glossary.yaml#quantity",
            "https://example.org/glossary.yaml#quantity",
            "glossary.yaml",
            "../shop/../ledger/glossary.yaml#quantity",
        ],
    )
    def test_a_link_that_leads_nowhere_blocks(self, project: Project, link: str) -> None:
        project.glossary("shop", term("quantity"))
        file = project.product("shop", "stock", {"quantity": link})
        (item,) = project.judge()
        assert told([item]) == [("term-missing", "blocks", "shop.stock")]
        assert link in file.read_text().splitlines()[item.finding.line - 1]
        assert item.finding.path.endswith(".url")

    def test_a_typing_error_is_told_with_what_was_meant(self, project: Project) -> None:
        project.glossary("shop", term("quantity"))
        project.product("shop", "stock", {"quantity": "glossary.yaml#quantitty"})
        (item,) = project.judge()
        assert '"glossary.yaml#quantity"' in item.finding.remedy

    def test_a_term_that_another_domain_took_away_does_not_stop_what_is_published(self, project: Project) -> None:
        project.product("shop", "stock", {"quantity": "../ledger/glossary.yaml#quantity"})
        assert told(project.judge("shop.stock.v1")) == [("term-missing", "warns", "shop.stock")]

    @pytest.mark.parametrize("link", ["glossary://ledger/quantity", "../ledger/glossary.yaml#quantity"])
    def test_terms_of_other_domains_are_found(self, project: Project, link: str) -> None:
        project.glossary("ledger", term("quantity"))
        project.product("shop", "stock", {"quantity": link})
        assert project.judge() == []
        assert term_of_link(link, "shop") == "ledger.quantity"

    def test_columns_are_listed_by_term(self, project: Project) -> None:
        project.glossary("shop", term("quantity"))
        project.product("shop", "stock", {"quantity": "glossary.yaml#quantity"})
        project.product("ledger", "books", {"quantity": "../shop/glossary.yaml#quantity"})
        bound = bindings_by_term(project.mesh)["shop.quantity"]
        assert [binding.address for binding in bound] == ["ledger.books.v1.quantity", "shop.stock.v1.quantity"]


class TestOneMeaning:
    def conflict(self, project: Project, **relation: Any) -> None:
        project.glossary("shop", term("revenue", definition="All that the tills have booked, before anything."))
        project.glossary(
            "ledger", term("income", synonyms=["Revenues"], **({"relations": [relation]} if relation else {}))
        )
        project.product("shop", "stock", {"revenue": "glossary.yaml#revenue"})
        project.product("ledger", "books", {"revenue": "glossary.yaml#income"})

    def test_two_domains_that_define_a_word_differently_are_refused_at_both_files(self, project: Project) -> None:
        self.conflict(project)
        judged = [item for item in project.judge() if item.finding.code == "term-conflict"]
        assert all(item.blocks for item in judged)
        assert sorted(str(item.product) for item in judged) == ["None", "None", "ledger.books", "shop.stock"]
        files = {item.finding.file.parent.name for item in judged if item.product is None}
        assert files == {"shop", "ledger"}
        assert all("“revenue”" in item.finding.message for item in judged)

    @pytest.mark.parametrize("kind", sorted(RELATION_TYPES))
    def test_any_relation_tells_them_apart(self, project: Project, kind: str) -> None:
        self.conflict(project, type=kind, term="shop.revenue", note="Less the discounts.")
        assert "term-conflict" not in {item.finding.code for item in project.judge()}

    def test_a_newcomer_does_not_stop_what_is_published(self, project: Project) -> None:
        self.conflict(project)
        judged = [item for item in project.judge("shop.stock.v1") if item.finding.code == "term-conflict"]
        standing = {(item.product, item.finding.file.parent.name): item.standing for item in judged}
        assert standing == {
            (None, "ledger"): "blocks",
            (None, "shop"): "warns",
            ("ledger.books", "books"): "blocks",
            ("shop.stock", "stock"): "warns",
        }

    def test_a_new_product_that_binds_the_published_term_is_not_stopped_either(self, project: Project) -> None:
        self.conflict(project)
        project.product("ledger", "second", {"sales": "../shop/glossary.yaml#revenue"})
        judged = [item for item in project.judge("shop.stock.v1") if item.finding.code == "term-conflict"]
        standing = {item.product: item.standing for item in judged if item.product}
        assert standing == {"shop.stock": "warns", "ledger.second": "warns", "ledger.books": "blocks"}

    def test_of_two_that_are_both_published_none_is_stopped(self, project: Project) -> None:
        self.conflict(project)
        judged = [item for item in project.judge("shop.stock.v1", "ledger.books.v1") if item.product]
        assert {item.standing for item in judged} == {"warns"}

    def test_the_same_definition_in_two_domains_is_no_conflict(self, project: Project) -> None:
        project.glossary("shop", term("revenue"))
        project.glossary("ledger", term("revenue"))
        assert project.judge() == []

    def test_of_one_domain_only_its_own_judgements_are_told(self, project: Project) -> None:
        self.conflict(project)
        judged = project.judge(domain="ledger")
        assert {item.product for item in judged} == {None, "ledger.books"}
        assert all("ledger" in item.finding.file.parts for item in judged)

    def test_a_chain_counts_when_it_goes_one_way(self, project: Project) -> None:
        between = term("net", definition="What is left of it after the discounts, in full.")
        down = [{"type": "derived_from", "term": "shop.revenue"}]
        project.glossary("shop", term("revenue", definition="All that the tills have booked, in full."))
        chain = [{"type": "part_of", "term": "ledger.net"}]
        project.glossary("ledger", {**between, "relations": down}, term("revenues", relations=chain))
        assert project.judge() == []
        chain = [{"type": "related", "term": "ledger.net"}]  # beside a part of it: that says nothing
        project.glossary("ledger", {**between, "relations": down}, term("revenues", relations=chain))
        assert {item.finding.code for item in project.judge()} == {"term-conflict"}

    def test_a_word_has_one_meaning_within_a_domain(self, project: Project) -> None:
        file = project.glossary("shop", term("quantity"), term("pieces", synonyms=["Quantity"]))
        (item,) = project.judge()
        assert told([item]) == [("term-twice", "blocks", None)]
        assert file.read_text().splitlines()[item.finding.line - 1].endswith("name: pieces")
        same = [{"type": "same_as", "term": "shop.quantity"}]
        project.glossary("shop", term("quantity"), term("pieces", synonyms=["Quantity"], relations=same))
        assert project.judge() == []


class TestOtherTerm:
    def test_a_column_called_like_one_term_and_bound_to_another_is_flagged(self, project: Project) -> None:
        project.glossary("shop", term("quantity"), term("price", definition="What a piece costs at the till."))
        project.product("shop", "stock", {"quantity": "glossary.yaml#price"})
        (item,) = project.judge()
        assert told([item]) == [("term-other", "warns", "shop.stock")]
        assert '"glossary.yaml#quantity"' in item.finding.remedy

    def test_the_one_other_domain_that_has_the_word_counts_too(self, project: Project) -> None:
        project.glossary("shop", term("price", definition="What a piece costs at the till."))
        project.glossary("ledger", term("quantity"))
        project.product("shop", "stock", {"quantities": "glossary.yaml#price"})
        assert told(project.judge()) == [("term-other", "warns", "shop.stock")]

    def test_terms_that_are_the_same_are_not_told_apart(self, project: Project) -> None:
        same = [{"type": "same_as", "term": "ledger.quantity"}]
        project.glossary("shop", term("pieces", relations=same))
        project.glossary("ledger", term("quantity"))
        project.product("shop", "stock", {"quantity": "glossary.yaml#pieces"})
        assert project.judge() == []


class TestGlossaryFile:
    @pytest.mark.parametrize(
        ("terms", "code", "said"),
        [
            ([term("a_b", relations=[{"type": "narower", "term": "shop.landed_at"}])], "relation-type", "narrower"),
            ([term("a_b", relations=[{"type": "not_the_same_as", "term": "shop.landed_at"}])], "relation-type", "excl"),
            ([term("a_b", relations=[{"type": "broader", "term": "shop.landet_at"}])], "term-missing", "landed_at"),
            ([term("a_b", relations=[{"type": "broader", "term": "shop.a_b"}])], "term-contradiction", "Delete"),
            ([term("a_b"), term("a_b")], "term-twice", "Keep one"),
            ([{"name": "a_b", "title": "AB"}], "missing-key", "definition"),
            ([term("A B")], "wrong-form", "match"),
            ([term("a_b", meaning="x")], "unknown-key", "knows"),
        ],
    )
    def test_what_is_wrong_is_told_with_its_place_and_a_remedy(
        self, project: Project, terms: list[dict[str, Any]], code: str, said: str
    ) -> None:
        file = project.glossary("shop", *terms)
        item = next(item for item in project.judge() if item.finding.code == code)
        assert (item.standing, item.finding.file, item.product) == ("blocks", file, None)
        assert item.finding.line > 2
        assert said in item.finding.remedy

    @pytest.mark.parametrize(
        ("more", "code"),
        [
            ({"definition": "A quantity."}, "term-definition"),
            ({"definition": "The quantity is the quantity of this quantity."}, "term-definition"),
            ({"formula": "sum(shop.lines)"}, "term-formula"),
            ({"formula": "opening_stock - sold_pieces"}, "term-formula"),
        ],
    )
    def test_definitions_that_say_nothing_are_warned_of(
        self, project: Project, more: dict[str, Any], code: str
    ) -> None:
        project.glossary("shop", term("quantity", **more))
        found = project.judge()
        assert {(item.finding.code, item.standing) for item in found} == {(code, "warns")}

    def test_formulas_may_name_terms_and_columns_and_be_written_in_words(self, project: Project) -> None:
        formula = "quantity - ledger.quantity where landed_at < 'some_zone', as of count_if(landed_at) of shop.stock.v1"
        project.glossary("shop", term("stock", formula=formula))
        project.glossary("ledger", term("quantity"))
        assert project.judge() == []

    def test_formulas_that_lead_back_to_themselves_are_warned_of(self, project: Project) -> None:
        project.glossary("shop", term("gross", formula="net + 1"), term("net", formula="gross - 1"))
        (item,) = project.judge()
        assert (item.finding.code, item.standing) == ("term-circular", "warns")
        assert "shop.gross → shop.net → shop.gross" in item.finding.message

    def test_a_glossary_that_is_no_yaml_blocks_its_own_products_and_warns_others(self, project: Project) -> None:
        project.product("shop", "stock", {})
        project.product("ledger", "books", {})
        (project.domains / "shop" / "glossary.yaml").write_text("domain: shop\nterms: [a: b: c]\n")
        assert {(item.standing, item.product) for item in project.judge()} == {
            ("blocks", None),
            ("blocks", "shop.stock"),
            ("warns", "ledger.books"),
        }

    def test_a_link_to_a_file_elsewhere_is_refused(self, project: Project, tmp_path: Path) -> None:
        elsewhere = tmp_path / "elsewhere.yaml"
        elsewhere.write_text("domain: shop\nterms: []\n")
        file = project.domains / "shop" / "glossary.yaml"
        file.unlink()
        file.symlink_to(elsewhere)
        assert [item.finding.code for item in project.judge()] == ["symlink-outside"]


def edges(*written: tuple[str, str, str]) -> RelationGraph:
    return RelationGraph(Edge(*edge) for edge in written)


class TestRelations:
    def test_every_type_has_an_inverse_that_turns_back_and_stands_in_the_schema(self) -> None:
        assert len(RELATION_TYPES) <= 14
        for kind in RELATION_TYPES.values():
            inverse = RELATION_TYPES[kind.inverse]
            assert inverse.inverse == kind.name
            assert inverse.rises == -kind.rises
        file = REPOSITORY / "platform_resources" / "governance" / "glossary.schema.json"
        schema = json.loads(file.read_text())["$defs"]["relation"]["properties"]["type"]
        assert schema["enum"] == list(RELATION_TYPES)
        assert len(schema["enumDescriptions"]) == len(RELATION_TYPES)
        for kind, text in zip(RELATION_TYPES.values(), schema["enumDescriptions"], strict=True):
            assert kind.means in text
            assert (f"Inverse: {kind.inverse}." if kind.inverse != kind.name else "Symmetric") in text

    @pytest.mark.parametrize(
        "written",
        [
            [("a", "broader", "b"), ("b", "broader", "c"), ("c", "broader", "a")],
            [("a", "precedes", "b"), ("a", "follows", "b")],
            [("a", "part_of", "b"), ("b", "same_as", "c"), ("c", "part_of", "a")],
            [("a", "derived_from", "b"), ("a", "same_as", "b")],
            [("a", "same_as", "b"), ("b", "same_as", "c"), ("a", "different_from", "c")],
            [("a", "same_as", "b"), ("b", "excludes", "a")],
            [("a", "part_of", "b"), ("b", "excludes", "a")],
            [("a", "related", "a")],
        ],
    )
    def test_what_cannot_hold_together_is_told(self, written: list[tuple[str, str, str]]) -> None:
        assert len(edges(*written).contradictions()) == 1

    def test_a_diamond_is_no_circle(self) -> None:
        graph = edges(("a", "broader", "b"), ("a", "broader", "c"), ("b", "broader", "d"), ("c", "broader", "d"))
        assert graph.contradictions() == []

    def test_a_chain_of_ten_thousand_terms_is_walked(self) -> None:
        chain = [(f"t{n}", "narrower", f"t{n + 1}") for n in range(10_000)]
        graph = edges(*chain)
        assert graph.contradictions() == []
        assert "t10000" in graph.told_apart("t0")
        (found,) = edges(*chain, ("t10000", "narrower", "t0")).contradictions()
        assert found.reason.startswith("`broader` runs in a circle")


@pytest.mark.parametrize(
    ("one", "other"),
    [("Gross_Bookings", "gross booking"), ("categories", "Category"), ("e-mail addresses", "E-Mail address")],
)
def test_case_separators_and_plurals_do_not_tell_words_apart(one: str, other: str) -> None:
    assert normal(one) == normal(other)


@pytest.fixture(scope="module")
def mesh() -> Mesh:
    return load_mesh(REPOSITORY / "domains")


class TestShipped:
    """The glossary that comes with the mesh: the three definitions that used to be called revenue."""

    def test_nothing_is_found(self, mesh: Mesh) -> None:
        assert [str(item.finding) for item in judge_glossaries(mesh, COUNCIL, {})] == []

    def test_revenue_and_bookings_are_told_apart(self, mesh: Mesh) -> None:
        glossary = load_glossary(mesh)
        found = compare_terms(glossary, "finance.revenue", "sales.bookings", bindings_by_term(mesh))
        assert found.standing == "told apart"
        assert [(edge.start, edge.type, edge.end) for edge in found.between] == [
            ("finance.revenue", "follows", "sales.bookings")
        ]
        assert "796193.29" in sentence(found.between[0])
        assert found.same_unit
        assert found.columns["finance.revenue"] == ("finance.revenue.v1",)

    @pytest.mark.parametrize(
        ("one", "other", "kinds"),
        [
            ("sales.bookings", "finance.customer_spend", {"different_from"}),
            ("finance.revenue", "finance.customer_spend", {"different_from"}),
            ("finance.net_revenue", "sales.gross_bookings", {"derived_from"}),
            ("sales.manufacturer_coupon", "finance.net_revenue", {"part_of"}),
            ("sales.manufacturer_coupon", "finance.customer_spend", {"excludes"}),
        ],
    )
    def test_the_three_definitions_stand_as_data_says(self, mesh: Mesh, one: str, other: str, kinds: set[str]) -> None:
        found = compare_terms(load_glossary(mesh), one, other)
        assert found.standing == "told apart"
        assert {edge.type for edge in found.between} == kinds

    def test_revenue_is_net_revenue(self, mesh: Mesh) -> None:
        assert compare_terms(load_glossary(mesh), "finance.revenue", "finance.net_revenue").standing == "same"

    def test_terms_that_have_nothing_to_do_with_each_other_are_unrelated(self, mesh: Mesh) -> None:
        assert compare_terms(load_glossary(mesh), "crm.age", "sales.quantity").standing == "unrelated"

    def test_people_find_terms_by_any_word(self, mesh: Mesh) -> None:
        glossary = load_glossary(mesh)
        found = {word: [term.address for term in glossary.find(word)] for word in ("Turnover", "baskets", "LTV", "nix")}
        assert found == {
            "Turnover": ["finance.revenue"],
            "baskets": ["crm.receipts", "sales.receipt"],
            "LTV": ["crm.lifetime_value"],
            "nix": [],
        }
