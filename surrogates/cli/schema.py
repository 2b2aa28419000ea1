"""`surrogates schema`: JSON schemas of YAML files, for editors."""

from pathlib import Path
from typing import Annotated, Any

import typer

from surrogates.core.paths import local

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Write JSON schemas, by which an editor checks YAML files.\n\n"
    "A first line such as `# yaml-language-server: $schema=experiment.json` tells an editor which one.",
)
Out = Annotated[Path | None, typer.Option(metavar="PATH", parser=local, help="Write it to a file.")]
OWN: dict[str, Any] = {
    "out": {"type": "string", "description": "Path or URL of the store."},
    "workers": {"type": "integer", "minimum": 0, "description": "Worker processes."},
    "parts": {"type": "string", "pattern": r"^\d+/\d+$", "description": "Slice of a build, such as 3/10."},
}


@app.command()
def recipe(
    name: Annotated[
        str, typer.Argument(metavar="RECIPE", help="A registered name, or module:Class of your own.")
    ],
    out: Out = None,
) -> None:
    """Write the schema of a recipe's keys, as `data build --config` and `data import` take them.

    \b
    surrogates schema recipe radio/drive_test --out site.json
    """
    from datasets.factory.find import find_recipe

    keys = find_recipe(name).keys_model().model_json_schema()
    keys["properties"] |= {key: about for key, about in OWN.items() if key not in keys["properties"]}
    keys.pop("required", None)  # the rest may be on the command line
    _write({"$schema": "https://json-schema.org/draft/2020-12/schema", **keys, "title": name}, out)


@app.command()
def experiment(out: Out = None) -> None:
    """Write the schema of an experiment's file, with the pieces of all installed packages.

    \b
    surrogates schema experiment --out experiment.json
    """
    from surrogates.experiment.schema import experiment_schema

    _write(experiment_schema(), out)


def _write(schema: dict[str, Any], out: Path | None) -> None:
    import json

    from surrogates.core.files import write_atomic

    text = json.dumps(schema, indent=2, ensure_ascii=False)
    if out is None:
        typer.echo(text)
        return
    write_atomic(out, text + "\n")
    typer.echo(str(out))
