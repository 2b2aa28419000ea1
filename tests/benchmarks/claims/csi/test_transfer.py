"""The claim on traced channels, with methods in place of networks whose scores are known."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.claims import runs
from benchmarks.claims.claim import claim_rows
from benchmarks.claims.csi import pictures, training, transfer
from datasets.factory.build import build
from tests.benchmarks.claims.csi.test_networks import prediction
from tests.pieces.csi import examples

pytest.importorskip("physics.channels.tr38901")


@pytest.mark.slow  # two small stores
def test_networks_and_baselines_are_scored_on_traced_channels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawn channels in place of traced ones: Prony's method for the network that learned them, else none."""
    tiny = {"downlink_subcarriers": 12, "uplink_subcarriers": 12}
    monkeypatch.setattr(training, "SMALL", training.SMALL | tiny)
    for name, seed in (("home", 0), ("traced", 1)):
        url = tmp_path / f"{name}.zarr"
        made = training.recipe(models=("D",), speeds=(10.0,), samples_per_scenario=22, seed=seed)
        build(made, str(url), workers=0, progress=False)
        monkeypatch.setattr(training, name, lambda url=url: url)

    def trained_run(overrides: Sequence[str], seed: int) -> Path:
        return Path("traced" if f"dataset={training.traced()}" in overrides else "home")

    def network(run: Path) -> Any:
        kind = {"traced": "csi4cast", "home": "rnn"}[run.name]
        return lambda inputs, rng: {"uplink_future": prediction(kind, inputs["uplink_history"])}

    monkeypatch.setattr(runs, "trained_run", trained_run)
    monkeypatch.setattr(runs, "network", network)
    values = transfer.run_seed(0)
    assert values["csi4cast/nmse"] == pytest.approx(values["persistence/nmse"])
    assert values["csi4cast_traced/nmse"] < values["csi4cast/nmse"]
    claims = transfer.claims()
    (command,) = claims[0].experiment.commands
    rows = claim_rows(claims, [{"command": command, "values": values, "seconds": 1.0, "commit": "a"}])
    assert [row.holds for row in rows][3]
    (table,) = transfer.tables([values])
    assert {len(row) for row in table.rows} == {len(table.header)}
    assert "-" not in [text for row in table.rows for text in row]


def test_the_picture_has_a_panel_for_each_record_and_a_line_for_each_method() -> None:
    given = examples()
    answers = list(given.predictions.values())
    named = dict(zip(("csi4cast", "pad"), answers, strict=True))
    figure = pictures.over_time(replace(given, predictions=named))
    assert len(figure.axes) == pictures.RECORDS
    labels = [line.get_label() for line in figure.axes[0].lines]
    assert labels[:4] == ["past, with noise", "truth", "CSI-4CAST, trained on CDL", "PAD"]
    horizon = figure.axes[0].lines[1].get_xdata()
    assert list(horizon) == pytest.approx([2.352, 4.704, 7.056, 9.408], rel=1e-3)
