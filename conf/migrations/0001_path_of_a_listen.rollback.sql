DROP TABLE queue_dead_letter, queue_message, result_entity, result_list, run, request, landing,
    mapping_delete, mapping, playing_now, rejected_listen, message_seen, listen_totals, listen_delete, listen, token, users, store;
DROP SEQUENCE change_position;
