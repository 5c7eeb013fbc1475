-- Up to when each entry of the schedule was asked for, so that a restart asks for nothing twice and misses nothing.
-- depends: 0013_feedback

CREATE TABLE scheduled (
    entry   text PRIMARY KEY,
    times   text NOT NULL,          -- as written in the schedule: others begin anew
    asked   timestamptz NOT NULL    -- one of its times, or when the entry was first seen
);
