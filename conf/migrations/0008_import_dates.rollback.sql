ALTER TABLE user_import DROP COLUMN from_date, DROP COLUMN to_date;
