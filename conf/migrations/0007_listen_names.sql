-- A user's listens of a track are found by its name, for love and unlove: without this her whole history is walked.
-- Four bytes of it, for names may be longer than an index takes; ASCII case only, whatever the database's locale is.
-- depends: 0006_dumps

CREATE INDEX listen_track_name ON listen (user_id, hashtext(lower(track_name COLLATE "C")));
