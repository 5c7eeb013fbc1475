"""Statistics: one file, one job (or a few that differ in a param)."""
