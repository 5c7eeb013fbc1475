-- Statistics of one user over whole days, made when they are asked for and kept a day; apart from those of the ranges.
-- depends: 0011_freshness

CREATE TABLE span (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id      integer NOT NULL REFERENCES users ON DELETE CASCADE,
    statistic    text NOT NULL,
    from_ts      bigint NOT NULL,                -- midnights UTC: they name days, of her clock where that was applied
    to_ts        bigint NOT NULL,
    run_id       uuid NOT NULL,
    data_version bigint NOT NULL,
    newest_listen_ts bigint NOT NULL,            -- T: nothing later counts
    last_updated timestamptz NOT NULL,
    UNIQUE (user_id, statistic, from_ts, to_ts)
);
CREATE INDEX span_last_updated ON span (last_updated);

CREATE TABLE span_list (                         -- columns as in result_list
    span_id         bigint NOT NULL REFERENCES span ON DELETE CASCADE,
    key             bigint NOT NULL,
    ids             bigint[] NOT NULL,
    counts          integer[] NOT NULL,
    previous_ranks  integer[] NOT NULL,
    previous_counts integer[] NOT NULL,
    gone_ids        bigint[] NOT NULL,
    gone_counts     integer[] NOT NULL,
    seconds         integer[] NOT NULL,
    by_time         integer[] NOT NULL,
    time_by_source  bigint[] NOT NULL,
    applied         text,
    PRIMARY KEY (span_id, key)
);

CREATE TABLE span_document (                     -- columns as in result_document
    span_id bigint NOT NULL REFERENCES span ON DELETE CASCADE,
    key     bigint NOT NULL,
    doc     text NOT NULL,
    applied text,
    PRIMARY KEY (span_id, key)
);

-- What became of the newest of these; refused requests may have params that no index row holds.
CREATE INDEX request_asked ON request (query, md5(params_key), created);
