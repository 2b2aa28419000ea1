"""A city that U-Net-Iso has never seen: it learns from four cities and is judged on the fifth, five times.

The map of Helsinki comes as a file, in the folder that SURROGATES_RADIO_DATA names.

Intervals are calibrated twice: on the validation windows of the cities that a network has learned from, and
by city, on the errors that the other four networks make in the cities which they have not seen. Each of these
four cities counts alike, and the quantile is that of the scores together. Four cities are too few for a
guarantee: a rank among groups that holds for a fifth with 90 % takes nine. Nor are the four independent of
the fifth, from which their networks have learned.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import torch

from benchmarks.claims import runs
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.files import require
from benchmarks.claims.tables import ResultTable, averages, cell
from datasets.factory.recipe import Recipe
from datasets.radio.extracts import Extracts
from datasets.radio.urban import Urban
from surrogates.data.index import ExampleIndex
from surrogates.domains.radio.link import LINK_FACTS, Link
from surrogates.evaluation.evaluate import Method, ask, inputs_of
from surrogates.evaluation.scoring import calibrations_on, fitted_baselines, targets_of
from surrogates.experiment.experiment import Experiment as Opened
from surrogates.inference.bundle import load_bundle
from surrogates.learning.conformal import Calibration
from surrogates.learning.context import facts_of

EXTRACT = "osm/Helsinki.osm.pbf"
TITLES = {
    "munich": "Munich",
    "etoile": "Paris, Étoile",
    "florence": "Florence",
    "san_francisco": "San Francisco",
    "helsinki": "Helsinki",
}
MAPS = {"samples": 48, "rays": 2_000_000, "rays_test": 2_000_000, "depth": 6, "repeat_share": 0.0}
VALIDATION = {"munich": 1 / 6, "san_francisco": 1 / 6}
"""Share of the windows that validates; in the other cities no two windows lie apart, so all of them train."""
TARGET = "path_gain"
OURS = "U-Net-Iso"
BASELINES = {
    "uma": "3GPP UMa by line of sight",
    "log_distance_by_sight": "log-distance fit by line of sight",
    "free_space": "free space",
    "ericsson": "Ericsson",
}
SIGHTS = {"all": "all cells", "in_sight": "in sight", "without_sight": "without sight"}
FAR, DEEP = 300.0, -120.0  # m, dB
LEVEL, TOLERANCE = 0.9, 0.05
SCALE = "task.intervals.scale=[deviation,distance]"
CALIBRATED = {"validation": "on validation windows", "cities": "by city"}
COUNTED = "task.preparations=[{name: radio/outdoor, unreached: weakest}]"
KINDS: dict[str, tuple[str, ...]] = {
    "quantiles": (COUNTED, "task.head=quantiles"),
    "plain": (),
}
"""Overrides of what is trained for deep shadow."""
KIND_TITLES = {"quantiles": "quantiles", "plain": "point network that learned without unreached cells"}
SOURCE = "cities of Sionna RT's scenes and an OpenStreetMap extract of Helsinki, ray-traced; one is left out"


@dataclass(frozen=True)
class Cells:
    """The cells of a city that count, in one row.

    Attributes
    ----------
    truth
        Path gain, dB.
    predicted
        The same by each method.
    sight
        Whether a cell sees the transmitter.
    far
        Whether it is more than `FAR` metres away.
    """

    truth: np.ndarray
    predicted: Mapping[str, np.ndarray]
    sight: np.ndarray
    far: np.ndarray


@dataclass(frozen=True)
class Judged:
    """What a network shows in the city that it has not seen.

    Attributes
    ----------
    values
        Scores, see `scores`.
    intervals
        Calibration on the validation windows of the cities of training.
    errors
        The same table of its errors in the unseen city.
    """

    values: Mapping[str, float]
    intervals: Calibration
    errors: Calibration


def store(city: str) -> Path:
    """Return the store of a city's maps; build what it lacks."""
    recipe: Recipe
    if city == "helsinki":
        osm = str(require("radio", EXTRACT))
        recipe = Extracts.make({"osm_file": osm, "validation_share": 0.0, "test_share": 0.0, **MAPS})
    else:
        alone = {"cities": [city], "test_cities": [], "test_samples": 0}
        recipe = Urban.make({**alone, "validation_share": VALIDATION.get(city, 0.0), **MAPS})
    return runs.stored(recipe, f"city_{city}")


