"""Imported last by the fork server of tests/warm.py: whose objects the forked processes share instead of collecting."""

import gc

gc.collect()
gc.freeze()  # else each process copies 200 MB, since a collection writes to all objects that it looks at
