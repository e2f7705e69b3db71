"""What is due and in which order: pure decisions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from platform_resources.orchestration.due import Built, Node, batches, due_nodes, is_due, next_tick

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def node(address: str, *deps: str, version: str | None = None, refresh: str = "on_update") -> Node:
    key = tuple(address.split("."))
    return Node(key, key[0], frozenset(tuple(dep.split(".")) for dep in deps), version, refresh)


def order(*nodes: Node) -> list[tuple[str, list[str]]]:
    return [(domain, [".".join(item.key) for item in batch]) for domain, batch in batches(nodes)]


def built(**at: float) -> dict[tuple[str, ...], Built]:
    return {tuple(name.split("__")): Built(moment, None) for name, moment in at.items()}


class TestBatches:
    def test_a_table_comes_before_its_port_and_a_port_before_its_readers(self) -> None:
        assert order(
            node("b.y.v1", "b.internal.y"),
            node("b.internal.y", "a.x.v1"),
            node("a.x.v1", "a.internal.x"),
            node("a.internal.x", "a.internal.feed"),
        ) == [("a", ["a.internal.x", "a.x.v1"]), ("b", ["b.internal.y", "b.y.v1"])]

    def test_a_domain_runs_again_when_it_reads_what_another_made_of_it(self) -> None:
        found = order(
            node("a.x.v1"), node("b.y.v1", "a.x.v1"), node("a.z.v1", "b.y.v1"), node("a.w.v1", "a.z.v1", "a.x.v1")
        )
        assert found == [("a", ["a.x.v1"]), ("b", ["b.y.v1"]), ("a", ["a.z.v1", "a.w.v1"])]

    def test_what_can_run_together_does(self) -> None:
        """Few runs: each costs a second."""
        nodes = [node("a.x.v1"), node("a.y.v1"), node("b.z.v1", "a.x.v1"), node("b.w.v1", "a.y.v1")]
        assert [domain for domain, _ in batches(nodes)] == ["a", "b"]

    def test_the_order_does_not_hang_on_how_nodes_are_given(self) -> None:
        nodes = [node("a.x.v1"), node("b.y.v1", "a.x.v1"), node("c.z.v1"), node("b.u.v1", "c.z.v1")]
        assert batches(nodes) == batches(reversed(nodes))

    def test_dependencies_that_nobody_builds_here_are_no_obstacle(self) -> None:
        assert order(node("b.y.v1", "a.x.v1")) == [("b", ["b.y.v1"])]

    def test_nothing_is_nothing(self) -> None:
        assert batches([]) == []

    def test_a_circle_is_an_error_that_names_it(self) -> None:
        with pytest.raises(ValueError, match=r"circle.*a\.x\.v1, b\.y\.v1"):
            batches([node("a.x.v1", "b.y.v1"), node("b.y.v1", "a.x.v1"), node("c.z.v1")])
        with pytest.raises(ValueError, match=r"a\.x\.v1"):
            batches([node("a.x.v1", "a.x.v1")])


class TestIsDue:
    def test_what_was_never_built(self) -> None:
        assert is_due(node("a.x.v1"), {}, frozenset(), NOW)

    def test_what_is_older_than_something_it_reads(self) -> None:
        mine = node("a.x.v1", "a.internal.x", "b.y.v1")
        assert is_due(mine, built(a__x__v1=10, a__internal__x=5, b__y__v1=11), frozenset(), NOW)
        assert not is_due(mine, built(a__x__v1=10, a__internal__x=5, b__y__v1=9), frozenset(), NOW)
        assert not is_due(mine, built(a__x__v1=10), frozenset(), NOW)

    def test_what_was_updated_while_it_was_being_built(self) -> None:
        """The run had read its input when another process updated it."""
        mine, port = node("a.internal.x", "b.y.v1"), ("b", "y", "v1")
        state = {mine.key: Built(20, None, "mine", run_began=10)}
        assert is_due(mine, state | {port: Built(15, None, "theirs", run_began=14)}, frozenset(), NOW)
        assert not is_due(mine, state | {port: Built(9, None, "theirs", run_began=1)}, frozenset(), NOW)

    def test_what_its_own_run_updated_before_it_was_read(self) -> None:
        mine, table = node("a.x.v1", "a.internal.x"), ("a", "internal", "x")
        state = {mine.key: Built(20, None, "same", run_began=10), table: Built(15, None, "same", run_began=10)}
        assert not is_due(mine, state, frozenset(), NOW)

    def test_what_reads_something_that_is_being_built_now(self) -> None:
        mine = node("a.x.v1", "a.internal.x")
        assert is_due(mine, built(a__x__v1=10, a__internal__x=5), frozenset({("a", "internal", "x")}), NOW)

    def test_what_has_another_version_than_the_one_built(self) -> None:
        state = {("a", "x", "v1"): Built(10, "1.0.0")}
        assert is_due(node("a.x.v1", version="1.1.0"), state, frozenset(), NOW)
        assert not is_due(node("a.x.v1", version="1.0.0"), state, frozenset(), NOW)
        assert not is_due(node("a.x.v1", version=None), state, frozenset(), NOW)

    def test_what_has_a_cron_text_waits_for_its_time_whatever_it_reads(self) -> None:
        daily = node("a.x.v1", "b.y.v1", refresh="30 5 * * *")
        ran = datetime(2026, 3, 1, 10, 31, tzinfo=UTC).timestamp()  # 05:31 in New York
        state = {("a", "x", "v1"): Built(ran, None), ("b", "y", "v1"): Built(ran + 60, None)}
        assert not is_due(daily, state, frozenset({("b", "y", "v1")}), datetime(2026, 3, 2, 10, 29, tzinfo=UTC))
        assert is_due(daily, state, frozenset(), datetime(2026, 3, 2, 10, 30, tzinfo=UTC))


class TestNextTick:
    def test_a_cron_text_is_read_in_business_time(self) -> None:
        after = datetime(2026, 3, 2, 0, 0, tzinfo=UTC).timestamp()
        assert next_tick("30 5 * * *", after) == datetime(2026, 3, 2, 10, 30, tzinfo=UTC).timestamp()

    def test_the_night_the_clocks_change(self) -> None:
        """2026-03-08 is 23 hours long in New York: half past five comes an hour earlier in UTC."""
        after = datetime(2026, 3, 7, 10, 30, tzinfo=UTC).timestamp()
        assert next_tick("30 5 * * *", after) == datetime(2026, 3, 8, 9, 30, tzinfo=UTC).timestamp()

    def test_the_tick_itself_is_past(self) -> None:
        tick = datetime(2026, 3, 2, 10, 30, tzinfo=UTC).timestamp()
        assert next_tick("30 5 * * *", tick) == datetime(2026, 3, 3, 10, 30, tzinfo=UTC).timestamp()
        assert next_tick("30 5 * * *", tick - 1) == tick


class TestDueNodes:
    def test_what_depends_on_a_due_node_is_due_with_it(self) -> None:
        nodes = [node("a.internal.x", "a.internal.feed"), node("a.x.v1", "a.internal.x")]
        state = built(a__internal__feed=20, a__internal__x=10, a__x__v1=11)
        assert due_nodes(nodes, state, NOW, force=frozenset()) == nodes

    def test_nothing_is_due_when_all_is_newer_than_what_it_reads(self) -> None:
        nodes = [node("a.internal.x", "a.internal.feed"), node("a.x.v1", "a.internal.x")]
        state = built(a__internal__feed=5, a__internal__x=10, a__x__v1=11)
        assert due_nodes(nodes, state, NOW, force=frozenset()) == []

    def test_forced_nodes_and_what_follows_them(self) -> None:
        nodes = [node("a.internal.x", "a.internal.feed"), node("a.x.v1", "a.internal.x")]
        state = built(a__internal__feed=5, a__internal__x=10, a__x__v1=11)
        assert due_nodes(nodes, state, NOW, force=frozenset({nodes[0].key})) == nodes
        assert due_nodes(nodes, state, NOW, force=frozenset({nodes[1].key})) == [nodes[1]]

    def test_what_reads_something_that_was_never_built_waits(self) -> None:
        nodes = [node("b.internal.y", "a.x.v1"), node("b.y.v1", "b.internal.y"), node("b.z.v1")]
        assert due_nodes(nodes, {}, NOW, force=frozenset({("b", "y", "v1")})) == [nodes[2]]
