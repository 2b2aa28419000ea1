"""Channels advanced between key points against channels whose paths are traced at every snapshot."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.tables import ResultTable, averages
from datasets.csi.raytraced import Raytraced
from datasets.factory.recipe import generators
from physics.backend import use_one_thread
from physics.channels.paths import KeyPoints, frequency_response
from physics.geometry import SPEED_OF_LIGHT
from physics.raytracing.scenes import load_city

FLIGHTS, EACH = 6, 12
SPACINGS = (2, 5, 10, 20)
DOPPLER = "doppler"
SOURCE = "F. Ait Aoudia et al., Sionna RT, arXiv:2504.21719: time evolution by Doppler shifts"
SHOWN = ("median", "mean", "p95", "worst")


def run_seed(seed: int) -> dict[str, float]:
    """Return NMSE in dB over records, by the most snapshots between two key points."""
    use_one_thread()
    errors: dict[str, list[float]] = {}
    changed = []
    recipe = Raytraced.make(
        {
            "seed": seed,
            "flights": FLIGHTS,
            "samples_per_flight": EACH,
            "key_spacing": 1,
            "uplink_subcarriers": 48,
        }
    )
    times = recipe.times
    bands = recipe.bands
    frequency = recipe.carrier_frequency + bands.frequencies[bands.uplink_slice]
    for number in range(FLIGHTS):
        rng = generators(seed, np.array([number * EACH]))[0]
        traced = recipe.trace(number, load_city(recipe.city), rng)
        for stretch in traced.stretches:
            position, velocity = traced.flight.at(stretch.middle + times)
            every = stretch.keys
            truth = frequency_response(every, times, position, frequency)
            changed.append(bool(np.ptp((every.delay > 0).sum(axis=1))))
            for spacing in SPACINGS:
                kept = np.unique([*range(0, len(times), spacing), len(times) - 1])
                found = frequency_response(subset(every, kept), times, position, frequency)
                errors.setdefault(f"every {spacing}", []).append(nmse(found, truth))
            shifted = by_doppler(every, velocity[0], times, frequency)
            errors.setdefault(DOPPLER, []).append(nmse(shifted, truth))
    values = {"records": float(len(changed)), "changed": float(np.mean(changed))}
    for name, listed in errors.items():
        each = np.array(listed)
        shown = (np.median(each), np.mean(each), np.quantile(each, 0.95), np.max(each))
        values |= {f"{name}/{key}": decibel(float(value)) for key, value in zip(SHOWN, shown, strict=True)}
        values[f"{name}/same"] = decibel(float(np.mean(each[~np.array(changed)])))
    return values


def subset(keys: KeyPoints, kept: np.ndarray) -> KeyPoints:
    """Return some of the key points."""
    return KeyPoints(*(each[kept] for each in vars(keys).values()))


def by_doppler(keys: KeyPoints, velocity: np.ndarray, times: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """Return the response (m, t, f) of the first key point, its paths turned by their Doppler shifts."""
    shift = keys.arrival[0] @ velocity * frequency.mean() / SPEED_OF_LIGHT
    phase = (times - times[0])[:, None, None] * shift[:, None] - keys.delay[0][:, None] * frequency
    waves = np.exp(2j * math.pi * phase)
    return np.einsum("pm,tpf->mtf", keys.coefficient[0], waves)


def nmse(found: np.ndarray, truth: np.ndarray) -> float:
    """Return the squared error over the squared truth."""
    return float((np.abs(found - truth) ** 2).sum() / (np.abs(truth) ** 2).sum())


def decibel(value: float) -> float:
    """Return a ratio of powers in dB."""
    return 10.0 * math.log10(value)


def claims() -> list[Claim]:
    """Return the claims on key points."""
    experiment = Experiment("csi", "keypoints", run_seed, tables=tables)

    def at_most(spacing: int, bound: float) -> Claim:
        return Claim(
            claim=f"A key point at every {spacing}th snapshot reproduces the traced channel",
            source=SOURCE,
            metric=f"mean NMSE in dB, {FLIGHTS} flights with {EACH} records of 20 snapshots, 2.4 GHz",
            experiment=experiment,
            ours=f"every {spacing}/mean",
            baseline=f"{DOPPLER}/mean",
            baseline_name="paths of the first snapshot, turned by their Doppler shifts",
            compare="at_most",
            bound=bound,
        )

    return [at_most(5, -25.0), at_most(20, -20.0)]


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return the table of all spacings."""
    known = averages(values)
    titles = {f"every {spacing}": f"every {spacing}" for spacing in SPACINGS}
    titles[DOPPLER] = "first snapshot only, Doppler shifts"
    return [
        ResultTable(
            "Channels between key points against paths traced at every snapshot: NMSE in dB, mean of the "
            f"seeds ({known['changed']:.0%} of the records gain or lose a path)",
            ("key points", "median", "mean", "95 %", "worst", "mean where no path comes or goes"),
            [
                [title, *(f"{known[f'{name}/{key}']:.1f}" for key in (*SHOWN, "same"))]
                for name, title in titles.items()
            ],
        )
    ]
