"""What every way in shares, free of Spark: validator, MSID, the one write function, changes by position, mapping."""
