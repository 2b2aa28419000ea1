"""Puts the measured results into the documentation when it is built."""

import json
from pathlib import Path
from typing import Any

MARKER = "<!-- results -->"
COLUMNS = {
    "claim": "claim",
    "metric": "metric",
    "ours": "ours",
    "interval": "95 % interval",
    "baseline": "baseline",
    "published": "published",
    "holds": "holds",
}


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Replace the marker of the results page by one table for each file of `docs/results`."""
    if MARKER not in markdown:
        return markdown
    measured = sorted((Path(config["docs_dir"]) / "results").glob("*.json"))
    tables = [section(path.stem, json.loads(path.read_text())) for path in measured]
    return markdown.replace(MARKER, "\n\n".join(tables) or "No results have been measured yet.")


def section(domain: str, rows: list[dict[str, Any]]) -> str:
    """Return heading, table and commands of one domain."""
    header = f"| {' | '.join(COLUMNS.values())} |\n|{' --- |' * len(COLUMNS)}"
    body = "\n".join(f"| {' | '.join(cells(row))} |" for row in rows)
    commands = "\n".join(sorted({row["command"] for row in rows}))
    return f"## {domain}\n\n{header}\n{body}\n\nMade by:\n\n```text\n{commands}\n```"


def cells(row: dict[str, Any]) -> list[str]:
    """Return the cells of one claim in the order of the columns."""
    shown = {
        "claim": f"{row['claim']} ({row['source']})",
        "interval": f"{number(row['low'])} to {number(row['high'])}",
        "baseline": f"{number(row['baseline'])} ({row['baseline_name']})",
        "holds": {True: "yes", False: "no"}.get(row["holds"], "not judged"),
    }
    return [shown.get(key, number(row.get(key))) for key in COLUMNS]


def number(value: Any) -> str:
    """Return a measured value with three significant digits."""
    if value is None:
        return "–"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
