DROP INDEX mapping_delete_user, mapping_user;
DROP TABLE listen_ledger, account_deletion, user_delete, rate_limit_setting, user_import, latest_import, recording_feedback,
    audioscrobbler_handshake, audioscrobbler_session, lastfm_session, lastfm_token, lastfm_application, web_session;
DROP INDEX users_name_trigrams;
DROP FUNCTION name_trigrams(text);
ALTER TABLE token DROP COLUMN md5_encrypted;
ALTER TABLE listen_totals DROP COLUMN version;
