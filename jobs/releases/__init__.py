"""Releases that are just coming out."""
