"""The HTTP side: Flask over PostgreSQL; computes nothing, never imports Spark."""
