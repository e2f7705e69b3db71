"""The index: what the catalog knows of every product, term and column, kept in a file and renewed domain by domain."""
