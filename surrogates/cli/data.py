"""`surrogates data`: build, resume, check, show and import datasets."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from surrogates.cli.data_card import card
from surrogates.cli.data_keys import read_keys
from surrogates.cli.echo import echo
from surrogates.training.signals import Stopped

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
Json = Annotated[Path | None, typer.Option("--json", metavar="PATH", help="Write the result as JSON.")]
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
    typer.Option("--config", metavar="YAML", help="File of KEY: VALUE lines; KEY=VALUE wins."),
]
Settings = Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", show_default=False)]


app.command("card")(card)


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
    parts=I/N.

    \b
    surrogates data build radio/urban out=data/urban.zarr samples=2000 workers=2
    surrogates data build radio/urban out=data/urban.zarr 'cities=[munich]' --dry-run
    surrogates data build seismic/openfwi_like out=data/flat.zarr family=flatvel-a
    surrogates data build radio/urban out=data/urban.zarr samples=2000 parts=3/10
    surrogates data build radio/urban --config keys.yaml out=data/urban.zarr
    surrogates data build my_module:MyRecipe out=data/mine.zarr
    """
    from datasets.factory.build import build as build_store
    from datasets.factory.find import find_recipe

    recipe_class = find_recipe(name)
    keys = read_keys(settings or [], recipe_class, [] if config is None else [config])
    own, recipe = keys.own, keys.recipe()
    _require_possible(recipe)
    if dry_run or own.out is not None:
        _say_what_was_found(recipe)
    if dry_run:
        from datasets.factory.plan import plan
        from surrogates.cli.data_text import plan_text

        echo(plan_text(plan(recipe, workers=own.workers)), lines=True)
        return
    if own.out is None:
        raise ValueError(
            f"Where to? Add out=URL, for example out=data/{name.split('/')[-1].split(':')[-1]}.zarr."
        )
    with _interruptible():
        build_store(recipe, own.out, workers=own.workers, slice=own.slice, **_shown(progress))
    _say_state(own.out, own.slice)


@app.command()
def resume(url: Url, settings: Settings = None, recipe: RecipePath = None, progress: Bar = None) -> None:
    """Resume a build that was stopped; finished units are not simulated again.

    \b
    surrogates data resume data/urban.zarr workers=2
    """
    from datasets.factory.build import resume as resume_store
    from datasets.factory.find import find_recipe

    keys = read_keys(settings or [])
    own, rest = keys.own, keys.given
    if own.out is not None:
        raise ValueError(f"resume goes on with {url}; leave out={own.out} out.")
    if rest:
        raise ValueError(
            f"resume takes workers=N and parts=I/N, found {', '.join(rest)}: the recipe is fixed."
        )
    recipe_class = find_recipe(recipe) if recipe else None
    with _interruptible():
        resume_store(url, workers=own.workers, slice=own.slice, recipe_class=recipe_class, **_shown(progress))
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
        echo("The root's attributes are not certified: an older release built the store.")
    if not resimulate:
        echo("No unit was simulated again; `--resimulate 3` runs the recipe on three random units.")
    echo(f"{url}: {'holds' if report.ok else 'DOES NOT HOLD'} ({report.records} records)")
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def plot(
    url: Url,
    record: Annotated[int, typer.Option(help="Number of the record.")] = 0,
    out: Annotated[Path, typer.Option(metavar="PNG", help="The picture.")] = Path("record.png"),
) -> None:
    """Draw one record.

    \b
    surrogates data plot data/urban.zarr --record 7 --out seven.png
    """
    from datasets.factory.pictures import picture
    from datasets.store.layout import open_store

    if out.suffix not in (".png", ".svg", ".pdf"):
        raise ValueError(f"--out {out}: give a file name that ends in .png, .svg or .pdf.")
    _require_writable(out)
    figure = picture(open_store(url), record)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=150)
    echo(out)


@importers.command("generic")
def import_generic(
    mapping: Annotated[
        Path, typer.Argument(metavar="MAPPING", help="YAML file; see `datasets.factory.importing`.")
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
    _require_whole(own.slice)
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
        _require_whole(keys.own.slice)
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


@contextmanager
def _interruptible() -> Iterator[None]:
    """After a signal that ends a build, say that nothing is lost."""
    try:
        yield
    except Stopped as stopped:
        stopped.told = True
        echo(
            f"Stopped by {stopped.name}. Finished units are kept; the same command resumes the build.",
            err=True,
        )
        raise


def _shown(progress: bool | None) -> dict[str, Any]:
    return {"progress": progress is not False, "bar": progress or None}


def _require_possible(recipe: "Recipe") -> None:
    """Refuse more records than any store holds; their labels alone would fill the memory."""
    if (records := recipe.records()) > MOST_RECORDS:
        raise ValueError(
            f"recipe '{recipe.name}' would make {records} records; a store holds up to {MOST_RECORDS}; "
            "ask for fewer."
        )


def _require_whole(chosen: tuple[int, int] | None) -> None:
    """Refuse a slice of an import."""
    if chosen is not None:
        raise ValueError(
            "An import is made as a whole; leave parts= out, and give workers=N for more at once."
        )


def _say_what_was_found(recipe: "Recipe") -> None:
    """Say what a recipe remarks, and what it leaves out."""
    for line in [*recipe.remarks(), *(each.remark() for each in recipe.left_out())]:
        if line:
            echo(line)


def _say_state(url: str, chosen: tuple[int, int] | None) -> None:
    from shlex import quote

    from datasets.factory.build import is_final
    from datasets.store.layout import open_store

    store = open_store(url)
    done = len(store.complete_rows())
    if is_final(store):
        echo(f"{store.url} is complete: {store.records} records in {store.rows} shard rows.")
    elif chosen is not None:
        echo(
            f"Slice {chosen[0]}/{chosen[1]} is complete ({done} of {store.rows} shard rows of {store.url}). "
            f"After the last slice: surrogates data finalise {quote(store.url)}"
        )


def _write_json(path: Path | None, text: str) -> None:
    from surrogates.core.files import write_atomic

    if path is not None:
        write_atomic(path, text + "\n")


def _require_writable(path: Path | None) -> None:
    """Refuse a file that cannot be written, before any work."""
    from surrogates.core.files import require_writable

    if path is not None:
        require_writable(path)
