"""The page of measured results: claims and speed, from the files that the commands wrote."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from surrogates.core.files import write_atomic

Row = Mapping[str, Any]
Rows = Sequence[Row]
PAGE, FOLDER = "results.md", "results"


def write_results(docs: Path) -> Path:
    """Write the page of results to the folder of the documentation."""
    page = docs / PAGE
    write_atomic(page, results_page(docs / FOLDER))
    return page


def results_are_current(docs: Path) -> bool:
    """Return whether the page of results shows what the files hold."""
    page = docs / PAGE
    return page.is_file() and page.read_text(encoding="utf-8") == results_page(docs / FOLDER)


def results_page(folder: Path) -> str:
    """Return the page that shows what was measured, as Markdown.

    Parameters
    ----------
    folder
        Holds `DOMAIN.json` and `tables/DOMAIN.json` of `surrogates report claims`, and `speed/NAME.json` of
        `surrogates bench --json`.
    """
    blocks = [
        "# Results",
        "Measured on our data and machines, at `size=tiny` unless the command says otherwise. Each table "
        "comes from `surrogates report claims DOMAIN`; the numbers of each seed are in docs/results/seeds. "
        "Intervals are 95 % over seeds. A claim that does not hold stays.",
    ]
    for path in sorted(folder.glob("*.json")):
        if rows := _rows(path):
            blocks += [f"## {path.stem.replace('_', ' ').capitalize()}", _claims_table(rows)]
            blocks += [_result_table(table) for table in _rows(folder / "tables" / path.name)]
    speed = {path.stem: _rows(path) for path in sorted((folder / "speed").glob("*.json"))}
    if any(speed.values()):
        blocks += ["## Speed", *(_speed_table(name, rows) for name, rows in speed.items() if rows)]
    return "\n\n".join(blocks) + "\n"


def _rows(path: Path) -> Rows:
    """Return the rows of a file, none if it does not exist; refuse a damaged one."""
    if not path.exists():
        return []
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is no JSON ({error}); write it again with its command") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{path} holds no list of rows; write it again with its command")
    return rows


def _claims_table(rows: Rows) -> str:
    body = [
        (
            f"{row['claim']} ({row['source']})" if row.get("source") else row["claim"],
            row["metric"],
            _number(row.get("ours")) + _interval(row),
            _named(row.get("baseline"), row.get("baseline_name")),
            "-" if row.get("published") is None else f"{row['published']:g}",
            row.get("target") or "-",
            _verdict(row.get("holds")),
        )
        for row in rows
    ]
    table = _table(("claim", "metric", "ours", "baseline", "published", "target", "holds"), body)
    commands = dict.fromkeys(row["command"] for row in rows if row.get("command"))
    return "\n\n".join(
        [table, *(["Commands:", "\n".join(f"- `{each}`" for each in commands)] if commands else [])]
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _interval(row: Row) -> str:
    low, high = row.get("low"), row.get("high")
    return "" if low is None or high is None else f" ({low:.3g} to {high:.3g})"


def _named(value: float | None, name: str | None) -> str:
    return f"{_number(value)} ({name})" if name else _number(value)


def _result_table(table: Row) -> str:
    return f"{table['title']}\n\n{_table(table['header'], table['rows'])}"


def _speed_table(name: str, rows: Rows) -> str:
    machine = rows[0]["machine"]
    body = [
        (
            f"{row['name']}. {row['note']}" if row.get("note") else row["name"],
            row["unit"],
            _number(row.get("ours")),
            _named(row.get("reference"), row.get("reference_name")),
            _number(row.get("ratio")),
            row.get("target") or "-",
            _verdict(row.get("holds")),
        )
        for row in rows
    ]
    where = (
        f"`surrogates bench {name}` on {machine['cpu']}, {machine['cores']} cores, load "
        f"{machine['load_at_start']:g} at the start:"
    )
    return f"{where}\n\n{_table(('what', 'unit', 'ours', 'reference', 'ratio', 'target', 'holds'), body)}"


def _verdict(holds: bool | None) -> str:
    return "-" if holds is None else "yes" if holds else "**no**"


def _table(header: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in body]
    return "\n".join(lines)
