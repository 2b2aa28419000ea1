"""Scores of many draws of held-out cells on measured maps: resumable, paired, and cheap.

Only held-out cells are predicted, which spares a Gaussian process most of its work. Every score is a line of
a file, so that a stopped run resumes, and a method that is added later is paired with the others.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from scipy.stats import norm
from scipy.stats import t as student

from datasets.store.layout import open_store
from surrogates.core.files import write_atomic
from surrogates.core.progress import Progress
from surrogates.data.batch import Batch
from surrogates.data.folds import HoldOut, Split
from surrogates.domains.radio.channels.sector import RSRP_SAMPLES
from surrogates.domains.radio.link import AZIMUTH, CELL, GEOMETRY, HEIGHTS
from surrogates.domains.radio.measured.process import SectorProcess
from surrogates.evaluation.scattered import Answer, Points, Scattered
from surrogates.experiment.stores import shared_fields
from surrogates.learning.context import Context, facts_of
from surrogates.learning.pipeline import Pipeline

INSIDE_90 = float(norm.ppf(0.95))  # half width of a 90 % interval, standard deviations
Row = dict[str, Any]


class Record(NamedTuple):
    """One measured map.

    Attributes
    ----------
    name
        Name such as "A Samsung".
    rsrp
        Signal strength, dBm, (y, x); NaN where nothing was measured, and in cells of buildings.
    inputs
        A batch of one: geometry and antenna.
    """

    name: str
    rsrp: np.ndarray
    inputs: Batch

    @property
    def measured(self) -> np.ndarray:
        """Return the cells that can be given or held out, (y, x)."""
        return np.isfinite(self.rsrp)


Method = Callable[[Record, Split], Answer]
"""Predictions at the held-out cells, row by row, from ``rsrp`` at the given cells only."""


def read_records(url: str) -> list[Record]:
    """Return the maps of a store made by `surrogates data import radio/drive_test`."""
    dataset = open_store(url).dataset().load()
    records = []
    for number in range(dataset.sizes["sample"]):
        one = dataset.isel(sample=[number])
        inputs = {
            name: torch.from_numpy(one[name].values.astype(np.float32)) for name in (*GEOMETRY, AZIMUTH)
        }
        rsrp = np.where(one[HEIGHTS].values[0] <= 0, one["rsrp"].values[0], np.nan).astype(np.float64)
        records.append(Record(str(one["measurement"].values[0]), rsrp, inputs))
    return records


def read_context(url: str) -> Context:
    """Return the context of baselines on such a store, whose target is ``rsrp``."""
    store = open_store(url)
    shared, unlike = shared_fields([store])
    return Context.of([], [store.specs["rsrp"]], shared=shared, unlike=unlike, source=url)


def cell_side(context: Context) -> float:
    """Return the side of a cell, m."""
    return facts_of({"cell": CELL}, context, {}, "a map")["cell"]


def of_interpolator(model: Scattered[Any]) -> Method:
    """Return the method that asks an interpolator for only the held-out cells."""
    points: dict[str, Points] = {}

    def method(record: Record, split: Split) -> Answer:
        if record.name not in points:
            given_none = torch.full((1, *record.rsrp.shape), torch.nan)
            inputs = {**record.inputs, model.samples: given_none}
            (points[record.name],) = model.points(inputs, record.rsrp.shape)
        here = points[record.name]
        given, asked = split.given.ravel(), split.held_out.ravel()
        return model.interpolate(here.take(given), record.rsrp.ravel()[given], here.take(asked))

    return method


def of_pipeline(pipeline: Pipeline) -> Method:
    """Return the method that asks a trained sector process for only the held-out cells."""
    process = cast(SectorProcess, pipeline.network)

    def method(record: Record, split: Split) -> Answer:
        samples = torch.from_numpy(np.where(split.given, record.rsrp, np.nan)[None]).float()
        cells = torch.from_numpy(np.flatnonzero(split.held_out)[None])
        with torch.inference_mode():
            channels = pipeline.features({**record.inputs, RSRP_SAMPLES: samples}).tensor
            posterior = process.at(channels, cells)
        return Answer(posterior.mean[0].numpy(), posterior.variance[0].sqrt().numpy())

    return method


def score_draws(
    records: Sequence[Record],
    methods: Mapping[str, Method],
    protocols: Mapping[str, tuple[HoldOut, int]],
    path: Path,
    *,
    progress: bool = True,
) -> list[Row]:
    """Score methods on the same draws, and return all rows of the file.

    Parameters
    ----------
    records
        Measured maps.
    methods
        Methods by name; a score in the file is not computed again.
    protocols
        By name: the protocol, and the number of its draws.
    path
        File of JSON lines, which grows.
    progress
        Show a bar.
    """
    rows = _read(path)
    done = {(row["record"], row["protocol"], row["parameters"], row["draw"], row["method"]) for row in rows}
    left = [
        (
            record,
            name,
            protocol,
            draw,
            [m for m in methods if (record.name, name, repr(protocol), draw, m) not in done],
        )
        for name, (protocol, draws) in protocols.items()
        for record in records
        for draw in range(draws)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    left = [each for each in left if each[-1]]
    with path.open("a", encoding="utf-8") as file, Progress(len(left), "draw", shown=progress) as bar:
        for record, name, protocol, draw, missing in left:
            split = protocol.split(record.measured, draw)
            for method in missing:
                row = {
                    "record": record.name,
                    "protocol": name,
                    "parameters": repr(protocol),
                    "draw": draw,
                    "division": draw // protocol.draws_together,
                    "method": method,
                    **_scores(methods[method](record, split), record.rsrp[split.held_out]),
                }
                file.write(json.dumps(row) + "\n")
                rows.append(row)
            file.flush()
            bar.advance()
    return rows


def pooled(rows: Iterable[Row], metric: str = "rmse") -> dict[tuple[str, str, str], np.ndarray]:
    """Return a metric of every division, its folds pooled, by (protocol, method, record).

    Parameters
    ----------
    rows
        Rows of `score_draws`.
    metric
        ``rmse`` or ``mae``, dB; ``coverage`` of the 90 % interval, if a method has one.

    Returns
    -------
    dict
        Arrays (divisions,), in the order of the divisions.
    """
    sums: dict[tuple[str, str, str], dict[int, np.ndarray]] = {}
    column = {"rmse": "squared_error", "mae": "absolute_error", "coverage": "inside"}[metric]
    for row in rows:
        if row[column] is None:
            continue
        divisions = sums.setdefault((row["protocol"], row["method"], row["record"]), {})
        held = divisions.setdefault(row["division"], np.zeros(2))
        held += (row[column], row["cells"])
    means = {
        key: np.array([each[0] / each[1] for _, each in sorted(found.items())]) for key, found in sums.items()
    }
    return {key: np.sqrt(each) for key, each in means.items()} if metric == "rmse" else means


def mean_over_records(rows: Iterable[Row], metric: str = "rmse") -> dict[tuple[str, str], np.ndarray]:
    """Return the mean over the records of `pooled`, (divisions,), by (protocol, method).

    Raises
    ------
    ValueError
        When a method was scored on fewer divisions of one record than of another.
    """
    found: dict[tuple[str, str], list[np.ndarray]] = {}
    for (protocol, method, _), values in pooled(rows, metric).items():
        found.setdefault((protocol, method), []).append(values)
    for (protocol, method), scores in found.items():
        if len(counts := sorted({each.size for each in scores})) > 1:
            raise ValueError(
                f"'{method}' was scored on {counts[0]} divisions of one record and {counts[-1]} of another "
                f"under '{protocol}'; finish it by `score_draws` with the same file"
            )
    return {key: np.mean(values, axis=0) for key, values in found.items()}


def paired_gain(rows: Sequence[Row], protocol: str, ours: str, other: str) -> tuple[float, float, float]:
    """Return by how much lower our RMSE is, dB, and the ends of its 95 % interval.

    Paired: the mean over the records of the difference, on the same draws, is taken division by division, and
    the interval is Student's over divisions.
    """
    means = mean_over_records(row for row in rows if row["protocol"] == protocol)
    gain = means[protocol, other] - means[protocol, ours]
    reach = float(student.ppf(0.975, gain.size - 1) * gain.std(ddof=1) / np.sqrt(gain.size))
    return float(gain.mean()), float(gain.mean()) - reach, float(gain.mean()) + reach


def _scores(answer: Answer, truth: np.ndarray) -> Row:
    error = np.abs(answer.mean - truth)
    inside = None if answer.deviation is None else int((error <= INSIDE_90 * answer.deviation).sum())
    return {
        "cells": truth.size,
        "squared_error": float((error**2).sum()),
        "absolute_error": float(error.sum()),
        "inside": inside,
    }


def _read(path: Path) -> list[Row]:
    """Return the rows of a file; a last line that was cut off counts as not written, and is removed."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        write_atomic(path, whole)
    return [json.loads(line) for line in whole.splitlines()]