def task(cities: Sequence[str], *overrides: str) -> list[str]:
    """Return the overrides of the network on the maps of some cities."""
    stores = ",".join(str(store(city)) for city in cities)
    return [
        "experiment=radio/geo2sigmap",
        "size=tiny",
        f"dataset=[{stores}]",
        f"task.baselines=[{','.join(f'radio/{name}' for name in BASELINES)}]",
        "task.groups=store",
        SCALE,
        *overrides,
    ]


def trained(city: str, seed: int, *overrides: str) -> tuple[Path, list[str]]:
    """Return the run that learned from all cities but one, and its overrides; train it if missing."""
    given = task([each for each in TITLES if each != city], *overrides)
    return runs.trained_run(given, seed), given


def judged(city: str, seed: int, learned: Sequence[str] = (), counted: Sequence[str] = ()) -> Judged:
    """Train on the other cities, and score network and baselines in one.

    Parameters
    ----------
    city
        The one that is left out.
    seed
        Of the run.
    learned
        More overrides of the run.
    counted
        More overrides of the scored data.
    """
    run, given = trained(city, seed, *learned)
    bundle, opened, on = load_bundle(run / "bundle"), runs.open_experiment(given), unseen(city, *counted)
    methods = {OURS: runs.network(run)}
    own = calibrations_on(everything(on), methods, on, device=runs.CPU)[OURS][TARGET]
    baselines = {name.rpartition("/")[2]: method for name, method in fitted_baselines(opened).items()}
    values = scores(cells_of({**methods, **baselines}, on))
    return Judged(values, bundle.manifest.calibration[TARGET], own)


def unseen(city: str, *overrides: str) -> Opened:
    """Return the data of a city, opened."""
    return runs.open_experiment(task([city], *overrides))


def everything(on: Opened) -> ExampleIndex:
    """Return all examples, those of training and of validation."""
    return ExampleIndex.concatenate([on.data.index(subset) for subset in ("train", "validation")])


def cells_of(methods: Mapping[str, Method], on: Opened) -> Cells:
    """Ask methods for all maps of a city."""
    link = Link.of(facts_of(LINK_FACTS, on.context, {}, "a city"))
    targets = targets_of(on)
    found: dict[str, list[Any]] = {name: [] for name in ("truth", "sight", "far", *methods)}
    for batch in on.loader("train", index=everything(on)):
        counts, path = targets[0].weight(batch) > 0, link.path(batch)
        found["truth"].append(batch[TARGET][counts])
        found["sight"].append(path.sight[counts])
        found["far"].append((torch.as_tensor(path.link.ground_distance) > FAR)[counts])
        for name, method in methods.items():
            found[name].append(ask(method, inputs_of(batch, targets), seed=0)[TARGET][counts])
    joined = {name: torch.cat(parts).numpy() for name, parts in found.items()}
    predicted = {name: joined[name].astype(np.float64) for name in methods}
    return Cells(joined["truth"].astype(np.float64), predicted, joined["sight"], joined["far"])


def scores(cells: Cells) -> dict[str, float]:
    """Return what the errors of every method are like.

    Returns
    -------
    dict
        ``<method>/<class of SIGHTS>`` the RMSE in dB, ``<method>/far`` the bias in dB beyond `FAR`,
        ``<method>/deep`` the share of cells predicted below `DEEP`, and ``truth/deep`` the true one.
    """
    classes = {
        "all": np.ones(len(cells.truth), bool),
        "in_sight": cells.sight,
        "without_sight": ~cells.sight,
    }
    values = {"truth/deep": float((cells.truth < DEEP).mean())}
    for name, predicted in cells.predicted.items():
        error = predicted - cells.truth
        values |= {
            f"{name}/{each}": float(np.sqrt((error[chosen] ** 2).mean())) for each, chosen in classes.items()
        }
        values[f"{name}/far"] = float(error[cells.far].mean())
        values[f"{name}/deep"] = float((predicted < DEEP).mean())
    return values


