"""The lake's one writer and the jobs' one runner: claim, run, publish, ack; landing beside it."""
