-- A listen set aside keeps the import source it came with, so that a retry is the same listen.
-- depends: 0002_operations

ALTER TABLE rejected_listen ADD COLUMN source text;
