-- A file may be handed in for the listens of some days only.
-- depends: 0007_listen_names

ALTER TABLE user_import ADD COLUMN from_date date, ADD COLUMN to_date date;
