"""Networks of one family are scored on the others, as a matrix, in JSON and as pictures."""

import json
from pathlib import Path

import numpy as np
import pytest

from surrogates.core.build import validate
from surrogates.domains.seismic.families import Matrix, cross_family, main, write
from surrogates.evaluation.tables import Table
from surrogates.experiment.config import RunConfig
from surrogates.experiment.experiment import Experiment
from surrogates.runs.evaluate import evaluate_elsewhere
from surrogates.runs.folder import merge, read_config
from tests.surrogates.domains.seismic.small import inversion_run, write_store

FLAT, FAULT, STYLE = "flatvel-a", "flatfault-a", "style-a"
ELSEWHERE = (FAULT, STYLE)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A store of one family, and one of two others."""
    folder = tmp_path_factory.mktemp("stores")
    return [
        write_store(str(folder / f"{seed}.zarr"), seed=seed, families=families)
        for seed, families in enumerate([(FLAT,), ELSEWHERE])
    ]


@pytest.fixture(scope="module")
def runs(stores: list[str], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two seeds on the first store, one on the second."""
    folder = tmp_path_factory.mktemp("runs")
    return [
        inversion_run(folder / f"{number}", store, seed=number)
        for number, store in enumerate([stores[0], stores[0], stores[1]])
    ]


def single(run: Path, store: str, **task: object) -> Table:
    values = merge(read_config(run), {"dataset": [{"url": store}], "task": {"baselines": [], **task}})
    on = Experiment.open(validate(RunConfig, values, "run"))
    return evaluate_elsewhere(run, on, on, device="cpu").table


def test_rows_are_families_of_training_and_columns_those_of_the_data(
    stores: list[str], runs: list[Path]
) -> None:
    mae, rmse, ssim = cross_family(runs, stores, device="cpu")
    assert (mae.target, mae.metric, mae.units) == ("velocity_model", "mae", "m s-1")
    assert (rmse.metric, ssim.metric, ssim.units) == ("rmse", "ssim", "1")
    assert (mae.trained, mae.tested) == ((FLAT, f"{FAULT}+{STYLE}"), (FLAT, FAULT, STYLE))
    assert (rmse.values >= mae.values).all() and (ssim.values < 1).all()
    # The two seeds of the first row are averaged; a store of one family is a column as a whole.
    home = [single(run, stores[0]).value("mlp", "velocity_model", "mae") for run in runs[:2]]
    assert home[0] != home[1]
    assert mae.values[0, 0] == pytest.approx(np.mean(home))
    table = single(runs[2], stores[1], groups="family")
    found = [table.value("mlp", "velocity_model", "mae", family) for family in ELSEWHERE]
    assert mae.values[1, 1:].tolist() == pytest.approx(found)


def test_other_networks_have_their_own_matrix(stores: list[str], runs: list[Path], tmp_path: Path) -> None:
    wide = inversion_run(tmp_path / "wide", stores[0], model={"name": "mlp", "width": 6, "depth": 1})
    maes = [
        matrix for matrix in cross_family([runs[0], wide], stores[:1], device="cpu") if matrix.metric == "mae"
    ]
    assert [matrix.network for matrix in maes] == ["mlp", "mlp 2"]
    alone = [single(run, stores[0]).value("mlp", "velocity_model", "mae") for run in (runs[0], wide)]
    assert [matrix.values.item() for matrix in maes] == pytest.approx(alone)
    empty = Matrix.of("mlp", "velocity_model", "ssim", "1", {("a", "a"): np.nan})
    written = [path.name for path in write([*maes, empty], tmp_path / "out")]
    assert written == ["families.json", "mlp_velocity_model_mae.png", "mlp_2_velocity_model_mae.png"]


def test_home_and_elsewhere_are_means_over_families_and_pairs() -> None:
    cells = {("b", "section"): 8.0, ("a", "a"): 1.0, ("a", "b"): 4.0, ("b", "a"): 6.0}
    matrix = Matrix.of("mlp", "velocity_model", "mae", "m s-1", cells)
    assert (matrix.trained, matrix.tested) == (("a", "b"), ("section", "a", "b"))
    assert np.isnan(matrix.values[1, 2])
    assert (matrix.at_home, matrix.elsewhere) == (1.0, 6.0)
    found = matrix.as_dict()
    assert found["values"] == [[None, 1.0, 4.0], [8.0, 6.0, None]]
    assert Matrix.of("mlp", "x", "mae", "1", {("a", "b"): 1.0}).as_dict()["at_home"] is None


def test_the_command_writes_numbers_and_pictures(
    stores: list[str], runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "study"
    main([str(runs[0]), "--on", stores[1], "--out", str(out), "--device", "cpu"])
    assert "mlp, velocity_model mae: nan on the family of training, " in capsys.readouterr().out
    found = json.loads((out / "families.json").read_text())
    assert [each["metric"] for each in found] == ["mae", "rmse", "ssim"]
    assert (found[0]["trained"], found[0]["tested"]) == ([FLAT], list(ELSEWHERE))
    assert (out / "velocity_model_mae.png").stat().st_size > 5000
    with pytest.raises(ValueError, match="is no run: it has no config"):
        main([str(tmp_path), "--on", *stores, "--out", str(out)])
