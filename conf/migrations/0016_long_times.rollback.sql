UPDATE result_list SET seconds = ARRAY(SELECT least(s, 2147483647) FROM unnest(seconds) WITH ORDINALITY AS t (s, n)
                                        ORDER BY n)
 WHERE 2147483647 < ANY (seconds);
UPDATE span_list SET seconds = ARRAY(SELECT least(s, 2147483647) FROM unnest(seconds) WITH ORDINALITY AS t (s, n)
                                      ORDER BY n)
 WHERE 2147483647 < ANY (seconds);
ALTER TABLE span_list ALTER COLUMN seconds TYPE integer[];
ALTER TABLE result_list ALTER COLUMN seconds TYPE integer[];
ALTER TABLE result_list ALTER COLUMN seconds SET STORAGE EXTERNAL;
