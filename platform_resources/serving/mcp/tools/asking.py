"""Asking for access, and what one has. Deciding is for people: there is no tool for it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Response
from pydantic import Field

from platform_resources.serving.access_requests import AccessAsked, RequestOut, request_out
from platform_resources.serving.access_requests import request_access as ask
from platform_resources.serving.answers import Answer
from platform_resources.serving.governance import PurposeOut, list_purposes
from platform_resources.serving.identity import Me, get_me
from platform_resources.serving.mcp.lookups import port_of
from platform_resources.serving.mcp.results import Found
from platform_resources.serving.mcp.sessions import reader
from platform_resources.serving.mcp.tools.arguments import ColumnName, Cursor, Product


class MyAccess(Answer):
    me: Me = Field(description="Who you act for, with clearances, and the grants that hold now.")
    requests: list[RequestOut] = Field(description="What was asked for and its state, newest first.")
    purposes: list[PurposeOut] = Field(description="What data may be read for; a read declares one.")


def request_access(
    product: Product,
    reason: Annotated[
        str,
        Field(
            description="Why the data is needed, in words: the approver reads it.",
            min_length=1,
            max_length=2000,
            examples=["Weekly report on churn for the board"],
        ),
    ],
    purpose: Annotated[
        str | None,
        Field(
            description="What it is read for: one of list_my_access's purposes; by default the token's or one's own.",
            max_length=63,
            examples=["analytics"],
        ),
    ] = None,
    role: Annotated[
        str | None,
        Field(
            description="A role that get_product lists under `access.roles`; by default its first.",
            max_length=200,
            examples=["customer_360_gdpr_reader"],
        ),
    ] = None,
    days: Annotated[int | None, Field(description="For how long; by default 90.", ge=1, le=3650)] = None,
    columns: Annotated[
        list[ColumnName] | None, Field(description="Only these columns; by default all.", max_length=1000)
    ] = None,
    consumer: Annotated[
        str | None,
        Field(
            description="Who would read: yourself (by default), `team:<name>`, or a service, agent or product that you "
            "answer for.",
            max_length=200,
        ),
    ] = None,
) -> Found[RequestOut]:
    """Ask the owner for the right to read a product. A person decides; the answer says who, and what stands in its way.

    Ask for the role and purpose that the task needs and give the true reason; agree it with the person you work for
    first. Asking for the same twice is refused. The state of a request: list_my_access.
    Example: {"product": "crm.customer_360", "purpose": "analytics", "reason": "Weekly report on churn"}.
    """
    me = reader()
    asked = AccessAsked(
        port=port_of(me, product).port.address,
        role=role,
        purpose=purpose,
        reason=reason,
        days=days,
        columns=columns,
        consumer=consumer,
    )
    made = ask(me.access, me.caller, asked, Response())
    waits = ("One of the people in `waits_for` decides next.",) if made.waits_for else ()
    return Found(made, hints=(*waits, "list_my_access tells when it is decided."))


def list_my_access(cursor: Cursor = None) -> Found[MyAccess]:
    """Who you act for, which products you may read until when and for what, and the state of your requests.

    Also the purposes that a read or a request may declare. Use it when a read is refused, before request_access, and to
    see whether a request was decided. Takes no arguments: {}.
    """
    me = reader()
    identity = me.caller.identity
    mine = {identity.id, *(f"team:{team}" for team in identity.teams)}
    found = [r for r in me.access.requests.list(me.caller) if r.requested_by == identity.id or r.consumer in mine]
    about = MyAccess(
        me=get_me(me),
        requests=[request_out(request) for request in sorted(found, key=lambda request: -request.id)],
        purposes=list_purposes(me).purposes,
    )
    return Found(about, lists=("me.grants", "requests"), cursor=cursor)
