"""The card of a recipe or a store: what the data are, in Markdown, with tables made of the specifications.

What a person writes lies beside the recipe, ``urban.card.md`` for ``radio/urban``. Three comments in it
stand for what is generated: ``<!-- variables -->``, ``<!-- splits -->`` and ``<!-- licence -->``. A store
keeps the card of its own records in the global attribute ``card``.
"""

import re
import sys
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from datasets.factory.recipe import Recipe
from datasets.store.layout import Store
from datasets.store.specs import SPLIT_NAMES, Split, VariableSpec
from datasets.store.units import display
from surrogates.core.errors import RegistryError
from surrogates.core.registry import names, resolve
from surrogates.core.text import code_markdown, plain_markdown, printable

ATTRIBUTE = "card"
SECTIONS = ("variables", "splits", "licence")
MARK = re.compile(rf"<!-- ({'|'.join(SECTIONS)}) -->")


def recipe_card(recipe: type[Recipe]) -> str:
    """Return the card of a recipe; sizes and numbers of records are those of a store, so it has none."""
    rows = [_row(spec, spec.dims) for spec in _specs(recipe)]
    return _filled(
        _written(recipe) or _outline(recipe.name, recipe.title),
        {"variables": _variables(rows), "splits": "", "licence": plain_markdown(recipe.license)},
    )


def new_card(
    recipe: Recipe,
    specs: Sequence[VariableSpec],
    records: int,
    shared: xr.Dataset,
    splits: Sequence[Split],
) -> str:
    """Return the card of a store that a recipe is about to fill.

    Parameters
    ----------
    recipe
        What makes the records.
    specs
        The record variables.
    records
        Their number.
    shared
        What all records share.
    splits
        Divisions of the records.
    """
    attributes = recipe.attributes()
    return _store_card(
        _written(type(recipe)) or _outline(recipe.name, attributes["title"]),
        attributes["license"],
        (recipe.record_dimension, records),
        specs,
        shared.variables,
        splits,
    )


def store_card(store: Store) -> str:
    """Return the card of a store; that of an older store, which keeps none, is made from what it says."""
    if kept := store.attributes.get(ATTRIBUTE):
        return printable(str(kept), lines=True).replace("<", "&lt;")
    name, variables = store.text("recipe"), store.dataset().variables
    splits = store.split_names()
    return _store_card(
        _written_of(name) or _outline(name, store.text("title")),
        store.text("license"),
        (store.record_dimension, store.records),
        list(store.specs.values()),
        {key: each for key, each in variables.items() if key not in store.specs and key not in splits},
        [_split(store, split) for split in splits],
    )


def section(card: str, title: str) -> str:
    """Return the text below a heading of a card, in one paragraph; empty without such a heading."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", card, re.MULTILINE | re.DOTALL)
    return " ".join(found[1].split()) if found else ""


def introduction(card: str) -> str:
    """Return the paragraph below the title of a card, in one line."""
    _, _, rest = card.partition("\n")
    return " ".join(rest.strip().split("\n\n", 1)[0].split())


def _specs(recipe: type[Recipe]) -> list[VariableSpec]:
    """Return the variables of a recipe; none where they follow from a key without a default."""
    try:
        return recipe.card_specs()
    except AttributeError:
        return []


def _written(recipe: type[Recipe]) -> str | None:
    """Return what a person wrote of a recipe, None where there is no such file."""
    module = getattr(sys.modules.get(recipe.__module__), "__file__", None)
    if module is None:
        return None
    path = Path(module).parent / f"{recipe.name.rpartition('/')[2]}.card.md"
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _written_of(name: str) -> str | None:
    """Return what a person wrote of a registered recipe that can be imported here."""
    try:
        recipe = resolve("recipes", name) if name in names("recipes") else None
    except (ImportError, RegistryError):
        return None
    return _written(recipe) if isinstance(recipe, type) and issubclass(recipe, Recipe) else None


def _outline(name: str, title: str) -> str:
    """Return the card of a recipe of which nobody wrote anything."""
    sections = "\n\n".join(f"## {each.capitalize()}\n\n<!-- {each} -->" for each in SECTIONS)
    return f"# {plain_markdown(name)}\n\n{plain_markdown(title)}.\n\n{sections}\n"


def _store_card(
    written: str,
    license: str,
    records: tuple[str, int],
    specs: Sequence[VariableSpec],
    shared: Mapping[Hashable, xr.Variable],
    splits: Sequence[Split],
) -> str:
    dimension, count = records
    rows = [_row(spec, _sized(spec.dims, (count, *spec.shape))) for spec in specs]
    for name, variable in sorted(shared.items(), key=lambda item: str(item[0])):
        about = {key: str(variable.attrs.get(key, "")) for key in ("units", "long_name")}
        rows.append(_cells(str(name), _sized(map(str, variable.dims), variable.shape), **about))
    divided = [
        [
            code_markdown(each.name),
            plain_markdown(each.keeps_whole),
            *_counts(each.labels),
            plain_markdown(each.description),
        ]
        for each in splits
    ]
    header = ("split", "keeps whole", *SPLIT_NAMES.values(), "what")
    text = (
        f"{count} records along {code_markdown(dimension)}.\n\n{_table(header, divided)}" if divided else ""
    )
    return _filled(
        written, {"variables": _variables(rows), "splits": text, "licence": plain_markdown(license)}
    )


def _split(store: Store, name: str) -> Split:
    about = store.array(name).attrs
    return Split(
        name=name,
        labels=store.split(name),
        keeps_whole=str(about["keeps_whole"]),
        description=str(about["long_name"]),
    )


def _filled(written: str, sections: Mapping[str, str]) -> str:
    """Put the generated sections into a card; an empty one leaves no gap."""
    text = MARK.sub(lambda mark: sections[mark[1]], written)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _row(spec: VariableSpec, dims: Iterable[str]) -> list[str]:
    units = spec.display_units or spec.units
    return _cells(spec.name, dims, units, spec.long_name or spec.name.replace("_", " "))


def _cells(name: str, dims: Iterable[str], units: str, long_name: str) -> list[str]:
    return [code_markdown(name), *map(plain_markdown, (", ".join(dims), display(units), long_name))]


def _sized(dims: Iterable[str], sizes: Sequence[int]) -> list[str]:
    return [f"{dim} {size}" for dim, size in zip(dims, sizes, strict=True)]


def _counts(labels: np.ndarray) -> list[str]:
    return [str(int(np.count_nonzero(labels == value))) for value in SPLIT_NAMES]


def _variables(rows: Sequence[Sequence[str]]) -> str:
    return _table(("variable", "dimensions", "units", "what"), rows) if rows else ""


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
