"""SQL of consumers: checked by its parse tree, run in a confined process over masked copies."""
