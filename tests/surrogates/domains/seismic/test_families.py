"""Networks of one family are scored on the others, as a matrix, in JSON and as pictures."""

import json
from pathlib import Path

import numpy as np
import pytest

from surrogates.core.build import validate
from surrogates.domains.seismic.families import Matrix, cross_family, main
from surrogates.evaluation.run import evaluate_elsewhere
from surrogates.training.config import RunConfig
from surrogates.training.experiment import Experiment
from surrogates.training.run import open_run, read_config
from tests.surrogates.domains.seismic.small import inversion_run, write_store

FLAT, FAULT = "flatvel-a", "flatfault-a"


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("families")
    return {
        family: write_store(str(folder / f"{family}.zarr"), seed=seed, family=family)
        for seed, family in enumerate((FLAT, FAULT))
    }


@pytest.fixture(scope="module")
def runs(stores: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    return [inversion_run(folder / family, store) for family, store in stores.items()]


def test_each_run_has_a_row_and_each_family_a_column(stores: dict[str, str], runs: list[Path]) -> None:
    mae, rmse, ssim = cross_family(runs, list(stores.values()), device="cpu")
    assert (mae.target, mae.metric, mae.units) == ("velocity_model", "mae", "m s-1")
    assert mae.trained == mae.tested == (FLAT, FAULT)
    assert (rmse.metric, ssim.metric, ssim.units) == ("rmse", "ssim", "1")
    assert (rmse.values >= mae.values).all() and (ssim.values < 1).all()
    values = read_config(runs[0]) | {"dataset": [{"url": stores[FAULT]}]}
    on = Experiment.open(validate(RunConfig, values, "run"))
    table = evaluate_elsewhere(runs[0], open_run(runs[0]), on, device="cpu").table
    assert mae.values[0, 1] == pytest.approx(table.value("mlp", "velocity_model", "mae"))


def test_runs_on_one_family_are_averaged_and_a_store_may_hold_several(
    stores: dict[str, str], runs: list[Path], tmp_path: Path
) -> None:
    both = inversion_run(tmp_path / "both", stores[FLAT])
    (once, *_), (twice, *_), (other, *_) = (
        cross_family(chosen, [stores[FLAT]], device="cpu") for chosen in (runs[:1], [runs[0], both], [both])
    )
    assert twice.trained == (FLAT,)
    assert twice.values[0, 0] == pytest.approx((once.values[0, 0] + other.values[0, 0]) / 2)


def test_home_and_elsewhere_are_means_over_families_and_pairs() -> None:
    cells = {("a", "a"): 1.0, ("a", "b"): 4.0, ("b", "a"): 6.0, ("b", "section"): 8.0}
    matrix = Matrix.of("velocity_model", "mae", "m s-1", cells)
    assert matrix.tested == ("a", "b", "section")
    assert np.isnan(matrix.values[1, 1])
    assert (matrix.at_home, matrix.elsewhere) == (1.0, 6.0)
    found = matrix.as_dict()
    assert found["values"] == [[1.0, 4.0, None], [6.0, None, 8.0]]
    assert Matrix.of("x", "mae", "1", {("a", "b"): 1.0}).as_dict()["at_home"] is None


def test_the_command_writes_numbers_and_pictures(
    stores: dict[str, str], runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "study"
    main([*map(str, runs), "--on", *stores.values(), "--out", str(out), "--device", "cpu"])
    assert "velocity_model mae: " in capsys.readouterr().out
    found = json.loads((out / "families.json").read_text())
    assert [each["metric"] for each in found] == ["mae", "rmse", "ssim"]
    assert found[0]["trained"] == [FLAT, FAULT]
    assert (out / "velocity_model_mae.png").stat().st_size > 5000
    with pytest.raises(ValueError, match="is no run: it has no config"):
        main([str(tmp_path), "--on", *stores.values(), "--out", str(out)])
