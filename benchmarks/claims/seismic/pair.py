"""The mean of two networks of `size=small`: the one that ships and one of another seed."""

from collections.abc import Mapping, Sequence

import numpy as np

import surrogates
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.seismic import small
from benchmarks.claims.seismic.training import HOMES
from benchmarks.claims.tables import ResultTable, averages, cell
from datasets.store.layout import open_store
from surrogates.domains.seismic.names import GATHER, VELOCITY
from surrogates.inference.zoo import PREFIX

SHIPS, OTHER, BOTH = "the network that ships", "another seed", "mean of both"
SEED = 1
"""Of the other network; the one that ships has 0."""


def run_seed(seed: int) -> dict[str, float]:
    """Train the other network; return the MAE of velocity of both and of their mean by family, m/s."""
    loaded = [
        surrogates.load(path, device="cpu") for path in (f"{PREFIX}{small.INVERSE}", small.trained(seed))
    ]
    store = open_store(str(small.store()))
    data = store.dataset().isel(sample=np.flatnonzero(store.split("split") == 2)).load()
    answers = [each.predict(data[[GATHER]])[VELOCITY].to_numpy() for each in loaded]
    truth, family = data[VELOCITY].to_numpy(), data["family"]
    names = family.attrs["flag_meanings"].split()
    codes = dict(zip(names, np.atleast_1d(family.attrs["flag_values"]), strict=True))
    return {
        f"{home}/{name}": float(np.abs(answer - truth)[family.to_numpy() == codes[home]].mean())
        for name, answer in zip((SHIPS, OTHER, BOTH), (*answers, np.mean(answers, axis=0)), strict=True)
        for home in HOMES
    }


def claims() -> list[Claim]:
    """Return the claims on the mean of two networks."""
    experiment = Experiment("seismic", "pair", run_seed, seeds=(SEED,), tables=tables)
    return [
        Claim(
            claim=f"The mean of two InversionNets of the size small is within {bound:g} m/s on {family}",
            source="ours",
            metric=f"MAE of velocity in m/s, {family}, both families learned at once",
            experiment=experiment,
            ours=f"{family}/{BOTH}",
            baseline=f"{family}/{SHIPS}",
            baseline_name=SHIPS,
            compare="at_most",
            bound=bound,
        )
        for family, bound in small.TARGETS.items()
    ]


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return the table of both networks and their mean."""
    known = averages(values)
    rows = [
        [name, *(cell(known, f"{family}/{name}", digits=1) for family in HOMES)]
        for name in (SHIPS, OTHER, BOTH)
    ]
    return [
        ResultTable("Two InversionNets of the size small: MAE of velocity in m/s", ("answer", *HOMES), rows)
    ]
