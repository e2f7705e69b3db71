"""Products as consumers: what a model sees of the input ports that its product declares and may read."""
