-- Statistics in whole: every list with what it was a period before and with its time; documents; entities' documents.
-- depends: 0009_settings_of_users

ALTER TABLE result_list
    ADD previous_ranks  integer[] NOT NULL DEFAULT '{}', -- of each id's item in the period before; 0: it was not there
    ADD previous_counts integer[] NOT NULL DEFAULT '{}', -- its listens there
    ADD gone_ids        bigint[]  NOT NULL DEFAULT '{}', -- what the period before had and this one has not, most played first
    ADD gone_counts     integer[] NOT NULL DEFAULT '{}',
    ADD seconds         integer[] NOT NULL DEFAULT '{}', -- listening time of each id's item
    ADD by_time         integer[] NOT NULL DEFAULT '{}', -- places in ids, from 1: the longest listened to first
    ADD time_by_source  bigint[]  NOT NULL DEFAULT '{}', -- milliseconds: as played, as submitted, recording's length, default
    ADD applied         text;                            -- JSON: the user's settings that were applied; null: she has none
ALTER TABLE result_list
    ALTER COLUMN previous_ranks SET STORAGE EXTERNAL, ALTER COLUMN previous_counts SET STORAGE EXTERNAL,
    ALTER COLUMN gone_ids SET STORAGE EXTERNAL, ALTER COLUMN gone_counts SET STORAGE EXTERNAL,
    ALTER COLUMN seconds SET STORAGE EXTERNAL, ALTER COLUMN by_time SET STORAGE EXTERNAL;
COMMENT ON COLUMN result_list.key IS 'user id; less than 0: without the settings of the user -key; 0: sitewide';

-- A statistic that is no list: JSON without what the run row says.
CREATE TABLE result_document (
    statistic   text NOT NULL,
    stats_range text NOT NULL,
    key         bigint NOT NULL,                 -- as result_list.key
    doc         text NOT NULL,
    applied     text,
    PRIMARY KEY (statistic, stats_range, key)
);

-- A statistic of an artist or a release group, by its MBID.
CREATE TABLE result_entity_document (
    statistic   text NOT NULL,
    stats_range text NOT NULL,
    entity      uuid NOT NULL,
    doc         text NOT NULL,
    PRIMARY KEY (statistic, stats_range, entity)
);

ALTER TABLE run
    ADD base_run_id uuid, -- null: computed from everything; else the run that this one continued
    ADD code        text; -- digest of what computed it: a run of other code is not continued
