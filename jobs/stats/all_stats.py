"""Every statistic that is kept fresh, in one run: one data version, one scan of listens."""

from jobs.job import AT, REBUILD, STATS_RANGE, Bundle, Command

BUNDLE = Bundle(
    name="stats.all",
    jobs=(),
    about="All statistics, continued from what is served where that can be done",
    params=(STATS_RANGE, AT, REBUILD),
    command=Command("cron_request_all_stats"),
    fresh_within=300,
)
