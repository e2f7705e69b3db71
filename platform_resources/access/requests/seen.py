"""Requests as somebody sees them: which ones, with what today's documents say about each."""

from __future__ import annotations

from platform_resources.access.errors import DeniedError, UnknownRequestError
from platform_resources.access.model import Caller
from platform_resources.access.requests.approvals import AccessRequest, RequestState, must_be_pending
from platform_resources.access.requests.narrowing import concerning, deciding
from platform_resources.access.requests.offers import Offers
from platform_resources.access.requests.rows import request_in, requests_in
from platform_resources.control import ControlDatabase
from platform_resources.control.tables import access_requests


class SeenRequests:
    """The requests of the control database, as far as a caller is concerned with them."""

    def __init__(self, offers: Offers, control: ControlDatabase) -> None:
        self._offers = offers
        self._control = control

    def find(self, caller: Caller, request: int) -> AccessRequest | None:
        """One request: one's own, one that one may decide on, any for an administrator. None when there is none."""
        with self._control.reading() as connection:
            found = request_in(connection, request)
        if found is None or not self._sees(caller, found):
            return None
        return self._offers.told(found).request

    def get(self, caller: Caller, request: int) -> AccessRequest:
        """The same.

        Raises
        ------
        UnknownRequestError
            when there is none, or it is none of the caller's business.
        """
        found = self.find(caller, request)
        if found is None:
            raise UnknownRequestError(f"there is no request {request}", "mesh access list tells yours.")
        return found

    def undecided(self, caller: Caller, request: int) -> AccessRequest:
        """One request of others that is pending.

        Raises
        ------
        UnknownRequestError, ConflictError, DeniedError
            when the caller sees none, it was decided or withdrawn, or it is (also) the caller's own.
        """
        found = self.get(caller, request)
        must_be_pending(found)
        if self._offers.is_own(caller.identity, found):
            waits = ", ".join(found.waits_for) or "nobody who may, as its contract stands"
            told = f"request {request} is your own, or of somebody that you answer for"
            raise DeniedError(told, f"Another approver has to decide: {waits}.")
        return found

    def list(
        self, caller: Caller, state: RequestState | None = None, port: str | None = None
    ) -> tuple[AccessRequest, ...]:
        """Every request (in a state, for a port) that the caller may see, newest first."""
        table = access_requests.c
        wanted = ((table.state, state), (table.port, port))
        conditions = [column == value for column, value in wanted if value is not None]
        if not caller.may("admin"):
            parties = (table.port, table.consumer, table.requested_by)
            conditions.append(concerning(self._control, self._offers, caller.identity, *parties, among=conditions))
        with self._control.reading() as connection:
            found = requests_in(connection, *conditions)
        return tuple(self._offers.told(item).request for item in reversed(found) if self._sees(caller, item))

    def inbox(self, caller: Caller) -> tuple[AccessRequest, ...]:
        """Requests that wait for the caller's decision, oldest first."""
        waits, port = access_requests.c.state == "pending", access_requests.c.port
        decides = deciding(self._control, self._offers, caller.identity, port, waits)
        with self._control.reading() as connection:
            pending = requests_in(connection, waits, decides)
        others = (item for item in pending if not self._offers.is_own(caller.identity, item))
        told = (self._offers.told(item) for item in others)
        return tuple(item.request for item in told if item.waits_for(caller.identity))

    def _sees(self, caller: Caller, request: AccessRequest) -> bool:
        if caller.may("admin") or self._offers.is_own(caller.identity, request):
            return True
        return self._offers.decides(caller.identity, request.port)
