DROP INDEX user_settings_zone;
ALTER TABLE mapping_delete DROP created;
ALTER TABLE user_settings DROP updated;
ALTER TABLE run
    DROP position, DROP seconds, DROP cpu_seconds, DROP touched_users, DROP written_rows, DROP written_bytes;
