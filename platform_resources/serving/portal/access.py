"""The pages of access: ask, follow what became of it, decide, end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError

from platform_resources.access.errors import (
    BadRequestError,
    ConflictError,
    DeniedError,
    UnknownPortError,
)
from platform_resources.serving.access_requests import (
    AccessAsked,
    Approve,
    Deny,
    Number,
    Revoke,
    approve_request,
    deny_request,
    request_access,
    revoke_grant,
    withdraw_request,
)
from platform_resources.serving.portal.access_opened import WHO_GIVES
from platform_resources.serving.portal.access_views import AccessViews, Offered
from platform_resources.serving.portal.pages import (
    NOTICES,
    PortalReader,
    Posted,
    PostedForm,
    asked_of,
    notice_of,
    render,
    see_other,
)
from platform_resources.serving.readers import Reader

router = APIRouter(prefix="/access")

NOTICES |= {
    "asked": "Your request is made.",
    "approved": "Approved.",
    "granted": "Approved: access holds from now on.",
    "denied": "Denied: the asker is told so, without a reason.",
    "denied-why": "Denied: the asker is told so, with your comment.",
    "withdrawn": "The request is withdrawn.",
    "revoked": "The grant is ended: the next read is refused.",
}

PortAddress = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True)
class Filled:
    """A form as it was filled in, and what is wrong with it: field -> message; "" is of the form as a whole."""

    values: Mapping[str, str] = field(default_factory=dict)
    columns: frozenset[str] | None = None  # None: all
    errors: Mapping[str, str] = field(default_factory=dict)


@router.get("")
def overview(request: Request, reader: PortalReader, on: PortAddress | None = None) -> Response:
    """What waits for one's decision, one's own requests and grants, and those that one decides over."""
    views = AccessViews(reader)
    own, others = views.requests()
    held, decided = views.grants(on)
    return render(
        request,
        reader,
        "access.html",
        **{"inbox": views.inbox(), "own": own, "others": others, "held": held, "decided": decided, "on": on},
        nothing=views.nothing(held),
    )


@router.get("/request")
def form(
    request: Request, reader: PortalReader, port: PortAddress, role: Annotated[str | None, Query(max_length=200)] = None
) -> Response:
    """The form to ask for access to a port."""
    offered = AccessViews(reader).offered(port)
    values = {"role": role or ""}
    own = reader.caller.purpose or reader.caller.identity.purpose
    if own in offered.purposes:
        values["purpose"] = own
    return _form(request, reader, offered, Filled(values))


@router.post("/requests")
def ask(posted: Posted) -> Response:
    """Ask. What is wrong is told at its field, and what was written stays."""
    reader, port = posted.reader, posted.text("port")
    if port is None:
        raise UnknownPortError("no port is named", "Ask from the page of a product.")
    offered = AccessViews(reader).offered(port)
    values = {name: posted.text(name) or "" for name in ("role", "purpose", "reason", "days", "consumer")}
    columns = frozenset(posted.texts("column")) if posted.text("which") == "some" else None
    errors = dict(_wrong(offered, values, columns))
    if not errors:
        try:
            asked = AccessAsked(
                port=port,
                role=values["role"] or None,
                purpose=values["purpose"] or None,
                reason=values["reason"],
                days=int(values["days"]),
                columns=None if columns is None else sorted(columns),
                consumer=values["consumer"] or None,
            )
            made = request_access(reader.access, reader.caller, asked, Response())
            return see_other(f"/access/requests/{made.id}", done="asked")
        except ValidationError as error:
            errors = {str(one["loc"][0] if one["loc"] else ""): one["msg"] for one in error.errors()}
        except (BadRequestError, ConflictError, DeniedError) as refusal:
            errors = {"": f"{refusal.message}. {refusal.remedy}".strip()}
            if isinstance(refusal.facts.get("request"), int):
                values["same"] = str(refusal.facts["request"])
    return _form(posted.request, reader, offered, Filled(values, columns, errors), status=422)


@router.get("/requests/{number}")
def show(request: Request, reader: PortalReader, number: Number) -> Response:
    """One request, with what became of it."""
    view = AccessViews(reader).request(number)
    told = notice_of(request)
    if request.query_params.get("done") in ("asked", "approved") and view.request.state == "pending":
        told = f"{told} It waits for {' or '.join(view.request.waits_for) or 'nobody who may decide'} now."
    return render(request, reader, "access_request.html", view=view, refused=None, done=told)


@router.post("/requests/{number}/approve")
def approve(posted: Posted, number: Number) -> Response:
    """Approve at the level that is open."""
    said = asked_of(Approve, comment=posted.text("comment"), conditions=posted.text("conditions"))
    reader = posted.reader

    def act() -> str:
        decided = approve_request(reader.access, reader.caller, number, said)
        return "granted" if decided.state == "approved" else "approved"

    return _decided(posted, number, act)


@router.post("/requests/{number}/deny")
def deny(posted: Posted, number: Number) -> Response:
    """Say no."""
    said = asked_of(Deny, comment=posted.text("comment"))
    reader = posted.reader

    def act() -> str:
        deny_request(reader.access, reader.caller, number, said)
        return "denied" if said.comment is None else "denied-why"

    return _decided(posted, number, act)


@router.post("/requests/{number}/withdraw")
def withdraw(posted: Posted, number: Number) -> Response:
    """Take back one's own request."""
    reader = posted.reader

    def act() -> str:
        withdraw_request(reader.access, reader.caller, number)
        return "withdrawn"

    return _decided(posted, number, act)


