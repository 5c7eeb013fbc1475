"""AudioScrobbler 1.2, the protocol of old players: plain text, sessions, listens as indexed form fields."""
