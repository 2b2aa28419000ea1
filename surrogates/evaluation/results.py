"""The page of measured results: claims and speed, as the commands wrote them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Rows = Sequence[Mapping[str, Any]]


def results_page(folder: Path) -> str:
    """Return the page that shows what was measured, as Markdown.

    Parameters
    ----------
    folder
        Holds `DOMAIN.json` of `surrogates report claims` and `speed/NAME.json` of `surrogates bench --json`.
    """
    parts = [
        "# Results",
        "Measured on our data and machines, at `size=tiny` unless the command says otherwise. Each table "
        "comes from `surrogates report claims DOMAIN`; the numbers of each seed are in docs/results/seeds. "
        "Intervals are 95 % over seeds. A claim that does not hold stays.",
    ]
    for path in sorted(folder.glob("*.json")):
        parts += [f"## {path.stem.capitalize()}", _claims_table(json.loads(path.read_text()))]
    speed = {path.stem: json.loads(path.read_text()) for path in sorted((folder / "speed").glob("*.json"))}
    if speed:
        parts += ["## Speed", *(_speed_table(name, rows) for name, rows in speed.items())]
    return "\n\n".join(parts) + "\n"


def _claims_table(rows: Rows) -> str:
    body = []
    for row in rows:
        interval = "" if row["low"] is None else f" ({row['low']:.3g} to {row['high']:.3g})"
        body.append(
            (
                f"{row['claim']} ({row['source']})",
                row["metric"],
                f"{row['ours']:.3g}{interval}",
                f"{row['baseline']:.3g} ({row['baseline_name']})",
                "-" if row["published"] is None else f"{row['published']:g}",
                row["target"],
                _verdict(row["holds"]),
            )
        )
    commands = "\n".join(f"- `{command}`" for command in dict.fromkeys(row["command"] for row in rows))
    header = ("claim", "metric", "ours", "baseline", "published", "target", "holds")
    return f"{_table(header, body)}\n\nCommands:\n\n{commands}"


def _speed_table(name: str, rows: Rows) -> str:
    machine = rows[0]["machine"]
    body = [
        (
            f"{row['name']}. {row['note']}" if row["note"] else row["name"],
            row["unit"],
            f"{row['ours']:.3g}",
            f"{row['reference']:.3g} ({row['reference_name']})",
            f"{row['ratio']:.3g}",
            row["target"] or "-",
            _verdict(row["holds"]),
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
