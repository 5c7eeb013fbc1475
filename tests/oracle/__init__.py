"""What the statistics must be, counted in plain Python one listen at a time: a second reading of the references.

Nothing here imports what it judges. Where the references leave something open, the choice taken is one of these; a
difference between oracle and jobs is a fault of one of them or a choice to be changed in both.

Windows and time
 1. Membership is decided by wall clock in the user's zone: local date and time within [from, to) of the range as the
    local date of T gives it. That nothing later than T counts, and that all_time includes T, is decided in UTC. An hour
    that a clock repeats counts in the bucket it shows, both times.
 2. from_ts, to_ts of ranges and buckets are the epoch seconds at which the wall clock first shows them; where it skips
    them, those of the jump. A bucket's to_ts is one second before the next bucket's from_ts.
 3. all_time starts at local 2002-01-01; its to_ts is T. Its yearly buckets run to the year that holds T, so a listen at
    New Year's midnight that is T has its bucket.
 4. The previous period of a calendar range is the whole period of that kind just before it (of this_month the whole
    month before, however little of this one is over). all_time has none.
 5. listening-activity of this_week, this_month and this_year ends where T's day begins (jobs.md 4): listens of the last
    day count in every other statistic of these ranges, not in this one. from_ts and to_ts of its answer are those of
    what it shows (docs-2023: 1587945600 to 1589155200, two weeks), not of the range.
 6. listening-activity of all_time, user and sitewide, has only the years with listens (docs-2023 says so and is the
    specification); all other ranges are zero-filled. The window that decides 200 or 204 is that of the activity.

Identity and names
 7. A release group is known through the release only: a release_group_mbid that a client sends is not asked.
    The group's MBID is that of the release cache, also where the group cache has no row of it.
 8. A metadata value that is null falls through to the listen's own (name, artist, artist MBIDs), each by itself; an
    empty array does not. A name whose folded form is empty is no name.
 9. artist_country_code may name an MBID more than once: the row with the greatest name by UTF-8 bytes counts, for
    name and country alike. An artist without a row has the listen's credit text as its name, and its
    MBID. The other metadata tables have one row per key; genres are distinct per recording, their votes unused.
10. An artist named twice in one credit counts once: in artists, listeners, artist evolution, artist activity.
    artist_mbids of recordings, releases and release groups stay as given, in order: two orders are two groups.
11. Names of one item that vary are chosen together, as they were played together: the most played combination of
    (track, artist, release), (release, artist) or (release group, artist), ties by UTF-8 bytes in that order, null
    least. So no item shows a combination that nobody played. Sitewide: by all listens, the cap of 500 does not weigh.
12. An artist of artist evolution is exactly (MBID, credited name), not folded, so that aliases stay apart as in the
    original. Where no recording has a credit at all (nothing was imported), a listen counts for the artists it is about
    (none: MBID null), each named by the credit text as submitted. The year of an era is that of the group cache's row.

Lists
13. Lists are whole. Order: listen_count, then the struct's fields in the order of jobs.md 7, all descending, null last.
    A null `artists` is null in that order, and [] in the answer (api.md: null for ids, [] for lists).
14. Sitewide lists have the same struct as the user's, `artists` included (api.md gives one payload for both).
    They, and listeners, count every user plainly: UTC, no exclusions. The cap is LEAST(count, 500) per (user, group).
    Of listening time a user adds the same part, of each source in whole milliseconds, rounded down. Activities are not
    capped.
15. The artist map is made from the first 1000 artists of the list in its order (default answers stay the original's);
    of these, those whose country is known.
16. Artist evolution keeps the 20 artists with the greatest (listens, MBID, name); genre activity per hour the 10 with
    the greatest (listens, genre). time_unit sorts as a number where it is one and is answered as text. No zero-filling.
17. Artist activity is made from the whole list of release groups. A release group counts for every artist of its
    `artists`; without these for its one MBID; else for its credit text (folded), MBID null. The name shown (the
    credited name, or the credit text) is that with the most listens, ties by UTF-8 bytes. 15 artists by (listens, name,
    MBID), all descending, with all their albums by (listens, name, MBID). `name` and `artist_name` say the same.
18. Listeners are those of artists and groups that have a metadata row, named as it says; the 10 with the greatest
    (listens, user id); totals over all. Users who are gone count nowhere.
19. An empty result is no result: 204, never an empty list.

Listening time
20. Per listen, milliseconds: duration_played where it is said (0 too), else duration (0 too), else the length of the
    recording the listen is about (0 is none), else 180,000. Shares are of the list's total; none where that is 0. Lists
    by time: time, then the struct, descending.

Exclusions
21. An excluded listen is gone from all of the user's own statistics, whole, whichever of its artists is excluded: by
    MBID any artist it is about, by name the folded credit text as submitted, or any name that artist_country_code has
    of an artist it is about (lists show these); recordings by the MBID it is about or by MSID; clients by folded name
    (what the table of exclusions compares, and keeps once). A plain answer has neither exclusions nor zone.
"""
