"""The page of measured results: claims and speed, from the files that the commands wrote."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from surrogates.core.checkout import files_at, text_at
from surrogates.core.files import write_atomic

Row = Mapping[str, Any]
Rows = Sequence[Row]
PAGE, FOLDER = "results.md", "results"
CHANGES = "changes"
"""Name of the file that `write_changes` makes, and of the section that shows it."""


def write_results(docs: Path) -> Path:
    """Write the page of results to the folder of the documentation."""
    page = docs / PAGE
    write_atomic(page, results_page(docs / FOLDER))
    return page


def results_are_current(docs: Path) -> bool:
    """Return whether the page of results shows what the files hold."""
    page = docs / PAGE
    return page.is_file() and page.read_text(encoding="utf-8") == results_page(docs / FOLDER)


def rows_of(root: Path, revision: str) -> dict[str, Rows]:
    """Return the rows of the claims at a commit of the checkout, by domain.

    Raises
    ------
    ConfigError
        When there is no such commit.
    """
    folder = f"docs/{FOLDER}/"
    names = [
        name for name in files_at(root, revision, folder) if name.count("/") == 2 and name.endswith(".json")
    ]
    return {Path(name).stem: json.loads(text_at(root, revision, name)) for name in names}


def write_changes(docs: Path, before: Mapping[str, Rows], since: str) -> Path:
    """Write what has changed in the rows of the claims, for the page to show.

    Parameters
    ----------
    docs
        Folder of the documentation.
    before
        Earlier rows by domain. A claim is the same if its text and its metric are.
    since
        What the earlier rows are called: a commit.
    """
    changes = []
    for domain, rows in sorted(before.items()):
        known = {(row["claim"], row["metric"]): row for row in rows}
        for row in _rows(docs / FOLDER / f"{domain}.json"):
            old = known.get((row["claim"], row["metric"]))
            if old is not None and old["ours"] != row["ours"]:
                kept = {key: row[key] for key in ("claim", "metric", "ours", "baseline", "holds")}
                earlier = {f"{key}_before": old[key] for key in ("ours", "baseline", "holds", "commit")}
                changes.append({"domain": domain, **kept, **earlier, "since": since})
    path = docs / FOLDER / CHANGES / "claims.json"
    write_atomic(path, json.dumps(changes, indent=2) + "\n")
    return path


def results_page(folder: Path) -> str:
    """Return the page that shows what was measured, as Markdown.

    Parameters
    ----------
    folder
        Holds `DOMAIN.json` and `tables/DOMAIN.json` of `surrogates report claims`, `speed/NAME.json` of
        `surrogates bench --json`, and `changes/claims.json` of `surrogates report results --since`.
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
    if changes := _rows(folder / CHANGES / "claims.json"):
        blocks += ["## Measured again", _changes_table(changes)]
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
    runs = {row["command"]: row for row in rows if row.get("command")}
    return "\n\n".join([table, *([_runs_table(runs.values())] if runs else [])])


def _runs_table(rows: Iterable[Row]) -> str:
    """Return the command of the first seed of each experiment, beside what all its seeds took."""
    body = [
        (
            f"`{row['command']}`",
            str(row.get("seeds", "-")),
            _seconds(row.get("seconds")),
            row.get("commit") or "-",
        )
        for row in rows
    ]
    return _table(("command of the first seed", "seeds", "seconds of all", "commit"), body)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _changes_table(changes: Rows) -> str:
    body = [
        (
            row["domain"],
            row["claim"],
            row["metric"],
            f"{_number(row['ours_before'])} ({_number(row['baseline_before'])})",
            f"{_number(row['ours'])} ({_number(row['baseline'])})",
            f"{row['ours'] - row['ours_before']:+.3g}",
            f"{_verdict(row['holds_before'])}, {_verdict(row['holds'])}",
        )
        for row in changes
    ]
    header = (
        "domain",
        "claim",
        "metric",
        "before (baseline)",
        "now (baseline)",
        "change of ours",
        "held, holds",
    )
    return f"What differs from the rows of {changes[0]['since']}:\n\n{_table(header, body)}"


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
