"""Imported last by the fork server of tests/warm.py: whose objects the forked processes share instead of collecting."""

import gc
import tempfile

import dagster as dg

with tempfile.TemporaryDirectory() as folder, dg.DagsterInstance.local_temp(folder):
    pass  # imports what storage of runs and events needs: a `mesh run` does it 0.4 s sooner

gc.collect()
gc.freeze()  # else each process copies 200 MB, since a collection writes to all objects that it looks at