@router.post("/grants/{number}/revoke")
def revoke(posted: Posted, number: Number) -> Response:
    """End a grant now."""
    said = asked_of(Revoke, reason=posted.text("reason"))
    revoke_grant(posted.reader.access, posted.reader.caller, number, said)
    return see_other("/access", done="revoked")


def _decided(posted: PostedForm, number: int, act: Callable[[], str]) -> Response:
    """Do it, which gives the notice that says so, and show the request; where it can't be done, that tells why."""
    try:
        done = act()
    except (BadRequestError, ConflictError, DeniedError) as refusal:
        view = AccessViews(posted.reader).request(number)
        return render(
            posted.request, posted.reader, "access_request.html", status=refusal.status, view=view, refused=refusal
        )
    return see_other(f"/access/requests/{number}", done=done)


def _form(request: Request, reader: Reader, offered: Offered, filled: Filled, status: int = 200) -> Response:
    return render(
        request, reader, "access_form.html", status=status, offered=offered, filled=filled, who_gives=WHO_GIVES
    )


def _wrong(offered: Offered, values: Mapping[str, str], columns: frozenset[str] | None) -> Iterator[tuple[str, str]]:
    """(field, what is wrong with it): what can be told before it is asked; whether it may be, the service decides."""
    role = next((item for item in offered.roles if item.name == values["role"]), None)
    if role is None:
        yield "role", "Choose one of the roles."
    if not values["purpose"]:
        yield "purpose", "Say what the data are for."
    elif values["purpose"] not in offered.purposes:
        yield "purpose", "Choose one of the purposes."
    elif role is not None and role.purposes is not None and values["purpose"] not in role.purposes:
        yield "purpose", f"The role {role.name} is not for that; it is for {', '.join(sorted(role.purposes))}."
    if not values["reason"]:
        yield "reason", "Say why, in words: the approvers read it."
    days = values["days"]
    if not (len(days) <= 9 and days.isascii() and days.isdigit() and 1 <= int(days) <= offered.longest_days):
        yield "days", f"Write a number of days from 1 to {offered.longest_days}."
    if columns is not None and not (columns and columns <= {name for name, _ in offered.columns}):
        yield "columns", "Choose one column at least, or all of them."
