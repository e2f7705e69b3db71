"""The Python client: read products as Arrow, pandas, polars or DuckDB, over HTTP or in-process, by the same guard.

Over HTTP it imports nothing of ours. In-process it imports `access`.
"""
