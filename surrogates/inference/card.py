"""The card of a bundle: what it predicts, from what, how well, and where it does not hold."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from datasets.store.specs import VariableSpec
from datasets.store.units import difference, display
from surrogates.core.text import code_markdown, plain_markdown
from surrogates.inference.manifest import Manifest


def card(manifest: Manifest, path: str = "PATH") -> str:
    """Return the card as Markdown; `path` is what `surrogates.load` takes for the bundle."""
    quoted = path if path == "PATH" else f'"{path}"'
    config = manifest.pipeline
    blocks = [
        f"# {plain_markdown(manifest.name)}",
        f"Predicts {_names(config.targets)} from {_names(config.inputs)}"
        f"{', and the other way round' if config.both_ways else ''}, with "
        f"{f'{len(manifest.members)} networks' if manifest.members else 'the network'} "
        f"{_code(config.network.get('name'))} asked by {_code(manifest.predictor.get('name'))}.",
        f"```python\nimport surrogates\n\nout = surrogates.load({quoted}).predict(ds)  # an xarray.Dataset"
        "\n```",
        "## Inputs",
        _table(
            ("variable", "meaning", "units", "dimensions", "seen in training"),
            ([*_columns(spec), _range(manifest, spec)] for spec in config.inputs),
        ),
        "## Outputs",
        _table(("variable", "meaning", "units", "dimensions"), map(_columns, config.targets)),
        *_intervals(manifest),
        "## Scores",
        _scores(manifest),
        "## Limits",
        "Outside the ranges above, and for other physics than that of the training data, answers are "
        "extrapolations; `predict` warns when a range is left.",
        "## Origin",
        _origin(manifest.provenance),
        _table(("package", "version"), (map(plain_markdown, each) for each in manifest.versions.items())),
    ]
    return "\n\n".join(each for each in blocks if each) + "\n"


def _intervals(manifest: Manifest) -> list[str]:
    """Return the half widths of the intervals at two levels, if the bundle is calibrated."""
    if not manifest.calibration:
        return []
    units = {
        spec.name: plain_markdown(display(difference(spec.units))) for spec in manifest.pipeline.answered
    }
    rows = []
    for name, table in manifest.calibration.items():
        unit = "standard deviations" if table.relative else units[name] or "1"
        unit += " at the distance 1" if table.distant else ""
        blocks = f"{table.blocks} {plain_markdown(table.exchangeable)}" if table.groups else str(table.blocks)
        rows.append([_code(name), *(f"{table.radius(level):.3g} {unit}" for level in (0.5, 0.9)), blocks])
    header = ("target", "half width at 50 %", "at 90 %", "validation records or blocks")
    trust = "`predict(ds, trust=True)` says of each record how much it is like the training data."
    return [
        "## Intervals",
        "By `predict(ds, interval=0.9)`, split conformal.",
        _table(header, rows),
        *([trust] if manifest.trust else []),
    ]


def _origin(provenance: Mapping[str, Any]) -> str:
    """Return a table of the single values, and one of each list of records (the data sets)."""
    lists = {key: value for key, value in provenance.items() if _is_records(value)}
    plain = [(plain_markdown(key), _code(value)) for key, value in provenance.items() if key not in lists]
    blocks = [_table(("what", "value"), plain)]
    for records in lists.values():
        header = list(dict.fromkeys(key for record in records for key in record))
        rows = ([plain_markdown(str(record.get(key, ""))) for key in header] for record in records)
        blocks.append(_table([*map(plain_markdown, header)], rows))
    return "\n\n".join(each for each in blocks if each)


def _is_records(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(record, dict) for record in value)


def _columns(spec: VariableSpec) -> list[str]:
    units = spec.display_units or display(spec.units)
    return [_code(spec.name), *map(plain_markdown, (spec.long_name, units or "1", ", ".join(spec.dims)))]


def _range(manifest: Manifest, spec: VariableSpec) -> str:
    if spec.name not in manifest.ranges:
        return ""
    low, high = manifest.ranges[spec.name]
    return f"{low:.4g} to {high:.4g}"


def _scores(manifest: Manifest) -> str:
    rows = manifest.metrics.get("rows")
    if not isinstance(rows, list) or not rows:
        return "Not evaluated."
    lines = [
        (
            *(plain_markdown(str(row.get(key))) for key in ("method", "target", "metric")),
            _number(row.get("value")),
            f"{_number(row.get('low'))} to {_number(row.get('high'))}",
            plain_markdown(display(str(row.get("units", "1")))) or "1",
        )
        for row in rows
        if isinstance(row, dict) and row.get("group") == "all"
    ]
    return _table(("method", "target", "metric", "value", "95 % interval", "units"), lines)


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else "-"


def _names(specs: Sequence[VariableSpec]) -> str:
    return ", ".join(_code(spec.name) for spec in specs)


def _code(value: object) -> str:
    return code_markdown(str(value))


def _table(header: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table of Markdown; its cells are Markdown that ends no cell."""
    lines = [list(header), ["---"] * len(header), *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) if len(lines) > 2 else ""
