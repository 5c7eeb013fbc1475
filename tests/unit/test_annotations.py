"""What is left of the HTML that people write beside a playlist."""

import pytest

from webapi.annotations import cleaned


@pytest.mark.parametrize(
    "html",
    [
        "<p>Songs for <strong>rain</strong>, <em>slow</em><br>and <b>low</b> <i>in</i> <u>G</u></p>",
        "<ul><li>one</li><li>two</li></ul>",
        '<a href="https://musicbrainz.org/artist/8f3471b5-7e6a-48da-86a9-c1c07a0f47ae?x=1#y">her</a>',
        '<a href="https://beta.listenbrainz.org">here</a>',
        "no markup",
    ],
)
def test_what_only_looks_stays(html: str) -> None:
    assert cleaned(html) == html


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("<img src=x onerror=alert(1)>x", "x"),
        ("<script>alert(1)</script>x", "x"),
        ('<p onclick="alert(1)" style="color: red" class="x">x</p>', "<p>x</p>"),
        ("<h1>x</h1>", "x"),
        ("<!-- x -->y", "y"),
        ("a < b & c", "a &lt; b &amp; c"),
        ("<svg><style><img src=x onerror=alert(1)></style></svg>", ""),
    ],
)
def test_what_does_anything_goes(html: str, left: str) -> None:
    assert cleaned(html) == left


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JavaScript:alert('https://musicbrainz.org/')",
        "data:text/html,x",
        "file:///etc/passwd",
        "/relative",
        "//musicbrainz.org/",
        "https://example.org/",
        "https://evilmusicbrainz.org/",
        "https://musicbrainz.org.example.org/",
        "https://example.org\\@musicbrainz.org/",
        "https://example.org/@musicbrainz.org/",
        "https://me:pw@musicbrainz.org/",
        "ftp://musicbrainz.org/",
        "ht\ntps://musicbrainz.org/",
    ],
)
def test_a_link_elsewhere_is_no_link(address: str) -> None:
    assert cleaned(f'<a href="{address}">x</a>') == "<a>x</a>"
