"""`surrogates data`: build, resume, check, show and import datasets."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from datasets.factory.recipe import Recipe

PLAIN: dict[str, Any] = {"add_completion": False, "rich_markup_mode": None, "pretty_exceptions_enable": False}

app = typer.Typer(no_args_is_help=True, help="Build, resume, check, show and import datasets.", **PLAIN)


class _Importers(TyperGroup):
    """`generic`, and every registered recipe that reads files, found when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        from datasets.factory.find import importer_names

        return [*super().list_commands(ctx), *importer_names()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, cmd_name) or _importer(cmd_name)


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
Settings = Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", show_default=False)]


@app.command()
def build(
    name: Annotated[
        str, typer.Argument(metavar="RECIPE", help="A registered name, or module:Class of your own.")
    ],
    settings: Settings = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how long and how large, build nothing.")
    ] = False,
    progress: Bar = None,
) -> None:
    """Build a store from a recipe, or go on with one that was begun.

    Keys are the recipe's own parameters (`surrogates data list`) and out=URL, workers=N, parts=I/N.

    \b
    surrogates data build radio/urban out=data/urban.zarr samples=2000 workers=2
    surrogates data build radio/urban out=data/urban.zarr 'cities=[munich]' --dry-run
    surrogates data build seismic/openfwi_like out=data/flat.zarr family=flatvel-a
    surrogates data build radio/urban out=data/urban.zarr samples=2000 parts=3/10
    surrogates data build my_module:MyRecipe out=data/mine.zarr
    """
    from datasets.factory.build import build as build_store
    from datasets.factory.find import find_recipe

    recipe_class = find_recipe(name)
    own, given = _split_settings(recipe_class, settings or [])
    recipe = recipe_class.make(given)
    if dry_run or own.out is not None:
        for line in recipe.remarks():
            typer.echo(line)
    if dry_run:
        from datasets.factory.plan import plan
        from surrogates.cli.data_text import plan_text

        typer.echo(plan_text(plan(recipe, workers=own.workers)))
        return
    if own.out is None:
        raise ValueError(
            f"Where to? Add out=URL, for example out=data/{name.split('/')[-1].split(':')[-1]}.zarr."
        )
    with _interruptible():
        build_store(recipe, own.out, workers=own.workers, part=own.part, **_shown(progress))
    _say_state(own.out, own.part)


@app.command()
def resume(url: Url, settings: Settings = None, recipe: RecipePath = None, progress: Bar = None) -> None:
    """Go on with a build that was stopped; finished units are not simulated again.

    \b
    surrogates data resume data/urban.zarr workers=2
    """
    from datasets.factory.build import resume as resume_store
    from datasets.factory.find import find_recipe

    own, rest = _split_settings(None, settings or [])
    if rest:
        raise ValueError(
            f"resume takes workers=N and parts=I/N, found {', '.join(rest)}: the recipe is fixed."
        )
    recipe_class = find_recipe(recipe) if recipe else None
    with _interruptible():
        resume_store(url, workers=own.workers, part=own.part, recipe_class=recipe_class, **_shown(progress))
    _say_state(url, own.part)


@app.command()
def finalise(url: Url) -> None:
    """End a build by parts: check that all are there, gather the metadata."""
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
            typer.echo(recipe_text(name, find_recipe(name)))
        except ImportError as error:
            typer.echo(f"{name}\n    not installed: {error}\n")


@app.command()
def info(url: Url, json: Json = None) -> None:
    """Show what a store holds: completeness, size, splits, variables with units and statistics."""
    from datasets.factory.info import info as describe
    from surrogates.cli.data_text import print_info

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

    recipe_class = find_recipe(recipe) if recipe else None
    report = check(url, resimulate=resimulate, recipe_class=recipe_class, progress=progress is not False)
    _write_json(json, report.model_dump_json(indent=2))
    for problem in report.problems:
        typer.echo(f"{problem.check}: {problem.message}")
    for unit in report.resimulated:
        records = f"records {unit.first_record} to {unit.last_record}"
        typer.echo(f"unit {unit.unit} ({records}): {unit.answer} ({unit.detail})")
    if not resimulate:
        typer.echo("No unit was simulated again; `--resimulate 3` runs the recipe on three random units.")
    typer.echo(f"{url}: {'holds' if report.ok else 'DOES NOT HOLD'} ({report.records} records)")
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

    if not out.suffix:
        raise ValueError(f"--out {out}: give a file name that ends in .png, .svg or .pdf.")
    figure = picture(open_store(url), record)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=150)
    typer.echo(str(out))


