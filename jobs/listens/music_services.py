"""Online services by the domain that a listen names as its `music_service`, with the names people know them by.

Table 2 of the documentation of March 2023. A listen keeps what it was submitted with: by that text the mapping is made
where the data is used, and a domain that is not here is as good as one that is.
"""

MUSIC_SERVICES = {
    "spotify.com": "Spotify",
    "bandcamp.com": "Bandcamp",
    "youtube.com": "YouTube",
    "music.youtube.com": "YouTube Music",
    "deezer.com": "Deezer",
    "tidal.com": "TIDAL",
    "music.apple.com": "Apple Music",
    "archive.org": "Internet Archive",
    "soundcloud.com": "SoundCloud",
    "jamendo.com": "Jamendo Music",
    "play.google.com": "Google Play Music",
}
"""Names by domain. The table prints "Soudcloud", which is not its name."""
