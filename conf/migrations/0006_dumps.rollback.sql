DROP TABLE dump_import;
DROP INDEX user_delete_foreign;
ALTER TABLE user_delete DROP COLUMN source, DROP COLUMN foreign_id;
ALTER TABLE mapping DROP COLUMN dump_id;
ALTER TABLE rejected_listen DROP COLUMN dump_id;
ALTER TABLE listen DROP COLUMN dump_id;
