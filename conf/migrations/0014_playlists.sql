-- Playlists of users, and those that jobs make for them: all that the playlist API keeps (api.md 4).
-- depends: 0013_feedback

CREATE TABLE playlist (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mbid                uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    creator_id          integer,                  -- null: made here, by a job
    title               text NOT NULL,
    annotation          text,                     -- HTML, cleaned before it came here; null: none
    public              boolean NOT NULL,         -- else only its creator and collaborators find it
    created             timestamptz NOT NULL DEFAULT now(),
    last_modified       timestamptz NOT NULL DEFAULT now(),
    created_for_id      integer,
    source_patch        text,                     -- what made it, as its maker calls that: weekly-jams, ...
    additional_metadata text,                     -- JSON object, of approved bots and jobs
    copied_from         uuid,                     -- mbid of a playlist that may be gone by now
    made_for_day        date,                     -- of a periodic one: the local day it is for
    expires             timestamptz,              -- null: never; from then on nobody finds it
    CONSTRAINT playlist_creator_user_id_fkey FOREIGN KEY (creator_id) REFERENCES users ON DELETE CASCADE,
    CONSTRAINT playlist_created_for_id_fkey FOREIGN KEY (created_for_id) REFERENCES users ON DELETE CASCADE
);
CREATE INDEX playlist_of_creator ON playlist (creator_id, created DESC, id DESC);
CREATE INDEX playlist_made_for ON playlist (created_for_id, created DESC, id DESC) WHERE created_for_id IS NOT NULL;
CREATE INDEX playlist_expires ON playlist (expires) WHERE expires IS NOT NULL;
-- A job's playlist of a day is made again, not twice.
CREATE UNIQUE INDEX playlist_periodic ON playlist (created_for_id, source_patch, made_for_day)
    WHERE creator_id IS NULL AND made_for_day IS NOT NULL;

CREATE TABLE playlist_recording (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    playlist_id    bigint NOT NULL REFERENCES playlist ON DELETE CASCADE,
    position       integer NOT NULL CHECK (position >= 0), -- from 0, without gaps
    recording_mbid uuid NOT NULL,
    added_by_id    integer,                       -- null: whoever did is gone; or a job, then `known` is there
    added_at       timestamptz NOT NULL DEFAULT now(),
    known          text,                          -- JSON: names and MBIDs, where a job that knew them put it there
    CONSTRAINT playlist_recording_place UNIQUE (playlist_id, position) DEFERRABLE, -- a move renumbers in one statement
    CONSTRAINT playlist_recording_added_by_user_id_fkey FOREIGN KEY (added_by_id) REFERENCES users ON DELETE SET NULL
);
CREATE INDEX playlist_recording_added_by ON playlist_recording (added_by_id) WHERE added_by_id IS NOT NULL;

CREATE TABLE playlist_collaborator (
    playlist_id bigint NOT NULL REFERENCES playlist ON DELETE CASCADE,
    user_id     integer NOT NULL REFERENCES users ON DELETE CASCADE,
    PRIMARY KEY (playlist_id, user_id)
);
CREATE INDEX playlist_collaborator_user ON playlist_collaborator (user_id);
