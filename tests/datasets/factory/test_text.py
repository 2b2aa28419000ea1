"""Text files are read in the encodings that people save them in, or refused by file, line and key."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from datasets.factory.errors import BuildError
from datasets.factory.importing import read_mapping
from datasets.factory.text import SAVE_OR_NAME, Encoding, decoded, encoding_of, read_text

TEXT = "name,Höhe\r\nZürich,408\r\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "ascii"]
)
def test_unicode_is_recognised_with_and_without_a_mark(encoding: str, tmp_path: Path) -> None:
    text = TEXT if encoding != "ascii" else "name,height\r\n"
    (tmp_path / "a.csv").write_bytes(text.encode(encoding))
    assert read_text(tmp_path / "a.csv") == text


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_mark_of_utf_16_tells_the_order_of_its_bytes(mark: bytes) -> None:
    order = "utf-16-le" if mark == b"\xff\xfe" else "utf-16-be"
    assert decoded(mark + TEXT.encode(order), "a.csv") == TEXT


def test_another_encoding_is_refused_by_line_and_byte() -> None:
    with pytest.raises(BuildError) as caught:
        decoded("a\nb\nZürich".encode("latin-1"), "a.csv", advice=SAVE_OR_NAME)
    assert str(caught.value) == (
        "a.csv, line 3: the byte 0xfc found, expected text in UTF-8; save the file as UTF-8, or name its "
        "encoding, such as `encoding=cp1252`"
    )
    with pytest.raises(BuildError, match=r"in UTF-8; name the encoding that the file is in$"):
        decoded("Zürich".encode("latin-1"), "a.csv", "utf-8", SAVE_OR_NAME)


def test_named_encoding_is_used_and_its_mark_dropped() -> None:
    assert decoded(TEXT.encode("cp1252"), "a.csv", "cp1252") == TEXT
    assert decoded(TEXT.encode("utf-8-sig"), "a.csv", "utf-8") == TEXT


def test_few_zeros_do_not_make_utf_16() -> None:
    assert encoding_of(b"a,b\x00\n1,2\n") == "utf-8"
    assert encoding_of(b"") == "utf-8"


@pytest.mark.parametrize("name", ["latin1", "utf-8", "CP1252", None])
def test_encodings_of_python_are_accepted(name: str | None) -> None:
    class Importer(BaseModel):
        encoding: Encoding = None

    assert Importer(encoding=name).encoding == name
    for wrong in ("latin-99", "rot13"):
        with pytest.raises(ValidationError, match=f"no text encoding '{wrong}'; give one such as utf-8"):
            Importer(encoding=wrong)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_mapping_is_read_as_editors_save_it(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text("title: Wände in Zürich\n", encoding=encoding)
    assert read_mapping(tmp_path / "map.yaml") == {"title": "Wände in Zürich"}


def test_mapping_in_latin_1_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text("title: Wände\n", encoding="latin-1")
    with pytest.raises(BuildError, match=r"map\.yaml, line 1: the byte 0xe4 .* save the file as UTF-8$"):
        read_mapping(tmp_path / "map.yaml")
