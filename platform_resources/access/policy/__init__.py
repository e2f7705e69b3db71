"""What policy says: masks, row filters, roles, and the decision. Pure: documents and facts in, values out."""
