"""Published scores are read from the file that is given; without it there are none."""

import json
from pathlib import Path

import pytest

from benchmarks.claims import files
from benchmarks.claims.seismic.published import FILE, MODELS, published
from benchmarks.claims.seismic.training import HOMES
from surrogates.core.errors import ConfigError

RESULTS = Path(__file__).parents[4] / "docs" / "results"
HEADER = "model,metric,trained_on,evaluated_on,value"
ROWS = (
    "InversionNet,Velocity_unnorm_MAE,FlatVel-A,style-b,300.0",
    "InversionNet,Velocity_unnorm_MSE,FlatVel-A,flatvel-a,2500.0",
    "InversionNet,Velocity_unnorm_MAE,FlatVel-A,flatvel-a,30.0",
)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SURROGATES_SEISMIC_DATA", str(tmp_path))
    (tmp_path / FILE).write_text("\n".join([HEADER, *ROWS]) + "\n")
    return tmp_path / FILE


def test_the_score_is_that_on_the_family_of_training(file: Path) -> None:
    assert published("inversion_net", "flatvel-a") == 30.0
    with pytest.raises(ConfigError, match="no Velocity_unnorm_MAE of InversionNet on style-a"):
        published("inversion_net", "style-a")


def test_without_the_file_there_is_no_score_and_another_table_is_refused(file: Path) -> None:
    file.write_text("model,value\nInversionNet,3\n")
    with pytest.raises(ConfigError, match=r"has the columns \['model', 'value'\], expected \['model', 'met"):
        published("inversion_net", "flatvel-a")
    file.unlink()
    assert published("inversion_net", "flatvel-a") is None


@pytest.mark.skipif(
    not (files.folder("seismic") / FILE).is_file(),
    reason="no published scores; set SURROGATES_SEISMIC_DATA",
)
def test_published_scores_are_those_that_stand_in_the_recorded_results() -> None:
    rows = json.loads((RESULTS / "seismic.json").read_text())
    recorded = [row["published"] for row in rows if row["published"] is not None]
    compared = [network for network in MODELS if network != "inversion_net"]
    assert recorded == [published(network, family) for family in HOMES for network in compared]
