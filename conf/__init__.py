"""Settings, connections, schema: the bottom layer. Imports nothing of the project."""
