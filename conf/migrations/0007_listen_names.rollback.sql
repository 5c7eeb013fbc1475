DROP INDEX listen_track_name;
