ALTER TABLE run DROP next_listen_ts;