def pooled(tables: Sequence[Calibration]) -> Calibration | None:
    """Return one table of the scores of several cities, each of which counts alike."""
    return Calibration.of(
        [np.append(table.scores, np.inf) for table in tables],
        [np.diff(table.shares, prepend=0.0, append=1.0) for table in tables],
        np.arange(len(tables)),
        relative=tables[0].relative,
        distant=tables[0].distant,
    )


def covered(errors: Calibration, intervals: Calibration | None) -> float:
    """Return the share of a city's cells, all windows alike, that intervals of `LEVEL` hold.

    Parameters
    ----------
    errors
        Table of the city's own scores.
    intervals
        Calibration from elsewhere.
    """
    radius = np.inf if intervals is None else intervals.radius(LEVEL)
    return float(1.0 - errors.share_above(np.array(np.nextafter(radius, np.inf))))


def coverages(found: Mapping[str, Judged]) -> dict[str, float]:
    """Return how much the intervals of each city's network hold there.

    Returns
    -------
    dict
        ``<city>/coverage/<calibration>``, and over the cities ``off/<calibration>``, how far the mean is
        from `LEVEL`, and ``worst/<calibration>``, how far the worst city.
    """
    values = {}
    for city, own in found.items():
        others = [each.errors for name, each in found.items() if name != city]
        for name, intervals in (("validation", own.intervals), ("cities", pooled(others))):
            values[f"{city}/coverage/{name}"] = covered(own.errors, intervals)
    for name in CALIBRATED:
        shares = [values[f"{city}/coverage/{name}"] for city in found]
        values[f"off/{name}"] = abs(mean(shares) - LEVEL)
        values[f"worst/{name}"] = max(abs(share - LEVEL) for share in shares)
    return values


def run_seed(seed: int, extra: Sequence[str] = ()) -> dict[str, float]:
    """Leave each city out once.

    Returns
    -------
    dict
        ``<city>/<score>`` as `scores` names them, and `coverages`.
    """
    torch.set_num_threads(1)
    found = {city: judged(city, seed, extra) for city in TITLES}
    named = [runs.prefixed(city, each.values) for city, each in found.items()]
    return {name: value for each in named for name, value in each.items()} | coverages(found)


def run_shadow(seed: int, extra: Sequence[str] = ()) -> dict[str, float]:
    """Leave each city out once for both kinds of network; cells that no ray reaches count.

    Returns
    -------
    dict
        ``<kind>/...`` as `run_seed` names it; ``<kind>/off_far``, the mean over cities of the modulus of the
        bias in dB beyond `FAR`, and ``<kind>/off_deep``, that of the error of the share below `DEEP`.
    """
    torch.set_num_threads(1)
    values: dict[str, float] = {}
    for kind, overrides in KINDS.items():
        found = {city: judged(city, seed, (*overrides, *extra), (COUNTED,)) for city in TITLES}
        for city, each in found.items():
            values |= runs.prefixed(f"{kind}/{city}", each.values)
        values |= runs.prefixed(kind, coverages(found))
        shown = [each.values for each in found.values()]
        values[f"{kind}/off_far"] = mean(abs(each[f"{OURS}/far"]) for each in shown)
        values[f"{kind}/off_deep"] = mean(abs(each[f"{OURS}/deep"] - each["truth/deep"]) for each in shown)
    return values


