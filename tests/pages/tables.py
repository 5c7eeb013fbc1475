"""What a page's tables say, section by section, as a reader without a browser takes them from the HTML."""

from html.parser import HTMLParser

_VOID = frozenset({"link", "meta", "img", "br", "input", "col"})


class Reader(HTMLParser):
    """`sections`: id of a section to its tables, each a list of rows of texts; what svg draws is no text of a table."""

    def __init__(self) -> None:
        super().__init__()
        self.sections: dict[str, list[list[list[str]]]] = {}
        self._section: list[list[list[str]]] | None = None
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self._open.append(tag)
        if tag == "section":
            self._section = self.sections.setdefault(dict(attrs).get("id") or "", [])
        if self._section is None:
            return
        if tag == "table":
            self._section.append([])
        elif tag == "tr":
            self._section[-1].append([])
        elif tag in ("td", "th"):
            self._section[-1][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A drawn shape."""

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"{tag} is closed where another is open"
        if tag == "section":
            self._section = None

    def handle_data(self, data: str) -> None:
        if self._section is not None and {"td", "th"} & set(self._open) and "svg" not in self._open:
            self._section[-1][-1][-1] += data


def tables(page: str) -> dict[str, list[list[list[str]]]]:
    """Rows of the tables of every section, without their headings; blanks are one space."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    return {
        name: [[[" ".join(cell.split()) for cell in row] for row in table[1:]] for table in found]
        for name, found in reader.sections.items()
    }
