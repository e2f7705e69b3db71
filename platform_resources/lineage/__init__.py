"""Lineage: which column comes from which: read from SQL, declared in contracts, checked against what was really read.

Imports everything below; no Dagster. It records what a build knows in the domain's lake and reads it back.
"""
