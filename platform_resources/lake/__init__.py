"""The lake: one DuckLake per domain. Connect, snapshot, publish, roll back, keep or expire, check.

Imports nothing of ours and no Dagster. A domain's process writes its own lake and reads those of its inputs; consumers
read published views only. Nothing here judges data: what is published was audited before.
"""

from platform_resources.lake.clock import utc_now
from platform_resources.lake.connection import (
    INTERNAL_SCHEMA,
    MESH_SCHEMA,
    LakeMissingError,
    attach_lakes,
    attach_reader,
    connect,
    create_lake,
    current_snapshot,
    lake_exists,
    write_transaction,
)
from platform_resources.lake.fsck import FsckFinding, FsckReport, fsck
from platform_resources.lake.lock import LakeBusyError, pin, writer_lock
from platform_resources.lake.maintenance import MaintenanceReport, Retention, maintain
from platform_resources.lake.names import (
    InvalidNameError,
    PortAddress,
    check_name,
    qualified,
    quote_identifier,
    quote_literal,
)
from platform_resources.lake.publications import (
    Promise,
    Publication,
    PublicationError,
    Refusal,
    latest_publication,
    latest_refusal,
    latest_refusals,
    newest_entries,
    newest_entry,
    promise_of,
    publications,
    publish,
    refuse,
    returned_contracts,
    roll_back,
)
from platform_resources.lake.retirement import Retirement, retire, retirement_in, retirement_of
from platform_resources.lake.settings import MeshSettings, SettingError, find_project_root, mesh_name, public_url
from platform_resources.lake.stamps import CatalogStamp, catalog_identity, catalog_stamp, server_stamps
from platform_resources.lake.timeline import Entry, Failed, Timeline, read_refused

__all__ = [
    "INTERNAL_SCHEMA",
    "MESH_SCHEMA",
    "CatalogStamp",
    "Entry",
    "Failed",
    "FsckFinding",
    "FsckReport",
    "InvalidNameError",
    "LakeBusyError",
    "LakeMissingError",
    "MaintenanceReport",
    "MeshSettings",
    "PortAddress",
    "Promise",
    "Publication",
    "PublicationError",
    "Refusal",
    "Retention",
    "Retirement",
    "SettingError",
    "Timeline",
    "attach_lakes",
    "attach_reader",
    "catalog_identity",
    "catalog_stamp",
    "check_name",
    "connect",
    "create_lake",
    "current_snapshot",
    "find_project_root",
    "fsck",
    "lake_exists",
    "latest_publication",
    "latest_refusal",
    "latest_refusals",
    "maintain",
    "mesh_name",
    "newest_entries",
    "newest_entry",
    "pin",
    "promise_of",
    "public_url",
    "publications",
    "publish",
    "qualified",
    "quote_identifier",
    "quote_literal",
    "read_refused",
    "refuse",
    "retire",
    "retirement_in",
    "retirement_of",
    "returned_contracts",
    "roll_back",
    "server_stamps",
    "utc_now",
    "write_transaction",
    "writer_lock",
]
