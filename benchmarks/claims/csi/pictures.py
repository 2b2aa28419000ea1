"""Pictures of forecasts of traced channels, for the documentation."""

import numpy as np
from matplotlib.figure import Figure

from benchmarks.claims import runs
from benchmarks.claims.csi import training, transfer
from benchmarks.claims.csi.networks import NAMES, opened
from datasets.csi.variables import HISTORY, UPLINK
from surrogates.evaluation.scoring import fitted_baselines
from surrogates.report.examples import examples_of
from surrogates.report.pictures import Examples

RECORDS = 3
SHOWN = ("pad", "persistence")


def draw() -> dict[str, Figure]:
    """Draw one antenna and subcarrier of test flights over time: past, truth and forecasts."""
    there = opened(transfer.DUPLEX, str(training.traced()), "task.groups=[]", "task.conditions=[]")
    baselines = {name.rpartition("/")[2]: method for name, method in fitted_baselines(there).items()}
    methods = {**transfer.networks(0), **{name: baselines[name] for name in SHOWN}}
    return {"csi_transfer": over_time(examples_of(methods, there, split="test", device=runs.CPU))}


def over_time(examples: Examples) -> Figure:
    """Draw the modulus of one antenna and subcarrier of a few records.

    Parameters
    ----------
    examples
        Past and future of an uplink, and forecasts by the names of methods.
    """
    data, names = examples.data, NAMES | transfer.TRAINED_ON
    count = min(RECORDS, data.sizes[examples.record_dimension])
    chosen = np.linspace(0, data.sizes[examples.record_dimension] - 1, count).astype(int)
    figure = Figure(figsize=(4.0 * count, 3.4), layout="constrained")
    at = {"antenna": 0, "uplink_subcarrier": data.sizes["uplink_subcarrier"] // 2}
    times = {name: 1e3 * data[name].values for name in ("time", "horizon")}
    for axes, record in zip(figure.subplots(1, count, squeeze=False)[0], chosen, strict=True):
        here = {examples.record_dimension: record, **at}
        past, future = (np.abs(data[name].isel(here).values) for name in (HISTORY, UPLINK))
        axes.plot(times["time"], past, "k.-", label="past, with noise")
        axes.plot(times["horizon"], future, "k.--", label="truth")
        for name, answer in examples.predictions.items():
            axes.plot(times["horizon"], np.abs(answer[UPLINK].isel(here).values), ".-", label=names[name])
        axes.axvline(0.0, color="0.8", zorder=0)
        axes.set_xlabel("time after the last known snapshot, ms")
    figure.axes[0].set_ylabel("modulus of the channel")
    figure.legend(
        *figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False
    )
    return figure
