"""The Inventory domain: what each store has of each product, derived from the warehouse's movements."""
