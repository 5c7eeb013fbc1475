-- How fresh what is served is, and what it cost: columns of the run, the same in every (statistic, range) of it.
-- depends: 0010_statistics

ALTER TABLE run
    ADD position      bigint,           -- every change up to here is in it; null: it was stored before this was kept
    ADD seconds       double precision, -- from its start to its last file
    ADD cpu_seconds   double precision, -- of Java, its Python workers and the request consumer meanwhile
    ADD touched_users integer,          -- whose results were computed anew; null: everybody's
    ADD written_rows  bigint,           -- sent to the reader, of all its statistics and structs
    ADD written_bytes bigint;

-- Every change says when it was made, so that what waits to be served tells how long it has.
ALTER TABLE user_settings ADD updated timestamptz NOT NULL DEFAULT now();
ALTER TABLE mapping_delete ADD created timestamptz NOT NULL DEFAULT now();
CREATE INDEX user_settings_zone ON user_settings (zone);
