-- Of a run the newest listen of its data version, apart from T: the scheduler counts to the present.
-- depends: 0016_long_times

ALTER TABLE run ADD newest_landed_ts bigint;  -- null: it has no listens, or its landing is not known any more
ALTER TABLE span ADD newest_landed_ts bigint;
COMMENT ON COLUMN run.newest_listen_ts IS 'T: nothing later counts';
UPDATE run r SET newest_landed_ts = l.newest_listen_ts FROM landing l WHERE l.id = r.data_version;
UPDATE span s SET newest_landed_ts = l.newest_listen_ts FROM landing l WHERE l.id = s.data_version;
