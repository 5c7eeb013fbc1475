"""Bringing in what others wrote: other services' files."""