@importers.command("generic")
def import_generic(
    mapping: Annotated[
        Path, typer.Argument(metavar="MAPPING", help="YAML file; see `datasets.factory.importing`.")
    ],
    settings: Settings = None,
    progress: Bar = None,
) -> None:
    """Make a store of NetCDF, NumPy or Zarr files and a mapping of names and units.

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
    from datasets.factory.importing import import_generic as import_files

    own, rest = _split_settings(None, settings or [])
    if rest:
        raise ValueError(
            f"import takes out=URL and workers=N, found {', '.join(rest)}: the rest is in {mapping}."
        )
    if own.out is None:
        raise ValueError(f"Where to? Add out=URL, for example out=data/{mapping.stem}.zarr.")
    with _interruptible():
        import_files(mapping, own.out, workers=own.workers, **_shown(progress))
    _say_state(own.out, None)


def _importer(name: str) -> Any:
    """Make the command of a recipe that reads files."""
    from datasets.factory.find import find_recipe

    recipe_class = find_recipe(name)
    if not recipe_class.reads_files:
        raise ValueError(f"Recipe '{name}' reads no files; make its store by `surrogates data build {name}`.")
    command = typer.Typer(**PLAIN)
    folder = recipe_class.model_fields.get("folder")
    reads_folder = folder is not None and folder.is_required()
    first = "FOLDER" if reads_folder else "settings.yaml"
    usage = f"surrogates data import {name} {first} KEY=VALUE... out=data/mine.zarr"

    @command.command(
        help=f"{recipe_class.title}\n\nThe recipe's parameters (`surrogates data list`) come as KEY=VALUE or "
        f"stand in a YAML file; KEY=VALUE wins. Paths are relative to the current folder.\n\n{usage}"
    )
    def run(settings: Settings = None, progress: Bar = None) -> None:
        from datasets.factory.build import build as build_store
        from datasets.factory.importing import read_mapping

        words = settings or []
        files = [word for word in words if word.endswith((".yaml", ".yml")) and "=" not in word]
        rest = [word for word in words if word not in files]
        if reads_folder:
            rest = [word if "=" in word else f"folder={word}" for word in rest]
        own, given = _split_settings(recipe_class, rest)
        for file in reversed(files):
            given = read_mapping(Path(file)) | given
        recipe = recipe_class.make(given)
        if own.out is None:
            raise ValueError(f"Where to? Add out=URL, for example out=data/{Path(name).name}.zarr.")
        for line in recipe.remarks():
            typer.echo(line)
        with _interruptible():
            build_store(recipe, own.out, workers=own.workers, **_shown(progress))
        _say_state(own.out, None)

    return typer.main.get_command(command)


class _Own:
    """What the command line itself understands among the KEY=VALUE words."""

    def __init__(self, words: Mapping[str, Any]) -> None:
        self.out = _place(str(words["out"])) if words.get("out") else None
        self.workers = _whole_number("workers", words.get("workers", 1))
        self.part = _part(str(words["parts"])) if "parts" in words else None


OWN = ("out", "parts", "workers")


def _split_settings(recipe_class: "type[Recipe] | None", words: list[str]) -> tuple[_Own, dict[str, Any]]:
    """Divide KEY=VALUE words into ours and the recipe's, and answer a mistyped key with the nearest."""
    import yaml

    from surrogates.core.text import listing, nearest

    given: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"Found '{word}', expected KEY=VALUE, such as workers=2.")
        try:
            given[key] = value if key in OWN else yaml.safe_load(value)
        except yaml.YAMLError:
            raise ValueError(f"{word}: '{value}' is no YAML value, such as 3, [a, b] or {{x: 1}}.") from None
    if recipe_class is not None:
        parameters = list(recipe_class.model_fields)
        for key in given:
            if key not in (*parameters, *OWN):
                raise ValueError(
                    f"Recipe '{recipe_class.name}' has no parameter '{key}'."
                    f"{nearest(key, [*parameters, *OWN])} "
                    f"Parameters: {listing(parameters)}; beside them {listing(OWN)}."
                )
    return _Own(given), {key: value for key, value in given.items() if key not in OWN}


def _place(url: str) -> str:
    if url.startswith("memory://"):
        raise ValueError(f"out={url}: a store in memory ends with this command; give a folder.")
    return url.rstrip("/")


def _whole_number(key: str, value: object) -> int:
    try:
        number = int(str(value))
    except ValueError:
        number = -1
    if number < 0:
        raise ValueError(f"{key}={value}: expected a whole number, 0 or more.")
    return number


def _part(text: str) -> tuple[int, int]:
    number, slash, parts = text.partition("/")
    if not (slash and number.isdecimal() and parts.isdecimal()):
        raise ValueError(f"parts={text}: expected I/N, such as parts=3/10.")
    return int(number), int(parts)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Say after Ctrl-C that nothing is lost."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("Stopped. Finished units are kept; the same command goes on.", err=True)
        raise typer.Exit(130) from None


def _shown(progress: bool | None) -> dict[str, Any]:
    return {"progress": progress is not False, "bar": progress or None}


def _say_state(url: str, part: tuple[int, int] | None) -> None:
    from shlex import quote

    from datasets.factory.build import is_final
    from datasets.store.layout import open_store

    store = open_store(url)
    done = len(store.complete_rows())
    if is_final(store):
        typer.echo(f"{store.url} is complete: {store.records} records in {store.rows} shard rows.")
    elif part is not None:
        typer.echo(
            f"Part {part[0]}/{part[1]} is complete ({done} of {store.rows} shard rows of {store.url} are "
            f"there). After the last part: surrogates data finalise {quote(store.url)}"
        )


def _write_json(path: Path | None, text: str) -> None:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
