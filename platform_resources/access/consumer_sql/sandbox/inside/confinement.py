"""What a worker takes from itself before it meets a consumer's SQL. Each step is the kernel's, none can be undone.

DuckDB's own locks come first (see `worker`); these hold should one of them fail.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_NOBODY = 65534
_LIBC = ctypes.CDLL(None, use_errno=True)
_OVERHEAD = 768 << 20  # bytes of address space that Python, DuckDB and Arrow map for themselves; measured 350 MB


def leave_the_world(parent: int) -> list[str]:
    """Take away network, new privileges and life after the parent; returns what the kernel granted, by name."""
    held = []
    if _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        held.append("dies_with_parent")
    if os.getppid() != parent:  # it died before the line above
        os._exit(0)
    if _call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        held.append("no_new_privileges")
    if _call("unshare", _CLONE_NEWNET) or _call("unshare", _CLONE_NEWUSER | _CLONE_NEWNET):
        held.append("no_network")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _call("prctl", _PR_SET_DUMPABLE, 0, 0, 0, 0)
    return held


def close_in(seconds: float, memory: int, parent: int) -> None:
    """For a worker that has opened all that it needs: it opens and writes nothing more; memory and time are bounded."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
        _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # a change of user clears it
        if os.getppid() != parent:
            os._exit(0)
    limits = {
        resource.RLIMIT_NOFILE: 0,  # no descriptor can be made: no file, no socket
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_CPU: int(seconds) + 2,
        resource.RLIMIT_AS: 2 * memory + _OVERHEAD,
    }
    for limit, value in limits.items():
        _, hardest = resource.getrlimit(limit)
        value = value if hardest == resource.RLIM_INFINITY else min(value, hardest)
        resource.setrlimit(limit, (value, value))
    # The trusted side kills at the deadline; should it be stopped itself, the kernel does.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds + 1)


def _call(name: str, *arguments: int) -> bool:
    """A call of libc that this system may not have; true when it was done."""
    function = getattr(_LIBC, name, None)
    return function is not None and function(*arguments) == 0
