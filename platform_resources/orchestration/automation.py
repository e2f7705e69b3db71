"""When assets run by themselves: conditions with no lost updates, one running sensor per domain, ingest schedules."""

from __future__ import annotations

import dagster as dg

BUSINESS_TIME_ZONE = "America/New_York"
AC = dg.AutomationCondition


def refresh_on_update(domain: str) -> dg.AutomationCondition:
    """Run when something upstream was updated, once, and in one run with what is about to be updated.

    Not `AutomationCondition.eager()`: that one forgets an update which arrives in the tick in which its child is
    requested (dagster issue 33587), because its reset carries no timing. Here `pending` is reset only by the asset's
    own update, whose time Dagster compares with the update's. An update that comes while a requested run builds may
    be too late to be read by it: it is `unread` until the next request (a build by hand is followed by one more for
    the same reason). Tables and ports of the own domain don't count there: the run itself updates them on its way.

    Failed blocking checks upstream do not hold it back: a version that failed was neither published nor materialized,
    so what is read is the last good one, and a failing product stops nobody else.
    """
    news = AC.any_deps_match(AC.newly_updated())
    own = dg.AssetSelection.groups(domain) - dg.AssetSelection.tag("mesh/layer", "source")
    pending = news.since(AC.newly_updated()).with_label("upstream_update_pending")
    unread = news.ignore(own).since(AC.newly_requested()).with_label("upstream_update_unread")
    in_one_run = AC.any_deps_match(AC.will_be_requested()).with_label("upstream_requested_now")
    may_retry = ~AC.execution_failed() | AC.any_deps_updated() | unread
    return (
        (pending | unread | in_one_run | AC.missing())
        & may_retry
        & ~AC.any_deps_missing()
        & ~AC.any_deps_in_progress()
        & ~AC.in_progress()
    ).with_label("refresh_on_update")


def refresh_on_cron(cron: str) -> dg.AutomationCondition:
    """Run at each tick of `cron` (business time zone), and at once when it was never built."""
    due = AC.cron_tick_passed(cron, BUSINESS_TIME_ZONE).since(AC.newly_requested() | AC.newly_updated())
    first = AC.missing() & (~AC.execution_failed() | AC.any_deps_updated())
    return ((due | first) & ~AC.any_deps_missing() & ~AC.any_deps_in_progress() & ~AC.in_progress()).with_label(
        "refresh_on_cron"
    )


def refresh_condition(refresh: str, domain: str) -> dg.AutomationCondition:
    """Condition of a contract's `refresh` property: ``on_update`` or a cron text."""
    return refresh_on_update(domain) if refresh == "on_update" else refresh_on_cron(refresh)


def automation_sensor(domain: str) -> dg.AutomationConditionSensorDefinition:
    """The domain's own sensor, running from the start: Dagster's implicit one is created stopped, at 30 s.

    It targets the domain's group, checks included, not all: in merged definitions no two sensors may share an asset.
    """
    return dg.AutomationConditionSensorDefinition(
        f"{domain}_automation",
        target=dg.AssetSelection.groups(domain),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=10,
    )
