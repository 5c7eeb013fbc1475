-- Dumps of other servers: which dump of a source brought a row, and which dumps are in.
-- depends: 0005_heard_changes

ALTER TABLE listen ADD COLUMN dump_id integer;           -- with source; null: no dump brought it
ALTER TABLE rejected_listen ADD COLUMN dump_id integer;
ALTER TABLE mapping ADD COLUMN dump_id integer;          -- null: said by hand, by the mapper, or in a file of the user's

-- A user of a dump who has deleted her account here: a later dump does not bring her back.
ALTER TABLE user_delete ADD COLUMN source text, ADD COLUMN foreign_id bigint;
CREATE INDEX user_delete_foreign ON user_delete (source, foreign_id) WHERE source IS NOT NULL;

CREATE TABLE dump_import (
    source   text NOT NULL,
    kind     text NOT NULL CHECK (kind IN ('full', 'incremental')),
    dump_id  integer NOT NULL,
    name     text NOT NULL,                      -- of the archive
    sha256   text NOT NULL,
    start_at timestamptz,                        -- listens submitted there in (start_at, end_at]; null: all until end_at
    end_at   timestamptz NOT NULL,
    counts   jsonb NOT NULL,                     -- what became of its rows
    imported timestamptz NOT NULL,               -- when it was in, the last time
    PRIMARY KEY (source, kind, dump_id)
);
