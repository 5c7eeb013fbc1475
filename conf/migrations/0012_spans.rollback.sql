DROP INDEX request_asked;
DROP TABLE span_list, span_document, span;
