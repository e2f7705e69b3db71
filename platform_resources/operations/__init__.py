"""Operations: probes of each port through its real door, availability over the promised window and error budget.

Imports everything below it; no Dagster.
"""
