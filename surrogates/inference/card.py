"""The card of a bundle: what it predicts, from what, how well, and where it does not hold."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from datasets.store.specs import VariableSpec
from datasets.store.units import difference, display
from surrogates.inference.manifest import Manifest


def card(manifest: Manifest, path: str = "PATH") -> str:
    """Return the card as Markdown; `path` is what `surrogates.load` takes for the bundle."""
    quoted = path if path == "PATH" else f'"{path}"'
    config = manifest.pipeline
    blocks = [
        f"# {manifest.name}",
        f"Predicts {_names(config.targets)} from {_names(config.inputs)}"
        f"{', and the other way round' if config.both_ways else ''}, with "
        f"{f'{len(manifest.members)} networks' if manifest.members else 'the network'} "
        f"`{config.network.get('name')}` asked by `{manifest.predictor.get('name')}`.",
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
        _table(("package", "version"), manifest.versions.items()),
    ]
    return "\n\n".join(each for each in blocks if each) + "\n"


def _intervals(manifest: Manifest) -> list[str]:
    """Return the half widths of the intervals at two levels, if the bundle is calibrated."""
    if not manifest.calibration:
        return []
    units = {spec.name: display(difference(spec.units)) for spec in manifest.pipeline.answered}
    rows = []
    for name, table in manifest.calibration.items():
        unit = "standard deviations" if table.relative else units[name] or "1"
        rows.append(
            [f"`{name}`", *(f"{table.radius(level):.3g} {unit}" for level in (0.5, 0.9)), table.blocks]
        )
    header = ("target", "half width at 50 %", "at 90 %", "validation records or blocks")
    return ["## Intervals", "By `predict(ds, interval=0.9)`, split conformal.", _table(header, rows)]


def _origin(provenance: Mapping[str, Any]) -> str:
    """Return a table of the single values, and one of each list of records (the data sets)."""
    lists = {key: value for key, value in provenance.items() if _is_records(value)}
    plain = [(key, f"`{value}`") for key, value in provenance.items() if key not in lists]
    blocks = [_table(("what", "value"), plain)]
    for records in lists.values():
        header = list(dict.fromkeys(key for record in records for key in record))
        blocks.append(_table(header, ([record.get(key, "") for key in header] for record in records)))
    return "\n\n".join(each for each in blocks if each)


def _is_records(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(record, dict) for record in value)


def _columns(spec: VariableSpec) -> list[str]:
    units = spec.display_units or display(spec.units)
    return [f"`{spec.name}`", spec.long_name, units or "1", ", ".join(spec.dims)]


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
            row["method"],
            row["target"],
            row["metric"],
            _number(row["value"]),
            f"{_number(row['low'])} to {_number(row['high'])}",
            display(str(row["units"])) or "1",
        )
        for row in rows
        if isinstance(row, dict) and row.get("group") == "all"
    ]
    return _table(("method", "target", "metric", "value", "95 % interval", "units"), lines)


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else "-"


def _names(specs: Sequence[VariableSpec]) -> str:
    return ", ".join(f"`{spec.name}`" for spec in specs)


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [" | ".join(str(cell).replace("|", "\\|") for cell in row) for row in rows]
    if not lines:
        return ""
    return "\n".join([" | ".join(header), " | ".join("---" for _ in header), *lines])
