"""The pipeline: landed file -> private table -> audited, published port.

Imports contracts, lake, quality and governance; no Dagster. It holds the two protocols that must be right under any
crash: ingest exactly once, and write -> audit -> publish. Orchestration calls it from its assets, and so can a script
or a test.
"""

from platform_resources.pipeline.documents import is_small, read_mesh, recent_mesh, settle
from platform_resources.pipeline.gate import GovernedDomain, govern, judge_candidate, judgement_record
from platform_resources.pipeline.ingest import IngestError, IngestReport, ingest, landed_files, new_files, source_folder
from platform_resources.pipeline.ledger import watermark
from platform_resources.pipeline.published import published_in, published_ports
from platform_resources.pipeline.publishing import Outcome, audit_and_publish, replace_table
from platform_resources.pipeline.quarantine import Quarantined, QuarantinedFile, waiting_in_quarantine
from platform_resources.pipeline.retiring import ended_ports, kept_down, retired_inputs, take_down

__all__ = [
    "GovernedDomain",
    "IngestError",
    "IngestReport",
    "Outcome",
    "Quarantined",
    "QuarantinedFile",
    "audit_and_publish",
    "ended_ports",
    "govern",
    "ingest",
    "is_small",
    "judge_candidate",
    "judgement_record",
    "kept_down",
    "landed_files",
    "new_files",
    "published_in",
    "published_ports",
    "read_mesh",
    "recent_mesh",
    "replace_table",
    "retired_inputs",
    "settle",
    "source_folder",
    "take_down",
    "waiting_in_quarantine",
    "watermark",
]
