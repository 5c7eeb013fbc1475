-- A run counts what was played up to T, and players' clocks may be ahead: what it leaves out is due once time has passed
-- it, though nothing lands. The run says when, for it reads the listens by time anyway. Here they are found by user and
-- by position: an index by time would be written with every listen, and a partial one, of those dated ahead alone, would
-- not know what landed between the asking for a run, which is its T, and its beginning.
-- depends: 0017_newest_listen

ALTER TABLE run ADD next_listen_ts bigint; -- earliest listen of its data version after T; null: none, or not kept yet
