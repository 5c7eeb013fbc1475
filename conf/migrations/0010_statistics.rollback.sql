ALTER TABLE run DROP base_run_id, DROP code;
DROP TABLE result_entity_document, result_document;
ALTER TABLE result_list DROP previous_ranks, DROP previous_counts, DROP gone_ids, DROP gone_counts, DROP seconds,
    DROP by_time, DROP time_by_source, DROP applied;
COMMENT ON COLUMN result_list.key IS NULL;
