"""Search over the index, by tantivy."""
