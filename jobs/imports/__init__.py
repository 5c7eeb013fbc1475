"""Jobs that bring tables into the lake, one file each."""
