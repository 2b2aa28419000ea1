"""`surrogates data`: build, resume, extend, check, show and import datasets."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from surrogates.cli.data_card import card
from surrogates.cli.data_keys import Own, read_keys
from surrogates.cli.data_running import interruptible as _interruptible
from surrogates.cli.data_running import say_state as _say_state
from surrogates.cli.data_running import shown as _shown
from surrogates.cli.data_stores import compare, extend, merge, subset
from surrogates.cli.echo import echo
from surrogates.core.paths import local

if TYPE_CHECKING:
    from datasets.factory.recipe import Recipe

MOST_RECORDS = 10**9

PLAIN: dict[str, Any] = {"add_completion": False, "rich_markup_mode": None, "pretty_exceptions_enable": False}

app = typer.Typer(no_args_is_help=True, help="Build, resume, check, show and import datasets.", **PLAIN)


class _Importers(TyperGroup):
    """`generic` and every registered recipe that reads files, looked up when called."""

    def list_commands(self, ctx: Any) -> list[str]:
        from datasets.factory.find import importer_names

        return [*super().list_commands(ctx), *importer_names()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, cmd_name) or _importer(cmd_name)


class _Building(TyperCommand):
    """`build`, whose help after a recipe's name is that of the recipe."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = [
            each
            for before, each in zip(["", *args], args, strict=False)
            if before != "--config" and not each.startswith("-") and "=" not in each
        ]
        if "--help" in args and named:
            _show_keys(named[0])
            ctx.exit()
        return super().parse_args(ctx, args)


