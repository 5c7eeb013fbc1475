"""One blueprint per documented section."""
