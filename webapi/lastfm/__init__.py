"""The Last.fm API 2.0 on `/2.0`: what players that scrobble to Last.fm speak, answered in XML or JSON."""
