"""The code behind jobs that SQL cannot say: arrays and DataFrames in, out. Knows nothing of jobs."""
