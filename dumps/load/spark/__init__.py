"""Spark dumps of other servers: tar archives of Parquet files, found by their names, checked whole, then brought in."""
