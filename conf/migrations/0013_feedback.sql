-- What people say of recordings is found by the recording; ratings of recommendations.
-- depends: 0012_spans

CREATE INDEX recording_feedback_of_msid ON recording_feedback (recording_msid, created DESC)
    WHERE recording_msid IS NOT NULL;
CREATE INDEX recording_feedback_of_mbid ON recording_feedback (recording_mbid, created DESC)
    WHERE recording_mbid IS NOT NULL;

CREATE TABLE recommendation_feedback (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id      integer NOT NULL REFERENCES users ON DELETE CASCADE,
    recording_id uuid NOT NULL,
    msid         boolean NOT NULL,               -- the id is an MSID: the recording has no MBID here
    rating       text NOT NULL CHECK (rating IN ('like', 'love', 'dislike', 'hate', 'bad_recommendation')),
    created      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (user_id, recording_id, msid)
);
CREATE INDEX recommendation_feedback_newest ON recommendation_feedback (user_id, created DESC);
