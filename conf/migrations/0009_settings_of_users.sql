-- What a user has set for her statistics: the time zone of her days, and what of her listens does not count.
-- depends: 0008_import_dates

-- No row: UTC, as a row that says so.
CREATE TABLE user_settings (
    user_id  integer PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    zone     text NOT NULL,                      -- name in the IANA time zone database
    position bigint NOT NULL
);
CREATE INDEX user_settings_position ON user_settings (position);

CREATE TABLE exclusion (
    user_id   integer NOT NULL REFERENCES users ON DELETE CASCADE,
    kind      text NOT NULL CHECK (kind IN ('artist', 'recording', 'client')),
    value     text NOT NULL,                     -- as the user gave it
    value_key text NOT NULL,                     -- a UUID in lower case, or the name NFC, trimmed, case-folded
    created   timestamptz NOT NULL,
    position  bigint NOT NULL,
    PRIMARY KEY (user_id, kind, value_key)
);
CREATE INDEX exclusion_position ON exclusion (position);

-- An exclusion taken back, by its own position; kept until the lake has it, and some days more.
CREATE TABLE exclusion_delete (
    position  bigint PRIMARY KEY,
    user_id   integer NOT NULL REFERENCES users ON DELETE CASCADE,
    kind      text NOT NULL,
    value_key text NOT NULL,
    created   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX exclusion_delete_user ON exclusion_delete (user_id);
