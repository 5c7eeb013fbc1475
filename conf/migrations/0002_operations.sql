-- What the running parts share: nothing here is lost for ever when PostgreSQL crashes, hence unlogged.
-- depends: 0001_path_of_a_listen

-- Rate limits: workers lease slices of a window's quota, so that most requests touch no row.
CREATE UNLOGGED TABLE rate_limit (
    bucket  text NOT NULL,                       -- token:HASH or address:IP
    window_start bigint NOT NULL,
    leased  integer NOT NULL,
    PRIMARY KEY (bucket, window_start)
);

-- What each part last said of itself, for status.
CREATE UNLOGGED TABLE part_status (
    part    text NOT NULL,
    pid     integer NOT NULL,
    host    text NOT NULL,
    updated timestamptz NOT NULL,
    detail  jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (part, host, pid)
);
