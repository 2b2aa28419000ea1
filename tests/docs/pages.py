"""Runs the code of a Markdown page as a reader would: block after block, in one empty folder."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FENCE = re.compile(r"^```(?P<language>\w+)(?P<words>[^\n]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
TITLE = re.compile(r'title="([^"]+)"')


class Block(NamedTuple):
    """A fenced block: its language, the file it stands for or "", its line in the page, its code."""

    language: str
    file: str
    line: int
    code: str


def blocks(page: Path) -> Iterator[Block]:
    """Return the unindented fenced blocks of a page in their order."""
    text = page.read_text()
    for match in FENCE.finditer(text):
        title = TITLE.search(match["words"])
        line = text.count("\n", 0, match.start("code"))
        yield Block(match["language"], title[1] if title else "", line, match["code"])


def run_page(page: Path, folder: Path) -> dict[str, object]:
    """Write titled blocks to files, run `python` blocks in one namespace and `bash` blocks in a shell.

    The caller makes `folder` the current folder. Returns the namespace of the Python blocks.
    """
    namespace: dict[str, object] = {"__name__": "page"}
    for block in blocks(page):
        if block.file:
            path = folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.code)
        elif block.language == "python":
            # Empty lines in front make a traceback point to the line of the page.
            exec(compile("\n" * block.line + block.code, str(page), "exec"), namespace)
        elif block.language == "bash":
            run_shell(block, page, folder)
    return namespace


def run_shell(block: Block, page: Path, folder: Path) -> None:
    """Run one block of shell commands; any that fails stops it."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"{page.name}, line {block.line}:\n{block.code}\n{done.stdout}\n{done.stderr}")
