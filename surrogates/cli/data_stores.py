"""`surrogates data extend|merge|subset|compare`: stores that grow, and what is made of several."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from surrogates.cli.data_running import interruptible, say_state, shown
from surrogates.cli.echo import echo

STATUS = {"same": 0, "different": 1, "not comparable": 3}
"""Exit status of each answer of `compare`; 2 is that of a mistake."""

Store = Annotated[str, typer.Argument(metavar="STORE", help="Path or fsspec URL of a finished store.")]
Settings = Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", show_default=False)]
Bar = Annotated[
    bool | None,
    typer.Option("--progress/--no-progress", help="Force a progress bar, or silence.", show_default=False),
]


def extend(
    url: Store,
    settings: Settings = None,
    recipe: Annotated[
        str | None,
        typer.Option("--recipe", metavar="MODULE:CLASS", help="The recipe, if it is not a registered one."),
    ] = None,
    progress: Bar = None,
) -> None:
    """Add the next records of its recipe to a store; records=N is their number afterwards.

    What is there is neither simulated again nor changed. Until it is finished the store is an unfinished
    build; after an interruption `surrogates data resume` goes on. design=TABLE gives the points of the
    further records, one per row, where the recipe takes a table; records= then follows.

    \b
    surrogates data extend data/rods.zarr records=480 workers=2
    surrogates data extend data/rods.zarr design=next.csv
    """
    from datasets.factory.extend import extend as extend_store
    from datasets.factory.find import find_recipe

    keys = _keys(settings, ("records", "design", "workers"))
    recipe_class = find_recipe(recipe) if recipe else None
    with interruptible():
        extend_store(
            url,
            _number(keys, "records"),
            design=keys.get("design"),
            workers=_number(keys, "workers", 1) or 0,
            recipe_class=recipe_class,
            **shown(progress),
        )
    say_state(url)


def merge(
    words: Annotated[list[str], typer.Argument(metavar="STORE STORE... out=URL")],
    progress: Bar = None,
) -> None:
    """Merge stores of the same variables, units, grids and splits: their records, one store after the other.

    Splits are kept. No recipe makes the result again: `verify` checks it, but units are simulated again in
    the stores that it came from, which its receipts name.

    \b
    surrogates data merge data/a.zarr data/b.zarr out=data/both.zarr
    """
    from datasets.factory.merge import merge as merge_stores

    stores = [each for each in words if "=" not in each or Path(each).exists()]
    keys = _keys([each for each in words if each not in stores], ("out", "workers"))
    out = _out(keys, "data/both.zarr")
    with interruptible():
        merge_stores(stores, out, workers=_number(keys, "workers", 0) or 0, **shown(progress))
    say_state(out)


def subset(url: Store, settings: Settings = None, progress: Bar = None) -> None:
    """Copy some records and variables of a store into a new one; all conditions hold together.

    split=SUBSET, or split=SPLIT:SUBSET of another split than the default; records=FIRST:STOP, without STOP;
    variables=A,B; and NAME=VALUE of a variable with one value per record, or its meaning.

    \b
    surrogates data subset data/urban.zarr out=data/test.zarr split=test
    surrogates data subset data/urban.zarr out=data/few.zarr records=0:100 variables=path_gain,building_height
    surrogates data subset data/urban.zarr out=data/munich.zarr city=munich
    """
    from datasets.factory.subset import subset as copy
    from surrogates.core.plain import read_yaml
    from surrogates.core.text import split_list

    keys = _keys(settings, None)
    out = _out(keys, "data/some.zarr")
    name, _, chosen = keys.pop("split", "").rpartition(":")
    records = _range(keys.pop("records", ":"))
    variables = [each for each in split_list(keys.pop("variables", "")) if each]
    workers = _number(keys, "workers", 0) or 0
    keys.pop("workers", None)
    select = {key: read_yaml(value) for key, value in keys.items() if key != "out"}
    with interruptible():
        copy(
            url,
            out,
            subset=chosen or None,
            split=name or "split",
            records=records,
            variables=variables,
            select=select,
            workers=workers,
            **shown(progress),
        )
    say_state(out)


def compare(
    first: Store,
    other: Annotated[str, typer.Argument(metavar="STORE", help="The other store.")],
    settings: Settings = None,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="PATH", help="Write the result as JSON.")
    ] = None,
    progress: Bar = None,
) -> None:
    """Compare two stores: attributes, recipe, variables, grids, splits, statistics, and values of records.

    records=N records are read (100), or records=all. Exit status 0: same, 1: different, 3: not comparable.

    \b
    surrogates data compare data/a.zarr data/b.zarr records=all
    """
    from datasets.factory.compare import compare as compare_stores
    from surrogates.core.files import require_writable, write_atomic

    if json is not None:
        require_writable(json)
    keys = _keys(settings, ("records",))
    records = None if keys.get("records") == "all" else _number(keys, "records", 100)
    found = compare_stores(first, other, records=records, progress=progress is not False)
    if json is not None:
        write_atomic(json, found.model_dump_json(indent=2) + "\n")
    for difference in found.differences:
        echo(f"{difference.kind}: {difference.message}")
    for each in found.variables:
        unit = f" {each.units}" if each.units else ""
        echo(f"'{each.name}': largest difference {each.largest:g}{unit} in {found.read} records")
    echo(f"{first}, {other}: {found.answer}")
    if status := STATUS[found.answer]:
        raise typer.Exit(status)


def _keys(words: Sequence[str] | None, known: Sequence[str] | None) -> dict[str, str]:
    """Return KEY=VALUE words as a mapping; None knows every key."""
    from surrogates.core.text import listing, nearest, require_keys_once

    require_keys_once(words or [])
    found = {}
    for each in words or []:
        key, equals, value = each.partition("=")
        if not equals or not value:
            raise ValueError(f"Found '{each}', expected KEY=VALUE, such as records=480.")
        if known is not None and key not in known:
            raise ValueError(f"There is no key '{key}'.{nearest(key, known)} Keys: {listing(known)}.")
        found[key] = value
    return found


def _out(keys: Mapping[str, Any], example: str) -> str:
    out = str(keys.get("out", ""))
    if not out:
        raise ValueError(f"Where to? Add out=URL, for example out={example}.")
    if out.startswith("memory://"):
        raise ValueError(f"out={out}: a store in memory ends with this command; give a folder.")
    return out.rstrip("/")


def _number(keys: Mapping[str, str], key: str, default: int | None = None) -> int | None:
    if key not in keys:
        return default
    if not keys[key].isdecimal():
        raise ValueError(f"{key}={keys[key]}: expected a whole number.")
    return int(keys[key])


def _range(text: str) -> tuple[int, int | None]:
    """Return the ends of FIRST:STOP, either of which may be left out."""
    first, colon, stop = text.partition(":")
    if not colon or any(each and not each.isdecimal() for each in (first, stop)):
        raise ValueError(f"records={text}: expected FIRST:STOP, such as records=0:100.")
    return int(first or 0), int(stop) if stop else None
