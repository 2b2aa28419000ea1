"""Text files are read in the encodings that people save them in, or refused by file, line and key."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from datasets.factory.errors import BuildError
from datasets.factory.importing import read_mapping
from datasets.factory.text import SAVE_OR_NAME, Encoding, encoding_of, guessed, opened, read_text

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
    assert opened(mark + TEXT.encode(order), "a.csv").content == TEXT


def test_encoding_that_is_not_certain_is_refused_by_line_and_byte() -> None:
    with pytest.raises(BuildError) as caught:
        opened("a\nb\naño".encode("latin-1"), "a.csv", advice=SAVE_OR_NAME)
    assert str(caught.value) == (
        "a.csv, line 3: the byte 0xf1 found, expected text in UTF-8; save the file as UTF-8, or name its "
        "encoding, such as `encoding=cp1252`"
    )
    with pytest.raises(BuildError, match=r"in UTF-8; name the encoding that the file is in$"):
        opened("Zürich".encode("latin-1"), "a.csv", "utf-8", SAVE_OR_NAME)


@pytest.mark.parametrize(
    ("text", "encoding", "guess"),
    [
        ("x,Höhe\n1,2\n", "latin-1", "cp1252"),
        ("x,Höhe\n1,2\n", "cp1250", "cp1252"),  # these bytes are the same text in both
        ("Straße,Übergröße\n", "cp1252", "cp1252"),
        ("x,heading [°]\n", "latin-1", "cp1252"),
        ("relevé\n", "cp1252", "cp1252"),
        ("nazwa,wysokość\nŁódź,12\nKraków,3\n", "cp1250", "cp1250"),
        ("имя,высота\nПривет мир,2\n", "koi8_r", "koi8_r"),  # noqa: RUF001
        ("Wände in Zürich, Höhe über Grund\n", "mac_roman", "mac_roman"),
        ("Wände in Zürich\n", "cp850", "cp850"),
        ("año\n", "cp1252", None),  # in cp1250 a word as well
        ("Wände\n", "cp1252", None),  # in cp850 a word as well
        ("time [µs]\n", "cp1252", None),  # in cp850 a word as well
        ("名前,高さ\n", "cp932", None),
        ("имя,высота\n", "cp1251", None),
        ("Höhe\x00\n", "cp1252", None),
    ],
)
def test_encoding_is_guessed_only_where_all_that_fit_agree(
    text: str, encoding: str, guess: str | None
) -> None:
    content = text.encode(encoding)
    assert guessed(content) == guess
    if guess is not None:
        found = opened(content, "a.csv")
        assert (found.content, found.encoding) == (text, guess)
        assert f"is no UTF-8; the text is read as {guess}" in found.remark


def test_what_follows_the_sample_has_to_fit_a_guess_too() -> None:
    lines = [f"Höhe {number}" for number in range(600)]
    assert guessed("\n".join(lines).encode("cp1252")) == "cp1252"
    assert guessed("\n".join(lines).encode("cp1252") + b"\n\x81") is None


def test_named_encoding_is_used_and_its_mark_dropped() -> None:
    assert opened(TEXT.encode("cp1252"), "a.csv", "cp1252") == (TEXT, "cp1252", "")
    assert opened(TEXT.encode("utf-8-sig"), "a.csv", "utf-8").content == TEXT


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


def test_mapping_in_latin_1_is_read_with_a_warning_or_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text("title: Wände in Zürich\n", encoding="latin-1")
    with pytest.warns(EncodingWarning, match=r"map\.yaml, line 1: the byte 0xe4 is no UTF-8; .* as cp1252"):
        assert read_mapping(path) == {"title": "Wände in Zürich"}
    path.write_text("title: Wände\n", encoding="latin-1")
    with pytest.raises(BuildError, match=r"map\.yaml, line 1: the byte 0xe4 .* save the file as UTF-8$"):
        read_mapping(path)


def test_locale_decides_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(TEXT.encode("utf-8"))
    code = "import sys; from pathlib import Path; from datasets.factory.text import read_text; "
    code += "sys.stdout.buffer.write(read_text(Path(sys.argv[1])).encode())"
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.csv")],
        env={"PATH": "", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        check=True,
    )
    assert found.stdout.decode("utf-8") == TEXT
