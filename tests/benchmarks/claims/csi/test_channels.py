"""The comparison with the published scores: what it measures, what counts as near, and going on."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.claims.csi import channels
from datasets.csi.scenarios import Scenario

FIRST = Scenario("A", 3e-8, 1.0)
THEIRS = {"mse": [0.01, 0.02, 0.03, 0.04], "se": [8.0] * 4, "se_again": [8.0, 8.0, 8.0, 8.4]}


def measured(**changes: list[float]) -> dict[str, list[float]]:
    """Scores that are the published ones, with a deviation of 0.01 over samples."""
    found = {f"{duplex}/{name}": THEIRS[name] for duplex in channels.TARGETS for name in ("mse", "se")}
    for duplex in channels.TARGETS:
        found |= {f"{duplex}/mse_std": [0.01] * 4, f"{duplex}/se_std": [0.8] * 4}
    return found | changes


@pytest.fixture(autouse=True)
def _published(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    every = {
        (duplex, each.model, round(1e9 * each.delay_spread), round(each.speed)): THEIRS
        for duplex in channels.TARGETS
        for each in channels.recipe(1).scenarios
    }
    monkeypatch.setattr(channels, "published", lambda: every)
    monkeypatch.setattr(channels.runs, "DATA", tmp_path)


def test_a_perfect_beam_gains_the_whole_power_of_the_channel_and_an_orthogonal_one_nothing() -> None:
    truth = torch.zeros((1, 2, 1, 5), dtype=torch.complex64)
    truth[:, 0] = torch.tensor(1j)
    assert channels.spectral_efficiency(3 * truth, truth).item() == pytest.approx(np.log2(1 + 1 / 0.1))
    assert channels.spectral_efficiency(truth.flip(1), truth).item() == 0.0


def test_differences_are_in_combined_standard_errors_and_in_percent() -> None:
    ours = measured(**{"TDD/mse": [0.01, 0.02, 0.03, 0.05], "FDD/se": [8.0, 8.0, 8.0, 7.6]})
    found = channels.compare(FIRST, ours, samples=1000)
    error = 0.01 * (1 / 1000 + 1 / 100) ** 0.5
    assert found[f"mse/TDD/{FIRST}/step 4"] == pytest.approx(0.01 / error)
    assert found[f"se/FDD/{FIRST}/step 4"] == pytest.approx(-5.0)
    assert found[f"again/FDD/{FIRST}/step 4"] == pytest.approx(5.0)
    assert found[f"error/FDD/{FIRST}/step 1"] == pytest.approx(1.0)
    assert sum(value != 0 for name, value in found.items() if name.startswith(("mse", "se"))) == 2


def test_scenarios_that_were_measured_are_not_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def measure(made: object, number: int, seed: int) -> dict[str, list[float]]:
        if len(asked) == 5:
            raise KeyboardInterrupt
        asked.append(number)
        return measured(**({"TDD/mse": [1.0] * 4} if number == 3 else {}))

    monkeypatch.setattr(channels, "measure", measure)
    with pytest.raises(KeyboardInterrupt):
        channels.run_seed(0, samples=2)
    for stop in (10, 15, 20, 25):
        asked.clear()
        with pytest.raises(KeyboardInterrupt):
            channels.run_seed(0, samples=2)
        assert asked == list(range(stop - 5, stop))
    asked.clear()
    values = channels.run_seed(0, samples=2)
    assert asked == [25, 26]
    assert (values["outside"], values["worst_se"], values["apart"], values["apart_again"]) == (4, 0, 0, 54)
    assert len((channels.runs.DATA / "csi_no_prediction.jsonl").read_text().splitlines()) == 27
    (table,) = channels.tables([values])
    assert len(table.rows) == 54
    assert table.rows[2 * 3][1:] == ["+138.6", "+0.0", "1.0", "+0.0"]
    assert len(values) == 4 * 216 + 4


def test_a_measured_scenario_has_scores_of_each_step() -> None:
    made = channels.recipe(3)
    found = channels.measure(made, 0, seed=0)
    assert json.loads(json.dumps(found)).keys() == {
        f"{duplex}/{name}{kind}"
        for duplex in ("TDD", "FDD")
        for name in ("mse", "se")
        for kind in ("", "_std")
    }
    floor = 10**-2.5
    assert floor < found["TDD/mse"][0] < found["TDD/mse"][3]
    assert found["FDD/mse"][0] > 10 * found["TDD/mse"][0]
