"""Channel state information: time of channels and of predictions, and memory of a training."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from benchmarks.speed.csi_memory import memory_row
from benchmarks.speed.csi_stream import stream_rows
from benchmarks.speed.rows import Row, faster, measure_pairs
from datasets.csi.rrg import RRG
from datasets.factory.recipe import generators

STRIDE = 70
"""Symbols from one snapshot to the next."""


def run(quick: bool = False) -> list[Row]:
    """Measure samples of CSI-RRG's size (32 antennas, 20 snapshots, 750 subcarriers), and the size tiny.

    Parameters
    ----------
    quick
        Fewer samples and repeats.
    """
    return [channel_row(quick), memory_row(quick), *stream_rows(quick)]


def channel_row(quick: bool) -> Row:
    """Measure the recipe against sionna's own channel at all 1400 symbols, of which each 70th is kept."""
    count = 1 if quick else 4
    recipe = RRG.make({"models": ["C"], "delay_spreads": [1e-7], "speeds": [10.0]})
    indices = np.arange(count)

    def ours() -> None:
        recipe.simulate(indices, generators(recipe.seed, indices))

    times = measure_pairs(
        ours, partial(every_symbol, recipe, count), repeats=1 if quick else 5, per=float(count)
    )
    note = f"CDL-C, {count} samples, {torch.get_num_threads()} threads; normalised frequency responses"
    name = "channels of a sample of CSI-RRG's size"
    return faster(name, "s a sample", times, "sionna, all 1400 symbols", at_least=20.0, note=note)


def every_symbol(recipe: RRG, count: int) -> torch.Tensor:
    """Return samples as CSI-RRG was made: the channel of each symbol, then every 70th."""
    import sionna.phy.channel as channels

    from physics.channels.panel import TERMINAL
    from physics.channels.tr38901 import array, models

    scenario, sounding = recipe.scenarios[0], recipe.sounding
    model = models.CDL(
        scenario.model,
        scenario.delay_spread,
        sounding.carrier_frequency,
        array(TERMINAL, sounding.carrier_frequency, "cpu"),
        array(sounding.panel, sounding.carrier_frequency, "cpu"),
        "uplink",
        min_speed=scenario.speed,
        max_speed=scenario.speed,
        device="cpu",
    )
    frequencies = torch.from_numpy(recipe.bands.frequencies)
    found = []
    for _ in range(count):  # one at a time: a sample takes gigabytes
        paths = model(1, STRIDE * sounding.snapshots, STRIDE / sounding.interval)
        response = channels.cir_to_ofdm_channel(frequencies, *paths, normalize=True)
        found.append(response[:, 0, :, 0, 0, ::STRIDE].clone())
    return torch.cat(found)
