"""Published scores are read from the file that is given, in physical units."""

from pathlib import Path

import pytest

from surrogates.core.errors import ConfigError
from surrogates.domains.seismic.published import FILE, published_file, published_matrix

HEADER = "model,metric,trained_on,evaluated_on,value"
ROWS = (
    "NetA,Velocity_unnorm_MAE,FlatVel-A,flatvel-a,30.0",
    "NetA,Velocity_unnorm_MAE,FlatVel-A,style-b,300.0",
    "NetA,Velocity_unnorm_MSE,FlatVel-A,flatvel-a,2500.0",
    "NetA,Velocity_SSIM,FlatVel-A,flatvel-a,0.9",
    "NetF,Waveform_unnorm_MAE,Style-B,style-b,0.05",
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / FILE).write_text("\n".join([HEADER, *ROWS]) + "\n")
    return tmp_path / FILE


def test_scores_have_physical_units_and_families_their_names_here(file: Path) -> None:
    mae = published_matrix("NetA", path=file)
    assert (mae.trained, mae.tested, mae.units) == (("flatvel-a",), ("flatvel-a", "style-b"), "m s-1")
    assert mae.values.tolist() == [[30.0, 300.0]]
    assert published_matrix("NetA", metric="rmse", path=file).at_home == 50.0
    assert published_matrix("NetA", metric="ssim", path=file).at_home == 0.9
    assert published_matrix("NetF", "shot_gather", path=file).at_home == 0.05


def test_the_environment_names_the_folder_or_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for given in (file, file.parent):
        monkeypatch.setenv("SURROGATES_SEISMIC_DATA", str(given))
        assert published_file() == file


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("NetB",), "no Velocity_unnorm_MAE of 'NetB' was published. Did you mean 'NetA'"),
        (("NetF", "shot_gather", "ssim"), "take mae or rmse of shot_gather, velocity_model, or ssim of"),
        (("NetA", "pressure"), "no mae of 'pressure' was published that compares with ours"),
    ],
)
def test_what_was_not_published_is_refused(file: Path, words: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        published_matrix(*words, path=file)


def test_a_missing_file_and_another_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is missing; set SURROGATES_SEISMIC_DATA to the published scores"):
        published_matrix("NetA", path=tmp_path / FILE)
    (tmp_path / FILE).write_text("model,value\nNetA,3\n")
    with pytest.raises(ConfigError, match=r"has the columns \['model', 'value'\], expected \['model', 'met"):
        published_matrix("NetA", path=tmp_path / FILE)


@pytest.mark.skipif(not published_file().is_file(), reason="no published scores; set SURROGATES_SEISMIC_DATA")
def test_the_published_tables_say_what_the_paper_says() -> None:
    large = published_matrix("UNetInverseModel_33M")
    assert len(large.trained) == len(large.tested) == 10
    assert large.at_home == pytest.approx(0.04554 * 1500, rel=0.001)
    assert large.elsewhere == pytest.approx(0.2555 * 1500, rel=0.001)
