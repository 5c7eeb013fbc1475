"""The year in music (jobs.md 12): one file, one section of the report. All of it is made by jobs/run_year.py.

A report is of one year on the user's own clock, without what she excludes; listens that were deleted are not there.
"""
