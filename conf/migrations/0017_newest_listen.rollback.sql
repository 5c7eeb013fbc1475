COMMENT ON COLUMN run.newest_listen_ts IS NULL;
ALTER TABLE span DROP newest_landed_ts;
ALTER TABLE run DROP newest_landed_ts;
