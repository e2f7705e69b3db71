"""What it costs to check 40 rules of TPC-H's lineitem and orders, against only scanning the columns that they use."""
