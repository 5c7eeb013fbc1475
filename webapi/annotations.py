"""What people write beside a playlist: HTML, of which what only looks stays and what does anything goes."""

import re

import nh3

TAGS = {"a", "strong", "b", "em", "i", "u", "ul", "li", "p", "br"}
_SITES = ("musicbrainz", "listenbrainz", "metabrainz", "critiquebrainz", "acousticbrainz")
# Judged by the letters, not by a parser of addresses: browsers and parsers differ in what they take for the host.
_LINK = re.compile(rf"https?://(?:[a-z0-9-]+\.)*(?:{'|'.join(_SITES)})\.org(?::[0-9]+)?(?:[/?#].*)?", re.I | re.S)


def cleaned(html: str) -> str:
    """With TAGS alone, and of their attributes the `href` of a link to MetaBrainz's sites."""
    return nh3.clean(html, tags=TAGS, attributes={"a": {"href"}}, attribute_filter=_kept, link_rel=None)


def _kept(element: str, attribute: str, value: str) -> str | None:
    del element, attribute
    return value if _LINK.fullmatch(value) else None
