"""Data and networks of the claims on predicted channels: small channels, three networks of equal size."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.claims import runs
from datasets.csi.raytraced import Raytraced
from datasets.csi.rrg import RRG
from datasets.csi.scenarios import SEEN_MODELS, SEEN_SPEEDS, UNSEEN_MODELS

TASKS = {"TDD": "csi/uplink", "FDD": "csi/downlink"}
NETWORKS = {
    "csi4cast": ("model=csi4cast", "model.dropout=0"),
    "rnn": ("model=rnn", "model.width=170", "model.depth=3"),
    "cnn_autoencoder": ("model=cnn_autoencoder", "model.levels=6"),
}
"""186,702, 187,568 and 197,134 parameters."""
TITLES = {"csi4cast": "CSI-4CAST", "rnn": "RNN", "cnn_autoencoder": "CNN"}
BASELINES = {
    "TDD": ("persistence", "csi/ar", "csi/vector_ar", "csi/wiener", "csi/pad"),
    "FDD": ("persistence", "csi/wiener"),
}
SMALL = {
    "antenna_rows": 2,
    "antenna_columns": 2,
    "uplink_subcarriers": 48,
    "gap_subcarriers": 24,
    "downlink_subcarriers": 48,
}
EACH = {"samples_per_scenario": 220}
FEW = {"samples_per_scenario": 22}
SPREAD, OTHER_SPREADS, OTHER_SPEEDS = 1e-7, (3e-8, 4e-7), (3.0, 18.0, 45.0)
UNSEEN: Mapping[str, Mapping[str, object]] = {
    "models": {"models": UNSEEN_MODELS},
    "delay spreads": {"delay_spreads": OTHER_SPREADS},
    "speeds": {"speeds": OTHER_SPEEDS},
}
"""What is new in the scenarios that networks have not seen."""
FLIGHTS = {"flights": 40, "samples_per_flight": 12, "key_spacing": 19}
"""Key points at the ends of a record, which reproduce traced channels to -20 dB (see the claims on them)."""


def recipe(**given: object) -> RRG:
    """Return small channels as CSI-RRG moves them."""
    seen = {"models": SEEN_MODELS, "delay_spreads": (SPREAD,), "speeds": SEEN_SPEEDS}
    return RRG.make({**SMALL, **seen, "doppler": "csi-rrg", **given})


def home() -> Path:
    """Return the store that networks learn from."""
    return runs.stored(recipe(**EACH), "csi_claims")


def unseen() -> dict[str, Path]:
    """Return the stores of what networks have not seen, by what is new in them."""
    return {
        name: runs.stored(recipe(**FEW, **given, seed=1), f"csi_claims_{name.replace(' ', '_')}")
        for name, given in UNSEEN.items()
    }


def traced() -> Path:
    """Return the store of channels along flights through a city."""
    return runs.stored(Raytraced.make({**SMALL, **FLIGHTS}), "csi_claims_traced")


def overrides(network: str, duplex: str, *extra: str) -> list[str]:
    """Return the overrides of a network that learns one duplex mode."""
    task = f"task={TASKS[duplex]}"
    quiet = ["task.conditions=[]", "task.groups=[]", "task.baselines=[]", "task.metrics=[csi/nmse]"]
    return ["experiment=csi/csi4cast", "size=tiny", task, *NETWORKS[network], *quiet, *extra]


def final_run(network: str, duplex: str, seed: int, store: Path | None = None) -> Path:
    """Return the run of a network with one seed, on the store at home unless another is given.

    The rate is that of `size=tiny`, 0.001: at 0.003 CSI-4CAST did not learn in a trial on validation records.
    """
    return runs.trained_run(overrides(network, duplex, f"dataset={store or home()}"), seed)


def final_runs(keys: Sequence[tuple[str, str]], seed: int) -> list[Path]:
    """Return the runs of networks and duplex modes, in two processes of one thread each."""
    from joblib import Parallel, delayed

    home()  # built before the processes, which may not start others
    return list(Parallel(n_jobs=2)(delayed(final_run)(*key, seed) for key in keys))
