"""Fills the headline table of a page from the results that the commands wrote (a hook of MkDocs).

A page names the rows, each by its claim and, if a claim has several metrics, by text of the metric::

    <!-- headline radio
    U-Net-Dir with 200 samples beats kriging
    Paired gain over kriging | blocks of 128 m
    -->
"""

import json
import re
from pathlib import Path
from typing import Any

BLOCK = re.compile(r"^<!-- headline (\w+)\n(.*?)^-->$", re.MULTILINE | re.DOTALL)
RESULTS = Path(__file__).parent / "results"


def on_page_markdown(markdown: str, **_: object) -> str:
    """Return a page with its headline tables; a row that is not there stops the build."""
    return BLOCK.sub(lambda found: table(found[1], found[2].splitlines()), markdown)


def table(domain: str, wanted: list[str]) -> str:
    """Return the named rows of a domain as a Markdown table.

    Raises
    ------
    ValueError
        When a line names no row, or several.
    """
    rows = json.loads((RESULTS / f"{domain}.json").read_text(encoding="utf-8"))
    lines = [
        "| claim | ours | compared with | holds |",
        "| --- | --- | --- | --- |",
        *(_line(_row(domain, rows, line)) for line in wanted),
    ]
    return "\n".join(lines) + f"\n\nThe whole tables, with their commands: [results](results.md#{domain}).\n"


def _row(domain: str, rows: list[dict[str, Any]], line: str) -> dict[str, Any]:
    claim, _, metric = (text.strip() for text in line.partition("|"))
    found = [row for row in rows if row["claim"].startswith(claim) and metric in row["metric"]]
    if len(found) != 1:
        raise ValueError(f"docs/results/{domain}.json has {len(found)} rows for '{line}', expected one")
    return found[0]


def _line(row: dict[str, Any]) -> str:
    interval = "" if row.get("low") is None else f" ({row['low']:.3g} to {row['high']:.3g})"
    baseline = "" if row.get("baseline") is None else f"{row['baseline']:.3g} "
    verdict = {True: "yes", False: "**no**", None: "-"}[row.get("holds")]
    claim, metric = (str(row[key]).replace("|", "\\|") for key in ("claim", "metric"))
    ours, other = f"{row['ours']:.3g}{interval}", f"{baseline}({row['baseline_name']})"
    return f"| {claim}<br><small>{metric}</small> | {ours} | {other} | {verdict} |"
