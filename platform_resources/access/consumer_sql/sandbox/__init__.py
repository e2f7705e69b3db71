"""The sandbox: a consumer's SQL runs in a process that has nothing but masked copies, and lives for one query.

`Sandbox.run(SandboxJob)` -> `Answer`, which streams record batches; `run_text` -> `TextAnswer`, text that the worker
wrote. The far side is in `inside`. What a worker can't do and who sees to it: read files, settings, other databases
(DuckDB, locked; no descriptor can be opened), reach a network (namespace), write (file size 0), outlive its deadline
(SIGKILL, and an alarm of its own) or its parent, take the server's memory (address space; a frame is never larger than
a row may be) or bring it down (a process of its own).
"""

from platform_resources.access.consumer_sql.sandbox.limits import SqlLimits
from platform_resources.access.consumer_sql.sandbox.process import Answer, Sandbox, SandboxJob, TextAnswer

__all__ = ["Answer", "Sandbox", "SandboxJob", "SqlLimits", "TextAnswer"]
