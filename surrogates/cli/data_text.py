"""Texts that `surrogates data` prints."""

import json
import sys
from textwrap import shorten

from rich.console import Console
from rich.table import Table

from datasets.factory.advice import how_to_resume
from datasets.factory.info import StoreInfo
from datasets.factory.plan import Plan
from datasets.factory.recipe import Recipe
from datasets.store.units import display
from surrogates.cli.echo import echo
from surrogates.core.progress import clock
from surrogates.core.text import printable


def recipe_text(name: str, recipe: type[Recipe]) -> str:
    """Return name, title and parameters of a recipe, as a user types them."""
    lines = [name, f"    {recipe.title} (version {recipe.version}, license {recipe.license})"]
    for key, field in recipe.model_fields.items():
        default = field.get_default(call_default_factory=True)
        typed = "..." if field.is_required() else json.dumps(default, default=str)
        lines.append(f"    {key}={typed}".ljust(34) + f" {field.description or ''}".rstrip())
    return "\n".join(lines) + "\n"


def plan_text(plan: Plan) -> str:
    """Return time and disk of a build."""
    return (
        f"{plan.records} records in {plan.units} units of {clock(plan.seconds_per_unit)}: "
        f"about {clock(plan.seconds)} with workers={plan.workers} on idle cores.\n"
        f"About {_size(plan.compressed_bytes)} on disk (at most {_size(plan.bytes)}). Nothing was built."
    )


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def print_info(info: StoreInfo) -> None:
    """Print the content of a store."""
    size = f"{info.records} records along '{info.record_dimension}', {_size(info.bytes_on_disk)}"
    echo(f"{info.title} ({info.license})")
    echo(f"{info.url}: {size}, {_state(info)}")
    config = " ".join(f"{key}={shorten(str(value), 60)}" for key, value in info.recipe_config.items())
    echo(f"recipe {info.recipe} version {info.recipe_version}: {config}")
    echo("software " + ", ".join(f"{name} {version}" for name, version in info.software.items()))
    for split in info.splits:
        counts = ", ".join(f"{name} {count}" for name, count in split.records.items())
        echo(f"split '{split.name}' (keeps whole: {split.keeps_whole}): {counts}")
    table = Table("variable", "dimensions", "units", "mean", "std", "minimum", "maximum", box=None)
    for v in info.variables:
        dims = ", ".join(f"{dim} {size}" for dim, size in zip(v.dims, v.shape, strict=True))
        numbers = ["" if n is None else f"{n:.5g}" for n in (v.mean, v.std, v.minimum, v.maximum)]
        table.add_row(*(printable(each) for each in (v.name, dims, display(v.units), *numbers)))
    width = None if sys.stdout.isatty() else 140
    Console(file=sys.stdout, width=width, markup=False, emoji=False).print(table)
    for name, shares in info.shares.items():
        if len(shares) > 1:
            echo(f"{name}: " + ", ".join(f"{share:.1%} {meaning}" for meaning, share in shares.items()))
    for things, left in info.left_out.items():
        causes = ", ".join(f"{count} {cause}" for cause, count in left.items() if cause != "total")
        echo(f"left out of {left['total']} {things}: {causes or 'none'}")
    echo("shared " + ", ".join(f"{name} {what}" for name, what in info.shared.items()))


def _state(info: StoreInfo) -> str:
    if len(info.complete_rows) == info.rows:
        return "complete"
    return (
        f"{len(info.complete_rows)} of {info.rows} shard rows and {info.staged_units} further units are "
        f"there; to resume, {how_to_resume(info.url, info.recipe)}"
    )
