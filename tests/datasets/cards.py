"""The table of a card that says what an importer does with each field of its files."""

import re
from pathlib import Path

import datasets.factory

TITLE = "## What is read of the files"


def fields(recipe: str) -> list[str]:
    """Return the first column of the table below `TITLE` in the card of an importer, such as `seismic/segy`.

    A test is parametrised over it and has to know an example of each, so that no line of the table is only
    said.
    """
    domain, _, name = recipe.rpartition("/")
    path = Path(datasets.factory.__path__[0]).parent / (domain or "factory") / f"{name}.card.md"
    text = path.read_text(encoding="utf-8").partition(TITLE)[2]
    assert text, f"{path} has no section '{TITLE}'"
    rows = re.findall(r"^\| *(.*?) *\|", text.partition("\n## ")[0], re.MULTILINE)
    assert len(rows) > 2, f"{path} has no table below '{TITLE}'"
    return rows[2:]
