"""`surrogates bench`: measured speed statements of a checkout."""

import ast
import importlib
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

NOT_BENCHMARKS = {"__init__", "rows", "tiling", "uav_stream"}


def bench(
    name: Annotated[str, typer.Argument(help="Which benchmark; `list` shows them.")],
    quick: Annotated[bool, typer.Option("--quick", help="Fewer repeats and smaller cases.")] = False,
    json_path: Annotated[
        Path | None, typer.Option("--json", help="Also write the rows to this file.")
    ] = None,
) -> None:
    """Measure ours and a reference in turn on this machine. Reports, never fails for a slow result."""
    from surrogates.core.checkout import checkout

    folder = checkout("Benchmarks") / "benchmarks"
    available = {path.stem: path for path in sorted(folder.glob("*.py")) if path.stem not in NOT_BENCHMARKS}
    if name == "list":
        for stem, path in available.items():
            typer.echo(f"{stem:<12} {_first_line(path)}")
        return
    if name not in available:
        from surrogates.core.text import nearest

        raise ValueError(
            f"There is no benchmark '{name}'.{nearest(name, available)} Benchmarks: {', '.join(available)}."
        )
    sys.path.insert(0, str(folder.parent))
    module = importlib.import_module(f"benchmarks.{name}")
    from benchmarks.rows import as_json, describe_machine, table

    rows = module.run(quick=quick)
    typer.echo(table(rows))
    machine = describe_machine()
    typer.echo(
        f"on {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}"
    )
    if json_path is not None:
        json_path.parent.mkdir(parents=True, exist_ok=True)
        json_path.write_text(json.dumps(as_json(rows), indent=2) + "\n")


def _first_line(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
