"""The table at the head of a domain's page shows what the results say, and nothing that they do not."""

import json
import re
import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
HOOK = runpy.run_path(str(DOCS / "headlines.py"))
ROWS = [
    {"claim": "A beats B", "metric": "RMSE in dB, cell 1", "ours": 1.234, "low": 1.0, "high": 1.5,
     "baseline": 2.0, "baseline_name": "B", "holds": True},
    {"claim": "A beats B", "metric": "RMSE in dB, cell 2", "ours": 3.0, "low": None, "high": None,
     "baseline": None, "baseline_name": "B", "holds": False},
]  # fmt: skip


@pytest.fixture
def hook(tmp_path, monkeypatch):
    (tmp_path / "radio.json").write_text(json.dumps(ROWS))
    monkeypatch.setitem(HOOK["table"].__globals__, "RESULTS", tmp_path)
    return HOOK["on_page_markdown"]


def test_named_rows_become_a_table_with_intervals_and_what_does_not_hold(hook):
    page = hook("# Radio\n\n<!-- headline radio\nA beats | cell 2\nA beats B | cell 1\n-->\n\nMore")
    second, first = (line for line in page.splitlines() if "beats" in line)
    assert "| 1.23 (1 to 1.5) | 2 (B) | yes |" in first
    assert "| 3 | (B) | **no** |" in second
    assert page.startswith("# Radio\n\n|") and page.endswith("\n\nMore")


@pytest.mark.parametrize(("line", "count"), [("A beats B", 2), ("A beats C", 0)])
def test_line_that_does_not_name_one_row_stops_the_build(hook, line, count):
    with pytest.raises(ValueError, match=f"has {count} rows for '{line}', expected one"):
        hook(f"<!-- headline radio\n{line}\n-->")


@pytest.mark.parametrize("page", ["radio", "seismic", "uav"])
def test_page_of_a_domain_begins_with_a_picture_and_its_headlines(page):
    text = (DOCS / f"{page}.md").read_text()
    assert re.match(r"# .*\n\n!\[.+\]\(images/\w+\.png\)\n", text)
    assert text.index("<!-- headline") < text.index("\n## ")
    assert HOOK["on_page_markdown"](text).count("\n| claim | ours |") == 1
