-- Accounts, sessions of three protocols, love and hate, users' imports, and what is left to do for a deleted account.
-- Secrets are kept as SHA-256; what a protocol needs back is encrypted under SECRET_KEY (conf/secret.py).
-- depends: 0003_rejected_listen_source

-- Grows with every change of what GET .../listens shows of the user: her newest position. An answer is stale when it grew.
ALTER TABLE listen_totals ADD COLUMN version bigint NOT NULL DEFAULT 0;
UPDATE listen_totals t SET version = coalesce((SELECT max(position) FROM listen l WHERE l.user_id = t.user_id), 0);

-- AudioScrobbler 1.2 proves knowledge of md5(token). Null: AUDIOSCROBBLER=off, or a token made before this column, until
-- it is used once more.
ALTER TABLE token ADD COLUMN md5_encrypted bytea;

-- Users are searched by the trigrams of their name. pg_trgm does the same, but not every PostgreSQL has it: the embedded
-- one does not. Two blanks before and one after, as there.
CREATE FUNCTION name_trigrams(name_key text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS
    'SELECT ARRAY(SELECT DISTINCT substr(''  '' || name_key || '' '', n, 3)
                  FROM generate_series(1, char_length(name_key) + 1) AS n)';
CREATE INDEX users_name_trigrams ON users USING gin (name_trigrams(name_key)) WITH (fastupdate = off);

CREATE TABLE web_session (
    sha256    bytea PRIMARY KEY,
    user_id   integer NOT NULL REFERENCES users ON DELETE CASCADE,
    created   timestamptz NOT NULL DEFAULT now(),
    last_used timestamptz NOT NULL DEFAULT now(),
    expires   timestamptz NOT NULL
);
CREATE INDEX web_session_user ON web_session (user_id);
CREATE INDEX web_session_expires ON web_session (expires);

-- Applications whose signatures are checked. Players ship keys of their own: one that is not here is accepted unsigned.
CREATE TABLE lastfm_application (
    api_key          text PRIMARY KEY,
    name             text NOT NULL,
    secret_encrypted bytea NOT NULL,
    created          timestamptz NOT NULL DEFAULT now()
);

-- A request token of auth.getToken, valid 60 minutes; user_id null: nobody has approved it yet.
CREATE TABLE lastfm_token (
    sha256  bytea PRIMARY KEY,
    api_key text NOT NULL,
    user_id integer REFERENCES users ON DELETE CASCADE,
    created timestamptz NOT NULL DEFAULT now(),
    used    boolean NOT NULL DEFAULT false
);
CREATE INDEX lastfm_token_created ON lastfm_token (created);

-- token_id: what auth.getMobileSession was given in place of a password; it takes its sessions with it. Null: a password,
-- or the user's approval.
CREATE TABLE lastfm_session (
    sha256    bytea PRIMARY KEY,
    user_id   integer NOT NULL REFERENCES users ON DELETE CASCADE,
    token_id  integer REFERENCES token ON DELETE CASCADE,
    api_key   text NOT NULL,
    created   timestamptz NOT NULL DEFAULT now(),
    last_used timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX lastfm_session_user ON lastfm_session (user_id);
CREATE INDEX lastfm_session_token ON lastfm_session (token_id);

-- token_id: a revoked or reset token takes its sessions with it.
CREATE TABLE audioscrobbler_session (
    sha256    bytea PRIMARY KEY,
    user_id   integer NOT NULL REFERENCES users ON DELETE CASCADE,
    token_id  integer NOT NULL REFERENCES token ON DELETE CASCADE,
    client    text NOT NULL,
    created   timestamptz NOT NULL DEFAULT now(),
    last_used timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX audioscrobbler_session_user ON audioscrobbler_session (user_id);
CREATE INDEX audioscrobbler_session_token ON audioscrobbler_session (token_id);

-- Each handshake counts once; kept while its time would still be taken.
CREATE TABLE audioscrobbler_handshake (
    user_id integer NOT NULL REFERENCES users ON DELETE CASCADE,
    stamp   bigint NOT NULL,                     -- epoch seconds as sent
    auth    text NOT NULL,
    seen    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, stamp, auth)
);
CREATE INDEX audioscrobbler_handshake_seen ON audioscrobbler_handshake (seen);

-- Love (1) and hate (-1); no row: neither. At least one id; one row per user and id.
CREATE TABLE recording_feedback (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id        integer NOT NULL REFERENCES users ON DELETE CASCADE,
    recording_msid uuid,
    recording_mbid uuid,
    score          smallint NOT NULL CHECK (score IN (-1, 1)),
    created        timestamptz NOT NULL DEFAULT now(),
    CHECK (recording_msid IS NOT NULL OR recording_mbid IS NOT NULL)
);
CREATE UNIQUE INDEX recording_feedback_msid ON recording_feedback (user_id, recording_msid)
    WHERE recording_msid IS NOT NULL;
CREATE UNIQUE INDEX recording_feedback_mbid ON recording_feedback (user_id, recording_mbid)
    WHERE recording_mbid IS NOT NULL;
CREATE INDEX recording_feedback_newest ON recording_feedback (user_id, created DESC);

-- How far a service's history has been brought in: GET and POST /1/latest-import.
CREATE TABLE latest_import (
    user_id   integer NOT NULL REFERENCES users ON DELETE CASCADE,
    service   text NOT NULL,
    latest_ts bigint NOT NULL DEFAULT 0,
    status    jsonb,                             -- {"state", "count"}
    error     jsonb,                             -- {"message", "retry"}
    updated   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, service)
);

