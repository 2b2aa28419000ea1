"""`surrogates zoo`: the trained surrogates that ship with the package."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from surrogates.cli.echo import echo
from surrogates.core.paths import local

if TYPE_CHECKING:
    from surrogates.inference.zoo import Card

MEGABYTE = 1e6
HEADER = ("name", "inputs", "predicts", "data", "error", "intervals hold", "size", "MB", "made by")


def zoo(
    name: Annotated[str | None, typer.Argument(help="One bundle; its card is shown in full.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a table for a page.")] = False,
    example: Annotated[
        Path | None, typer.Option(parser=local, help="Write the bundle's example to this new .zarr store.")
    ] = None,
) -> None:
    """Show the trained surrogates that ship with the package; `zoo:NAME` names one wherever a run is taken.

    \b
      surrogates zoo
      surrogates zoo radio/geo2sigmap --example map.zarr
      surrogates predict zoo:radio/geo2sigmap map.zarr prediction.nc --interval 0.9
    """
    from surrogates.inference.manifest import CARD
    from surrogates.inference.zoo import PREFIX, card_of, cards, folder_of

    name = None if name is None else name.removeprefix(PREFIX)
    if as_json and markdown:
        raise ValueError("--json and --markdown are two forms of one list; choose one.")
    if name is None and example is not None:
        raise ValueError("--example needs the NAME of a bundle; `surrogates zoo` lists them.")
    found = cards() if name is None else [card_of(name)]
    if as_json:
        echo(json.dumps([asdict(card) for card in found], indent=2), lines=True)
    elif markdown:
        echo(markdown_table(found), lines=True)
    elif name is None:
        echo("\n\n".join(_text(card) for card in found), lines=True)
    elif example is None:
        echo((folder_of(name) / CARD).read_text(encoding="utf-8").rstrip(), lines=True)
    if name is not None and example is not None:
        _write_example(f"{PREFIX}{name}", example)


def markdown_table(found: "Iterable[Card]") -> str:
    """Return a table of bundles for a page of the documentation."""
    rows = [HEADER, ["---"] * len(HEADER)]
    for card in found:
        errors = (f"{row['target']}: {_score(row)}" for row in card.errors)
        coverage = (f"{row['target']}: {_share(row)}" for row in card.coverage)
        many = (f"`{card.name}`", card.inputs, card.targets, f"`{card.data}`", errors, coverage)
        cells = [each if isinstance(each, str) else "<br>".join(each) for each in many]
        rows.append([*cells, card.size, f"{card.bytes / MEGABYTE:.1f}", f"`{card.command}`"])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _text(card: "Card") -> str:
    """Return a bundle in a few lines."""
    lines = {
        "predicts": f"{', '.join(card.targets)}",
        "from": ", ".join(card.inputs),
        "data": card.data,
        "error": "; ".join(f"{row['target']} {_score(row)}" for row in card.errors),
        "intervals": "; ".join(f"{row['target']} {_share(row)}" for row in card.coverage),
        "size": f"{card.size}, {card.bytes / MEGABYTE:.1f} MB",
        "made by": card.command,
        "note": card.note,
    }
    return "\n".join([card.name, *(f"  {key:10s} {line}" for key, line in lines.items() if line)])


def _score(row: Mapping[str, Any]) -> str:
    units = "" if row["units"] == "1" else f" {row['units']}"
    return f"{row['metric']} {row['value']:.3g}{units}"


def _share(row: Mapping[str, Any]) -> str:
    return f"{row['value']:.1%} at {row['level']:.0%}"


def _write_example(name: str, path: Path) -> None:
    from surrogates.core.files import replacing
    from surrogates.inference.sinks import consolidate, free_text, require_store
    from surrogates.inference.surrogate import load

    require_store(str(path))
    dataset = load(name, device="cpu").example()
    with replacing(path) as staging:
        free_text(dataset).to_zarr(staging, zarr_format=3, consolidated=False)
        consolidate(staging)
    echo(f"{', '.join(map(str, dataset.data_vars))} -> {path}")
