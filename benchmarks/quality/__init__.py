"""What it costs to check 40 rules of TPC-H's lineitem and orders, against scanning the columns and other tools."""
