"""`surrogates bench`: measured speed statements of a checkout."""

import ast
import json
from pathlib import Path
from typing import Annotated

import typer

from surrogates.core.paths import local


def bench(
    name: Annotated[str, typer.Argument(help="Which benchmark; `list` shows them.")],
    quick: Annotated[bool, typer.Option("--quick", help="Fewer repeats and smaller cases.")] = False,
    json_path: Annotated[
        Path | None, typer.Option("--json", parser=local, help="Also write the rows to this file.")
    ] = None,
) -> None:
    """Measure ours and a reference in turn on this machine. Reports, never fails for a slow result."""
    from surrogates.core.checkout import checkout, evidence
    from surrogates.core.files import require_writable

    root = checkout("Benchmarks")
    available = benchmarks(root / "benchmarks" / "speed")
    if name == "list":
        for stem, line in available.items():
            typer.echo(f"{stem:<12} {line}")
        return
    if name not in available:
        from surrogates.core.text import nearest

        raise ValueError(
            f"There is no benchmark '{name}'.{nearest(name, available)} Benchmarks: {', '.join(available)}."
        )
    if json_path is not None:
        require_writable(json_path)
    rows, speed = evidence(root, f"speed.{name}").run(quick=quick), evidence(root, "speed.rows")
    typer.echo(speed.table(rows))
    machine = speed.describe_machine()
    typer.echo(
        f"on {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}"
    )
    if json_path is not None:
        json_path.parent.mkdir(parents=True, exist_ok=True)
        json_path.write_text(json.dumps(speed.as_json(rows), indent=2) + "\n", encoding="utf-8")


def benchmarks(folder: Path) -> dict[str, str]:
    """Return the name and the first line of each benchmark: a module of the folder with a function `run`."""
    trees = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.py"))}
    return {
        name: (ast.get_docstring(tree) or "").partition("\n")[0]
        for name, tree in trees.items()
        if any(isinstance(node, ast.FunctionDef) and node.name == "run" for node in tree.body)
    }
