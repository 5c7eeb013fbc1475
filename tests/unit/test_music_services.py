from jobs.listens.music_services import MUSIC_SERVICES

DOMAINS = (
    "spotify.com bandcamp.com youtube.com music.youtube.com deezer.com tidal.com music.apple.com archive.org "
    "soundcloud.com jamendo.com play.google.com"
)


def test_services_are_those_of_the_documentation_in_its_order() -> None:
    assert list(MUSIC_SERVICES) == DOMAINS.split()
    assert len({*MUSIC_SERVICES.values()}) == 11
    assert (MUSIC_SERVICES["soundcloud.com"], MUSIC_SERVICES["music.youtube.com"]) == ("SoundCloud", "YouTube Music")