def claims() -> list[Claim]:
    """Return the claims on cities that are left out."""
    unseen_city = Experiment("radio", "unseen_city", run_seed, seeds=(0,), tables=tables)
    shadow = Experiment("radio", "deep_shadow", run_shadow, seeds=(0,), tables=shadow_tables)
    beaten = [
        Claim(
            claim=f"In {title}, which it has never seen, U-Net-Iso errs less than {BASELINES[name]}",
            source=SOURCE,
            metric="RMSE in dB, outdoor cells above -140 dB, 48 maps",
            experiment=unseen_city,
            ours=f"{city}/{OURS}/all",
            baseline=f"{city}/{name}/all",
            baseline_name=BASELINES[name],
        )
        for (city, title), name in product(TITLES.items(), ("uma", "log_distance_by_sight"))
    ]

    def covers(text: str, number: str, bound: float) -> Claim:
        return Claim(
            claim=text,
            source=SOURCE,
            metric="distance of the share of cells inside 90 % intervals from 0.9, windows count alike",
            experiment=unseen_city,
            ours=f"{number}/cities",
            baseline=f"{number}/validation",
            baseline_name="calibrated on validation windows",
            compare="at_most",
            bound=bound,
        )

    def deeper(text: str, metric: str, number: str) -> Claim:
        return Claim(
            claim=text,
            source=SOURCE,
            metric=f"{metric}, mean of five unseen cities; cells that no ray reaches count as -140 dB",
            experiment=shadow,
            ours=f"quantiles/{number}",
            baseline=f"plain/{number}",
            baseline_name="U-Net-Iso that learned without unreached cells",
        )

    return [
        *beaten,
        covers("Intervals calibrated by city hold 85 to 95 % over five unseen cities", "off", TOLERANCE),
        covers("Intervals calibrated by city hold 80 to 100 % in every unseen city", "worst", 2 * TOLERANCE),
        deeper(
            "Quantiles know how much of an unseen city lies in deep shadow",
            "modulus of the error of the share of cells below -120 dB",
            "off_deep",
        ),
        deeper(
            "Quantiles are less biased far from the mast", "modulus of the bias in dB beyond 300 m", "off_far"
        ),
    ]


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return errors by method and class of cells, and coverages, of every city."""
    if not values:
        return []
    known = averages(values)
    methods = {OURS: OURS, **BASELINES}
    errors = [
        [title, *(cell(known, *(f"{city}/{name}/{each}" for each in SIGHTS), digits=1) for city in TITLES)]
        for name, title in methods.items()
    ]
    return [
        ResultTable(
            f"Cities that U-Net-Iso has never seen: RMSE dB of {' / '.join(SIGHTS.values())}",
            ["method", *TITLES.values()],
            errors,
        ),
        ResultTable(
            "Cities that U-Net-Iso has never seen: far cells, deep shadow and intervals",
            ["", *TITLES.values()],
            _rows_of(known, ""),
        ),
    ]


def shadow_tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return bias, shares and coverages of both kinds of network in every city."""
    if not values:
        return []
    known = averages(values)
    body = [
        [f"{KIND_TITLES[kind]}: {title}", *rest]
        for kind in KINDS
        for title, *rest in _rows_of(known, f"{kind}/")
    ]
    title = "Deep shadow in unseen cities: cells that no ray reaches count as -140 dB"
    return [ResultTable(title, ["", *TITLES.values()], body)]


def _rows_of(known: Mapping[str, float], prefix: str) -> list[list[str]]:
    """Return rows of bias, shares and coverages, a column for each city."""

    def row(title: str, *names: str, digits: int = 2) -> list[str]:
        columns = [[f"{prefix}{city}/{name}" for name in names] for city in TITLES]
        return [title, *(cell(known, *each, digits=digits) for each in columns)]

    return [
        row("RMSE dB", f"{OURS}/all", digits=1),
        row("bias dB beyond 300 m", f"{OURS}/far", digits=1),
        row("share of cells below -120 dB, predicted / true", f"{OURS}/deep", "truth/deep"),
        *(row(f"90 % intervals {title} hold", f"coverage/{name}") for name, title in CALIBRATED.items()),
    ]
