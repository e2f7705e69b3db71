"""The Supply Chain domain: what the stores will need, from the ports of Sales and Inventory."""
