"""One file per Delta table: columns, partitioning, and rules with their reasons."""
