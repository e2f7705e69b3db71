"""The mesh against plain DuckDB SQL: what contracts, audits, publications and orchestration cost.

`python -m benchmarks.mesh_against_floor` (or `make bench`) measures, `python -m benchmarks.floor` is the floor and
`python -m benchmarks.driver` one run of the mesh. Nothing here is a test: figures are printed, never asserted.
"""