-- A file a user has handed in at the page; worked off in order by the importer, which can take up what was interrupted.
CREATE TABLE user_import (
    id         uuid PRIMARY KEY,
    user_id    integer NOT NULL REFERENCES users ON DELETE CASCADE,
    file_name  text NOT NULL,                    -- as the user calls it, for showing only
    format     text NOT NULL,                    -- auto, or a module of dumps/load/services
    timezone   text NOT NULL DEFAULT 'UTC',      -- of times that the file gives without one
    state      text NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
    bytes      bigint NOT NULL,
    bytes_read bigint NOT NULL DEFAULT 0,
    attempts   integer NOT NULL DEFAULT 0,       -- how often it was begun since it last came forward
    counts     jsonb NOT NULL DEFAULT '{}',
    problems   jsonb NOT NULL DEFAULT '[]',      -- the first refused items: {"item", "reason"}
    error      text,
    created    timestamptz NOT NULL DEFAULT now(),
    started    timestamptz,
    finished   timestamptz
);
CREATE INDEX user_import_user ON user_import (user_id, created DESC);
CREATE INDEX user_import_open ON user_import (created) WHERE state IN ('waiting', 'running');

-- The operator's choice at run time; no row: the settings.
CREATE TABLE rate_limit_setting (
    singleton      boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    per_token      integer NOT NULL CHECK (per_token > 0),
    per_address    integer NOT NULL CHECK (per_address > 0),
    window_seconds integer NOT NULL CHECK (window_seconds BETWEEN 1 AND 3600)
);

-- What became of all listens that were ever consumed, for /metrics: message_seen forgets after 7 days. At most one row.
CREATE TABLE listen_ledger (
    singleton  boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    inserted   bigint NOT NULL,
    duplicate  bigint NOT NULL,
    suppressed bigint NOT NULL,
    rejected   bigint NOT NULL
);

-- A user that is gone, by position, for the lake: all her rows of a smaller position go. No name here.
CREATE TABLE user_delete (
    position bigint PRIMARY KEY,
    user_id  integer NOT NULL,
    created  timestamptz NOT NULL DEFAULT now()
);

-- The receipt of a deleted account: rows go at once, the lake's rows with a landing, the bytes with a vacuum.
CREATE TABLE account_deletion (
    id         uuid PRIMARY KEY,                 -- the receipt's number, known to whoever deleted the account
    user_id    integer NOT NULL,
    position   bigint NOT NULL,
    listens    bigint NOT NULL,
    requested  timestamptz NOT NULL DEFAULT now(),
    landed     timestamptz,                      -- when the newest version of the lake had no row of hers any more
    purged     timestamptz,                      -- when it had no track or client either that only she had
    bytes_gone timestamptz                       -- when the vacuum had removed every older file
);
CREATE INDEX account_deletion_open ON account_deletion (position) WHERE bytes_gone IS NULL;

-- What a deleted user takes along is found without reading everybody's.
CREATE INDEX mapping_user ON mapping (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX mapping_delete_user ON mapping_delete (user_id) WHERE user_id IS NOT NULL;
