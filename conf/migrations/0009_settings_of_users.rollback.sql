DROP TABLE exclusion_delete, exclusion, user_settings;
