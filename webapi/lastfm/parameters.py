"""The parameters of a call: those of the query, then those of the form; of one given twice the first counts."""

from io import BytesIO
from urllib.parse import parse_qsl

from flask import request
from werkzeug.formparser import FormDataParser

from webapi.bodies import MAX_FORM_BODY, read_form_body
from webapi.errors import BadRequestError
from webapi.lastfm.errors import INVALID_PARAMETERS, LastfmError, missing, unusable
from webapi.parameters import whole

MAX_PARAMETERS = 2000
"""50 listens have at most a dozen each."""


class Parameters:
    """Names and values of one call. An empty value is the same as none, except where a signature is made."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            self._values.setdefault(name, value)

    def items(self) -> list[tuple[str, str]]:
        """All of them, as sent."""
        return list(self._values.items())

    def given(self, name: str) -> str | None:
        """The value, also an empty one; None when it was not sent."""
        return self._values.get(name)

    def get(self, name: str) -> str | None:
        """The value; None when it was not sent, or sent empty."""
        return self._values.get(name) or None

    def required(self, name: str) -> str:
        """The value. Raises LastfmError."""
        value = self.get(name)
        if value is None:
            raise missing(name)
        return value

    def number(self, name: str, default: int, least: int = 0) -> int:
        """A whole number from `least` on. Raises LastfmError."""
        text = self.get(name)
        if text is None:
            return default
        value = whole(text)
        if value is None or not least <= value < 2**62:
            raise unusable(name, f"a whole number from {least} on")
        return value


def read_parameters() -> Parameters:
    """Those of the request. Raises LastfmError, and BadRequestError for a U+0000 or a body beyond MAX_FORM_BODY."""
    pairs = _decoded(request.query_string)
    if request.method == "POST":
        pairs += _form()
    for name, value in pairs:
        if "\0" in name or "\0" in value:
            text = value if "\0" in value else name
            raise BadRequestError(f"{text} contains a unicode null")
    return Parameters(pairs)


def _form() -> list[tuple[str, str]]:
    """Read as a form whatever its type says, for players forget to say it."""
    body = read_form_body()
    if request.mimetype != "multipart/form-data":
        return _decoded(body)
    parser = FormDataParser(max_form_memory_size=MAX_FORM_BODY, max_form_parts=MAX_PARAMETERS)
    _, form, _ = parser.parse(BytesIO(body), request.mimetype, len(body), request.mimetype_params)
    return list(form.items(multi=True))


def _decoded(text: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise LastfmError(
            INVALID_PARAMETERS, f"Invalid parameters - expected UTF-8, and at most {MAX_PARAMETERS} parameters"
        ) from None
