"""Text files as people save them: UTF-8 and UTF-16 are recognised, other encodings have to be named."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from datasets.factory.errors import BuildError

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
    Field(description="Encoding of the text, such as cp1252; UTF-8 and UTF-16 are recognised."),
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


def read_text(path: Path, encoding: str | None = None, advice: str = SAVE) -> str:
    """Return the content of a text file, without byte order mark and with its line ends; see `decoded`."""
    return decoded(path.read_bytes(), str(path), encoding, advice)


def decoded(content: bytes, name: str, encoding: str | None = None, advice: str = SAVE) -> str:
    """Return bytes as text.

    Parameters
    ----------
    content
        Content of a file.
    name
        Name of the file, for messages.
    encoding
        Encoding that a user named; None recognises UTF-8 and UTF-16.
    advice
        What to do about text in an encoding that is not recognised.

    Raises
    ------
    BuildError
        If a byte does not fit the encoding; names file and line.
    """
    chosen = encoding or encoding_of(content[:HEAD])
    try:
        return content.decode(chosen).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BuildError(
            f"{name}, line {line}: the byte 0x{content[error.start]:02x} found, expected text in "
            f"{chosen.upper()}; {advice if encoding is None else 'name the encoding that the file is in'}"
        ) from None
