DROP TABLE part_status, rate_limit;
