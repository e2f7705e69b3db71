"""What a query leaves behind: an entry for each of its ports before its first byte, one at its end, and counts.

Of the text only the SHA-256 is kept: who has a query can show that it is the one that ran, and a personal value that
somebody searched for stands in no log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from platform_resources.access.relations.reading import Served
from platform_resources.access.relations.records import ReadRecords
from platform_resources.control.database import ControlError

if TYPE_CHECKING:
    from platform_resources.access.relations.relation import GuardedRelation

Columns = Mapping[str, tuple[str, ...]]  # port -> columns that a query uses of it


class SqlRecords(ReadRecords):
    """The audit log and the counts of queries. Safe between threads."""

    def query_begun(self, relations: Mapping[str, GuardedRelation], columns: Columns, sha256: str) -> dict[str, int]:
        """Port -> number of the query's entry, all written for good.

        Raises
        ------
        UnavailableError
            when one can't be: then nothing may be read.
        """
        self.settle()
        return {
            address: self._append(
                "sql",
                relation.decision.caller,
                address,
                sql_sha256=sha256,
                ports=list(relations),
                **_facts(relation, columns[address]),
            )
            for address, relation in relations.items()
        }

    def query_ended(
        self, relations: Mapping[str, GuardedRelation], columns: Columns, entries: Mapping[str, int], served: Served
    ) -> None:
        """Count and audit what was handed out; of a query over several ports each has all of its rows."""
        for address, relation in relations.items():
            identity = relation.decision.caller.identity.id
            if served.rows or served.outcome != "failed":
                counted = (columns[address], served.rows, served.bytes, relation.door)
                self._usage.record(address, identity, *counted)
            entry = entries[address]
            try:
                self._tell(address, identity, entry, served)
            except (ControlError, SQLAlchemyError):
                self._owed.append(lambda a=address, i=identity, e=entry: self._tell(a, i, e, served))


def _facts(relation: GuardedRelation, columns: tuple[str, ...]) -> dict[str, object]:
    decision, masks = relation.decision, relation.decision.profile.columns
    return {
        "grant": decision.grant,
        "role": decision.role,
        "purpose": decision.purpose,
        "publication": relation.publication.number,
        "columns": list(columns),
        "masked": {name: [mask.strategy for mask in masks[name]] for name in columns if masks[name]},
        "filtered": bool(decision.profile.filters),
        "door": relation.door,
    }
