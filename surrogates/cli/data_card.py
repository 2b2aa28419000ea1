"""`surrogates data card`: the card of a recipe or of a store."""

from pathlib import Path
from typing import Annotated

import typer

from surrogates.cli.echo import echo
from surrogates.core.paths import local


def card(
    target: Annotated[
        str, typer.Argument(metavar="RECIPE|STORE", help="A recipe, or a store's path or URL.")
    ],
    croissant: Annotated[
        bool, typer.Option("--croissant", help="Croissant metadata (JSON-LD) of a store instead.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="PATH", parser=local, help="Write it to a file.")
    ] = None,
) -> None:
    """Show what the data are: how they are made, variables with units, splits, limits, licence, citation.

    \b
    surrogates data card radio/urban
    surrogates data card data/urban.zarr
    surrogates data card data/urban.zarr --croissant --out data/urban.zarr/croissant.json
    """
    text = _croissant(target) if croissant else _card(target)
    if out is None:
        echo(text.rstrip("\n"), lines=True)
        return
    from surrogates.core.files import write_atomic

    write_atomic(out, text)
    echo(out)


def _card(target: str) -> str:
    from datasets.factory.cards import recipe_card, store_card
    from datasets.factory.find import find_recipe
    from datasets.store.layout import open_store

    if _is_recipe(target):
        return recipe_card(find_recipe(target))
    _require_store(target)
    return store_card(open_store(target))


def _croissant(target: str) -> str:
    import json

    from datasets.factory.croissant import croissant
    from datasets.store.layout import open_store

    if _is_recipe(target):
        raise ValueError(f"--croissant describes files, and the recipe '{target}' has none; give a store.")
    _require_store(target)
    return json.dumps(croissant(open_store(target)), indent=2, ensure_ascii=False) + "\n"


def _is_recipe(target: str) -> bool:
    """Return whether a recipe is named; a folder of that name is a store."""
    from surrogates.core.registry import names

    if Path(target).exists():
        return False
    return target in names("recipes") or (":" in target and "://" not in target)


def _require_store(target: str) -> None:
    """Refuse a name that is neither a path nor a recipe, with the nearest recipe."""
    from surrogates.core.registry import names
    from surrogates.core.text import nearest

    like = nearest(target, names("recipes"))
    if like and "://" not in target and not Path(target).exists():
        raise ValueError(f"'{target}' is neither a store nor a recipe.{like}")
