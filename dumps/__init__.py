"""Files in and out: import, generated sample data, backup."""
