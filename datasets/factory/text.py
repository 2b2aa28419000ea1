"""Text files as people save them: Unicode is recognised, other encodings are guessed if nothing else fits."""

from __future__ import annotations

import re
import unicodedata
import warnings
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

from datasets.factory.errors import BuildError
from datasets.factory.limits import MOST_BYTES, read_bytes

HEAD = 8192
"""Bytes that tell what a file is."""
MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
"""Encodings by the byte order mark that a text begins with; longer marks come first."""
SAVE = "save the file as UTF-8"
SAVE_OR_NAME = f"{SAVE}, or name its encoding, such as `encoding=cp1252`"

_ONE_BYTE = (
    *("cp1252", "iso8859_15", "cp1250", "iso8859_2", "cp1251", "koi8_r", "cp1253", "cp1254", "cp1257"),
    *("mac_roman", "cp850", "cp437"),
)
_TWO_BYTES = ("cp932", "gb18030", "big5", "cp949")
"""What systems and spreadsheets save in when it is not Unicode, the likelier first."""
_SAMPLE = 500
"""Lines that have to fit a guess."""
_SYMBOLS = "°µ²³±·\u00d7§€\u2013—…“”„\u2018\u2019«»®©ºª½¼\u00a0"
_WORD = re.compile(r"[^\W\d_]+")
_BETWEEN = re.compile(r"(?<=[^\W\d_])([^\x00-\x7f\u2019])(?=[^\W\d_])")
"""What stands between two letters."""


class Text(NamedTuple):
    """The content of a text file.

    Attributes
    ----------
    content
        Without byte order mark, and with its line ends.
    encoding
        That it was decoded with.
    remark
        What a user should read of a guessed encoding; empty where nothing was guessed.
    """

    content: str
    encoding: str
    remark: str = ""


def _known(name: str | None) -> str | None:
    try:
        " ".encode(name or "utf-8")
    except LookupError:
        raise ValueError(
            f"there is no text encoding '{name}'; give one such as utf-8, latin-1 or cp1252"
        ) from None
    return name


Encoding = Annotated[
    str | None,
    AfterValidator(_known),
    Field(
        description="Encoding of the text, such as cp1252; Unicode is recognised, others where only one fits."
    ),
]
"""Type of the parameter `encoding` of importers that read text."""


def encoding_of(head: bytes) -> str:
    """Return the encoding that the first bytes of a text suggest; UTF-8 by default."""
    for mark, encoding in MARKS.items():
        if head.startswith(mark):
            return encoding
    # Letters, digits and separators of UTF-16 have a byte of zero each, on one side.
    even, odd = head[0::2], head[1::2]
    if odd and max(even.count(0), odd.count(0)) > 0.4 * len(odd) and min(even.count(0), odd.count(0)) == 0:
        return "utf-16-le" if odd.count(0) else "utf-16-be"
    return "utf-8"


def read_text(path: Path, encoding: str | None = None, advice: str = SAVE, most: int = MOST_BYTES) -> str:
    """Return the content of a text file; a guessed encoding is told by a warning. See `opened`."""
    text = opened(read_bytes(path, most), str(path), encoding, advice)
    if text.remark:
        warnings.warn(text.remark, EncodingWarning, stacklevel=2)
    return text.content


def opened(content: bytes, name: str, encoding: str | None = None, advice: str = SAVE) -> Text:
    """Decode the bytes of a text file.

    Parameters
    ----------
    content
        Content of a file.
    name
        Name of the file, for messages.
    encoding
        Encoding that a user named; None recognises Unicode, and guesses other encodings where all that fit
        give the same text.
    advice
        What to do about text in an encoding that is not recognised.

    Raises
    ------
    BuildError
        If a byte does not fit the encoding; names file, line and byte.
    """
    chosen = encoding or encoding_of(content[:HEAD])
    try:
        return Text(content.decode(chosen).removeprefix("\ufeff"), chosen)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        found = f"{name}, line {line}: the byte 0x{content[error.start]:02x}"
        if encoding is None and chosen == "utf-8" and (guess := guessed(content)):
            return Text(
                content.decode(guess),
                guess,
                f"{found} is no UTF-8; the text is read as {guess}, the only encoding in use that fits",
            )
        raise BuildError(
            f"{found} found, expected text in {chosen.upper()}; "
            f"{advice if encoding is None else 'name the encoding that the file is in'}"
        ) from None


def guessed(content: bytes) -> str | None:
    """Return the encoding of a text that is no Unicode; None where encodings in use give different texts.

    A few words in a table of numbers are too little for statistics of languages. Only encodings are taken
    that give legible words and no others: what two of them read differently stays unknown.
    """
    if re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", content):
        return None
    lines = dict.fromkeys(line for line in content.splitlines() if not line.isascii())
    sample = b"\n".join(list(lines)[:_SAMPLE])
    # Without two such bytes in a row it is no text of two bytes a character.
    candidates = _ONE_BYTE + (_TWO_BYTES if re.search(rb"[\x80-\xff]{2}", sample) else ())
    legible = {text: name for name in reversed(candidates) if _legible(text := _decoded(sample, name))}
    if len(legible) != 1:
        return None
    (guess,) = legible.values()
    return guess if _decoded(content, guess) else None


def _decoded(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return ""


def _legible(text: str) -> bool:
    """Tell whether words are of one script each, without capitals inside, and symbols are common ones."""
    for word in _WORD.findall(text):
        letters = word.strip(_SYMBOLS)
        if letters.isascii():
            continue
        if len({unicodedata.name(letter, "?").partition(" ")[0] for letter in letters}) > 1:
            return False
        if letters[1:] != letters[1:].lower() and not letters.isupper():
            return False
    if any(not between.isalpha() for between in _BETWEEN.findall(text)):
        return False
    return bool(text) and all(each.isascii() or each.isalpha() or each in _SYMBOLS for each in text)
