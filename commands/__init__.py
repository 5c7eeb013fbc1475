"""The command line, one file per group of commands; spark_manage.py is their entry."""
