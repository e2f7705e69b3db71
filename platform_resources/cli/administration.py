"""Who administers: the identity of a token, or whoever owns this home and so its database."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from platform_resources.cli.common import caller_of, tell_of_personas
from platform_resources.cli.output import fail
from platform_resources.lake import MeshSettings

if TYPE_CHECKING:
    from platform_resources.access import Access, Caller


@dataclass(frozen=True)
class Administration:
    """Access to the mesh and who uses it. `caller` None: the local operator, who has the database anyway."""

    access: Access
    caller: Caller | None
    actor: str  # as the audit log names it

    @property
    def administers(self) -> bool:
        return self.caller is None or self.caller.may("admin")

    def check(self, what: str) -> None:
        """End the command unless they may administer; that somebody tried is on record."""
        if not self.administers:
            if self.caller is not None:
                from platform_resources.access.callers.refusals import record_refusal  # noqa: PLC0415

                record_refusal(self.access.audit, self.caller, what, code="denied")
            fail(
                f"{self.actor} may not {what}; an administrator may (--as operator in the demo), or whoever owns this "
                "home, without --as and MESH_TOKEN"
            )


@contextmanager
def administration(as_: str | None) -> Iterator[Administration]:
    """Who acts: the persona of `--as`, the token in MESH_TOKEN, or without both the local operator."""
    from platform_resources.access import Access  # noqa: PLC0415  (keeps `mesh --help` quick)

    with Access(MeshSettings.from_env()) as access:
        if as_ is None and not os.environ.get("MESH_TOKEN", "").strip():
            tell_of_personas(access)
            yield Administration(access, None, f"local:{_os_user()}")
        else:
            caller = caller_of(access, as_)
            yield Administration(access, caller, caller.identity.id)


def _os_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid())