class _Importing(TyperCommand):
    """The import of one recipe, whose help lists its keys."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if "--help" in args:
            _show_keys(ctx.info_name)
            ctx.exit()
        return super().parse_args(ctx, args)


def _show_keys(name: str) -> None:
    """Print the keys of a recipe."""
    from datasets.factory.find import find_recipe
    from surrogates.cli.data_help import print_help

    print_help(name, find_recipe(name))


importers = typer.Typer(
    cls=_Importers, no_args_is_help=True, help="Bring files of other programs into a store.", **PLAIN
)
app.add_typer(importers, name="import")

Url = Annotated[str, typer.Argument(metavar="URL", help="Path or fsspec URL of the store.")]
Json = Annotated[
    Path | None, typer.Option("--json", metavar="PATH", parser=local, help="Write the result as JSON.")
]
RecipePath = Annotated[
    str | None,
    typer.Option("--recipe", metavar="MODULE:CLASS", help="The recipe, if it is not a registered one."),
]
Bar = Annotated[
    bool | None,
    typer.Option("--progress/--no-progress", help="Force a progress bar, or silence.", show_default=False),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="YAML", parser=local, help="File of KEY: VALUE lines; KEY=VALUE wins."),
]
Settings = Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", show_default=False)]


for _command in (card, extend, merge, subset, compare):
    app.command()(_command)


@app.command(cls=_Building)
def build(
    name: Annotated[
        str, typer.Argument(metavar="RECIPE", help="A registered name, or module:Class of your own.")
    ],
    settings: Settings = None,
    config: Config = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how long and how large, build nothing.")
    ] = False,
    progress: Bar = None,
) -> None:
    """Build a store from a recipe, or resume its build.

    Keys are the recipe's own parameters (`surrogates data build RECIPE --help`) and out=URL, workers=N,
    parts=I/N, and executor=dask [scheduler=ADDRESS] or executor=slurm parts=N [partition=NAME] [time=MINUTES]
    [memory=8G].

    \b
    surrogates data build radio/urban out=data/urban.zarr samples=2000 workers=2
    surrogates data build radio/urban out=data/urban.zarr 'cities=[munich]' --dry-run
    surrogates data build seismic/openfwi_like out=data/flat.zarr family=flatvel-a
    surrogates data build radio/urban out=data/urban.zarr samples=2000 parts=3/10
    surrogates data build radio/urban out=data/urban.zarr executor=dask scheduler=tcp://host:8786
    surrogates data build radio/urban out=data/urban.zarr executor=slurm parts=20 --dry-run
    surrogates data build radio/urban --config keys.yaml out=data/urban.zarr
    surrogates data build my_module:MyRecipe out=data/mine.zarr
    """
    from datasets.factory.build import build as build_store
    from datasets.factory.executors.contract import Executor, Submitter, make_executor
    from datasets.factory.find import find_recipe

    recipe_class = find_recipe(name)
    keys = read_keys(settings or [], recipe_class, [] if config is None else [config])
    own, recipe = keys.own, keys.recipe()
    _require_possible(recipe)
    if dry_run or own.out is not None:
        _say_what_was_found(recipe)
    executor = make_executor(own.executor)
    if dry_run and isinstance(executor, Executor):
        from datasets.factory.plan import plan
        from surrogates.cli.data_text import plan_text

        echo(plan_text(plan(recipe, workers=own.workers)), lines=True)
        return
    if own.out is None:
        raise ValueError(
            f"Where to? Add out=URL, for example out=data/{name.split('/')[-1].split(':')[-1]}.zarr."
        )
    if dry_run and isinstance(executor, Submitter):
        echo(executor.script(recipe, own.out), lines=True)
        return
    with _interruptible():
        build_store(recipe, own.out, executor=own.executor, slice=own.slice, **_shown(progress))
    _say_state(own.out, own.slice)


@app.command()
def resume(url: Url, settings: Settings = None, recipe: RecipePath = None, progress: Bar = None) -> None:
    """Resume a build that was stopped; finished units are not simulated again.

    \b
    surrogates data resume data/urban.zarr workers=2
    surrogates data resume data/urban.zarr executor=slurm parts=20
    """
    from datasets.factory.build import resume as resume_store
    from datasets.factory.find import find_recipe

    keys = read_keys(settings or [])
    own, rest = keys.own, keys.given
    if own.out is not None:
        raise ValueError(f"resume goes on with {url}; leave out={own.out} out.")
    if rest:
        raise ValueError(
            f"resume takes workers=N, parts=I/N and executor=NAME with its keys, found {', '.join(rest)}: "
            "the recipe is fixed."
        )
    recipe_class = find_recipe(recipe) if recipe else None
    with _interruptible():
        resume_store(
            url, executor=own.executor, slice=own.slice, recipe_class=recipe_class, **_shown(progress)
        )
    _say_state(url, own.slice)


@app.command()
def finalise(url: Url) -> None:
    """Finish a build in slices: check that all are there, consolidate the metadata."""
    from datasets.factory.build import finalise as finalise_store

    finalise_store(url)
    _say_state(url, None)


@app.command("list")
def list_recipes() -> None:
    """List the recipes with their parameters."""
    from datasets.factory.find import find_recipe
    from surrogates.cli.data_text import recipe_text
    from surrogates.core.registry import names

    for name in names("recipes"):
        try:
            echo(recipe_text(name, find_recipe(name)), lines=True)
        except ImportError as error:
            echo(f"{name}\n    not installed: {error}\n", lines=True)


@app.command()
def info(url: Url, json: Json = None) -> None:
    """Show what a store holds: completeness, size, splits, variables with units and statistics."""
    from datasets.factory.info import info as describe
    from surrogates.cli.data_text import print_info

    _require_writable(json)
    found = describe(url)
    _write_json(json, found.model_dump_json(indent=2))
    print_info(found)


@app.command()
def verify(
    url: Url,
    resimulate: Annotated[
        int,
        typer.Option(min=0, metavar="N", help="Simulate N random units again. This runs the recipe's code."),
    ] = 0,
    recipe: RecipePath = None,
    json: Json = None,
    progress: Bar = None,
) -> None:
    """Check a whole store: receipts, checksums, hashes, ranges, units, splits, statistics.

    Exit status 1 when something does not hold.

    \b
    surrogates data verify data/urban.zarr --resimulate 3 --json report.json
    """
    from datasets.factory.find import find_recipe
    from datasets.factory.verify import verify as check

    _require_writable(json)
    recipe_class = find_recipe(recipe) if recipe else None
    report = check(url, resimulate=resimulate, recipe_class=recipe_class, progress=progress is not False)
    _write_json(json, report.model_dump_json(indent=2))
    for problem in report.problems:
        echo(f"{problem.check}: {problem.message}")
    for unit in report.resimulated:
        records = f"records {unit.first_record} to {unit.last_record}"
        echo(f"unit {unit.unit} ({records}): {unit.answer} ({unit.detail})")
    if not report.certified:
        echo(
            "The root's attributes are not certified: an older release built the store, or its build has not "
            "ended."
        )
    if not resimulate:
        echo("No unit was simulated again; `--resimulate 3` runs the recipe on three random units.")
    echo(f"{url}: {'holds' if report.ok else 'DOES NOT HOLD'} ({report.records} records)")
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def plot(
    url: Url,
    record: Annotated[int, typer.Option(help="Number of the record.")] = 0,
    out: Annotated[str, typer.Option(metavar="PNG", help="The picture: path or URL.")] = "record.png",
) -> None:
    """Draw one record.

    \b
    surrogates data plot data/urban.zarr --record 7 --out seven.png
    """
    from datasets.factory.pictures import picture
    from datasets.store.layout import open_store
    from surrogates.core.outputs import require_output, written

    require_output(out, (".png", ".svg", ".pdf"), "--out", new=False)
    figure = picture(open_store(url), record)
    with written(out) as path:
        figure.savefig(path, dpi=150)
    echo(out)


@importers.command("generic")
def import_generic(
    mapping: Annotated[
        Path,
        typer.Argument(metavar="MAPPING", parser=local, help="YAML file; see `datasets.factory.importing`."),
    ],
    settings: Settings = None,
    progress: Bar = None,
) -> None:
    """Build a store from NetCDF, NumPy or Zarr files and a mapping of names and units.

    \b
    surrogates data import generic tank.yaml out=data/tank.zarr
    \b
    title: Sloshing tank                  # tank.yaml
    files: runs/*.nc
    record_dimension: run
    variables:
      height: {source: h, units: m, long_name: water height}
      speed: {source: v, units: m s-1, long_name: speed of the tank}
    splits:
      split: {validation: 0.1, test: 0.1}
    """
    from datasets.factory.build import build as build_store
    from datasets.factory.importing import recipe_of

    keys = read_keys(settings or [])
    own, rest = keys.own, keys.given
    if rest:
        raise ValueError(
            f"import takes out=URL and workers=N, found {', '.join(rest)}: the rest is in {mapping}."
        )
    _require_whole(own)
    if own.out is None:
        raise ValueError(f"Where to? Add out=URL, for example out=data/{mapping.stem}.zarr.")
    recipe = recipe_of(mapping)
    _say_what_was_found(recipe)
    with _interruptible():
        build_store(recipe, own.out, workers=own.workers, **_shown(progress))
    _say_state(own.out, None)


def _importer(name: str) -> Any:
    """Make the command of a recipe that reads files."""
    from datasets.factory.find import find_recipe

    recipe_class = find_recipe(name)
    if not recipe_class.reads_files:
        raise ValueError(f"Recipe '{name}' reads no files; make its store by `surrogates data build {name}`.")
    command = typer.Typer(**PLAIN)

    @command.command(cls=_Importing, help=recipe_class.title)
    def run(settings: Settings = None, progress: Bar = None) -> None:
        from datasets.factory.build import build as build_store
        from surrogates.cli.data_help import reads_folder

        arguments = settings or []
        files = [text for text in arguments if text.lower().endswith((".yaml", ".yml")) and _is_path(text)]
        rest = [text for text in arguments if text not in files]
        if reads_folder(recipe_class):
            rest = [f"folder={text}" if _is_path(text) else text for text in rest]
        keys = read_keys(rest, recipe_class, list(map(Path, files)))
        _require_whole(keys.own)
        own, recipe = keys.own, keys.recipe()
        if own.out is None:
            raise ValueError(f"Where to? Add out=URL, for example out=data/{Path(name).name}.zarr.")
        _say_what_was_found(recipe)
        with _interruptible():
            build_store(recipe, own.out, workers=own.workers, **_shown(progress))
        _say_state(own.out, None)

    return typer.main.get_command(command)


def _is_path(argument: str) -> bool:
    """Return whether an argument is no KEY=VALUE; a path may have an `=` too."""
    return re.match(r"\w[\w.]*=", argument) is None or Path(argument).exists()


def _require_possible(recipe: "Recipe") -> None:
    """Refuse more records than any store holds; their labels alone would fill the memory."""
    if (records := recipe.records()) > MOST_RECORDS:
        raise ValueError(
            f"recipe '{recipe.name}' would make {records} records; a store holds up to {MOST_RECORDS}; "
            "ask for fewer."
        )


def _require_whole(own: Own) -> None:
    """Refuse slices of an import, and other machines, which do not have its files."""
    if own.slice is not None or own.executor["name"] != "processes":
        raise ValueError(
            "An import is made as a whole on this machine; leave parts= and executor= out, and give "
            "workers=N for more at once."
        )


def _say_what_was_found(recipe: "Recipe") -> None:
    """Say what a recipe remarks, and what it leaves out."""
    for line in [*recipe.remarks(), *(each.remark() for each in recipe.left_out())]:
        if line:
            echo(line)


def _write_json(path: Path | None, text: str) -> None:
    from surrogates.core.files import write_atomic

    if path is not None:
        write_atomic(path, text + "\n")


def _require_writable(path: Path | None) -> None:
    """Refuse a file that cannot be written, before any work."""
    from surrogates.core.files import require_writable

    if path is not None:
        require_writable(path)
