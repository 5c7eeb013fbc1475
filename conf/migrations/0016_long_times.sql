-- Listening time beyond 68 years: one artist, looped, at the lengths that are accepted.
-- depends: 0015_schedule

ALTER TABLE result_list ALTER COLUMN seconds TYPE bigint[];
ALTER TABLE result_list ALTER COLUMN seconds SET STORAGE EXTERNAL; -- another type begins with its own
ALTER TABLE span_list ALTER COLUMN seconds TYPE bigint[];
