ALTER TABLE rejected_listen DROP COLUMN source;
