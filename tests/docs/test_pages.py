"""The documentation does what it says: its executable pages run as written."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from datasets.store.layout import open_store
from datasets.store.streams import SAMPLE, stream
from tests.bucket_server import serving_bucket
from tests.docs.pages import blocks, run_page
from tests.third_party import PLUGIN, install, installed

ROOT = Path(__file__).parents[2]
DOMAIN = ROOT / "docs" / "add-a-domain.md"


@pytest.fixture(scope="module")
def first_run(tmp_path_factory) -> Path:
    """Run the page that builds a small store and trains on it."""
    folder = tmp_path_factory.mktemp("first")
    with reader_in(folder):
        run_page(ROOT / "docs" / "getting-started.md", folder)
    return folder


@pytest.fixture
def folder(tmp_path) -> Iterator[Path]:
    with reader_in(tmp_path):
        yield tmp_path


@contextmanager
def reader_in(folder: Path) -> Iterator[None]:
    """Make a folder the current one, from which Python imports as a script there would."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(str(folder))
        patch.setenv("MPLBACKEND", "agg")
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


def test_getting_started_ends_in_a_run_with_bundle_and_report(first_run):
    run = max(first_run.glob("runs/radio/geo2sigmap/*"))
    for name in (
        "config.yaml",
        "metrics.json",
        "report.html",
        "bundle/weights.safetensors",
        "checkpoints",
        "logs",
    ):
        assert (run / name).exists()
    assert (first_run / "map.png").stat().st_size > 10_000


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs" / "index.md"], ids=lambda page: page.name)
def test_first_lines_of_readme_and_home_page_predict_and_draw(folder, page):
    (example,) = (block for block in blocks(page) if block.language == "python")
    lines = [line for line in example.code.splitlines() if line and not line.startswith("import")]
    assert len(lines) <= 10
    exec(compile(example.code, page.name, "exec"), {})
    assert (folder / "prediction.png").stat().st_size > 10_000


def test_seeds_page_draws_what_a_build_draws(folder):
    namespace = run_page(ROOT / "docs" / "seeds.md", folder)
    assert namespace["rng"].random() == stream(0, SAMPLE, 17).random()


def test_own_drive_test_becomes_a_store_and_a_scored_table(folder, capsys):
    run_page(ROOT / "docs" / "radio-measurements.md", folder)
    table = capsys.readouterr().out
    assert "blocks_128m  radio/kriging" in table
    assert "kriging gains" in table


def test_tables_of_points_become_a_store_and_a_picture(folder):
    run_page(ROOT / "docs" / "points.md", folder)
    assert open_store("wings.zarr").dataset().length.values.tolist() == list(range(40, 80, 5))
    assert (folder / "wing.png").stat().st_size > 10_000


@pytest.mark.slow
def test_diffusion_page_draws_both_signs(folder):
    run_page(ROOT / "docs" / "diffusion.md", folder)
    assert (folder / "runs").exists()


@pytest.mark.slow
def test_own_city_becomes_a_store_a_picture_and_a_traced_scene(folder):
    run_page(ROOT / "docs" / "radio-osm.md", folder)
    assert (folder / "street.png").stat().st_size > 10_000


@pytest.mark.slow
def test_uncertainty_page_trains_combines_and_covers_what_it_promises(folder):
    run_page(ROOT / "docs" / "uncertainty.md", folder)
    assert (folder / "runs" / "ensemble" / "report.html").exists()


@pytest.mark.slow
def test_intervals_page_covers_new_sites_and_trusts_no_far_ones(folder):
    run_page(ROOT / "docs" / "intervals.md", folder)
    written = xr.open_zarr("prediction.zarr")
    assert {"level_lower", "level_upper", "trust"} <= set(written.data_vars)


@pytest.mark.slow
def test_flights_are_built_learned_predicted_and_streamed(folder):
    namespace = run_page(ROOT / "docs" / "uav.md", folder)
    assert namespace["predictor"].hindsight.count > 50
    assert namespace["ahead"].horizon.values[-1] == 1.0


@pytest.mark.slow
def test_gathers_are_simulated_and_imported(folder):
    namespace = run_page(ROOT / "docs" / "seismic.md", folder)
    assert (folder / "faults.png").stat().st_size > 10_000
    assert dict(namespace["line"].sizes) == {"sample": 1, "shot": 3, "time": 250, "receiver": 24}


@pytest.mark.slow
def test_channels_are_drawn_learned_and_predicted_with_discs(folder):
    namespace = run_page(ROOT / "docs" / "csi.md", folder)
    assert (folder / "channel.png").stat().st_size > 10_000
    assert (namespace["disc"].values > 0).all() and namespace["disc"].sizes["sample"] == 2


@pytest.mark.slow
def test_rooms_are_built_learned_and_heard_and_are_as_exact_as_the_page_says(folder):
    page = ROOT / "docs" / "acoustics.md"
    namespace = run_page(page, folder)
    assert namespace["response"].sizes["time"] == 20 and namespace["response"].attrs["units"] == "Pa"
    assert np.isfinite(namespace["heard"]).all() and (folder / "heard.wav").stat().st_size > 10_000
    errors = namespace["errors"]
    rows = [line.strip("| ").split(" | ") for line in page.read_text().splitlines() if line.startswith("| ")]
    for axes, name in ((2, "2 m x 2 m, relative L2"), (3, "2 m x 2 m x 2 m, relative L2")):
        (row,) = (row for row in rows if row[0] == name)
        found = [errors[key][0] for key in sorted(errors) if key[0] == axes]
        assert found == pytest.approx([float(told) for told in row[1 : 1 + len(found)]], abs=6e-4)


@pytest.fixture(scope="module")
def rods(tmp_path_factory) -> Path:
    """Run the page of one's own simulator; another page goes on from there."""
    folder = tmp_path_factory.mktemp("rods")
    with reader_in(folder):
        run_page(ROOT / "docs" / "bring-your-own.md", folder)
    return folder


def test_own_simulator_becomes_a_store_a_surrogate_and_a_bundle(rods):
    assert (max((rods / "runs" / "rods" / "run").iterdir()) / "bundle" / "card.md").exists()


def test_function_of_a_surrogate_is_minimised_analysed_and_searched(rods):
    with reader_in(rods):
        namespace = run_page(ROOT / "docs" / "optimise.md", rods)
    assert len(namespace["front"].F) > 10


@pytest.mark.slow
def test_scale_and_export_goes_on_from_ones_own_simulator(rods):
    with reader_in(rods):
        run_page(ROOT / "docs" / "scale-and-export.md", rods)
    for name in ("runs/sweep/sweep.png", "rods.onnx", "map.tif"):
        assert (rods / name).exists()


@pytest.mark.slow
def test_slices_make_the_store_of_one_build_and_seeds_are_trained_at_once(rods):
    with reader_in(rods), serving_bucket() as bucket:
        run_page(ROOT / "docs" / "scale.md", rods)
        assert bucket.exists("bucket/rods.zarr/build/metadata.sha256")
    assert not (rods / "data" / "many.zarr").exists()
    assert open_store(str(rods / "data" / "some.zarr")).records == 480
    assert list((rods / "runs" / "bucket").glob("*/*/bundle/card.md"))
    assert len(list((rods / "runs" / "seeds").glob("*/*/bundle/card.md"))) == 2


@pytest.mark.slow
def test_long_runs_are_watched_and_shared(rods):
    with reader_in(rods):
        run_page(ROOT / "docs" / "long-runs.md", rods)
    for name, made in (("watched", "logs/callbacks.csv"), ("two", "bundle/card.md")):
        (run,) = (rods / "runs" / name / "run").iterdir()
        assert (run / made).exists()


def test_code_of_a_domain_stands_in_its_package_word_for_word():
    shown = [block for block in blocks(DOMAIN) if (PLUGIN / block.file).is_file()]
    assert len({block.file for block in shown}) > 4
    for block in shown:
        package, page = (PLUGIN / block.file).read_text(), block.code  # which may be indented in another way
        assert "".join(page.split()) in "".join(package.split()), f"{DOMAIN.name}, line {block.line}"


def test_domain_of_a_package_is_built_trained_and_asked(tmp_path_factory, folder):
    with installed(install(tmp_path_factory.mktemp("cooling"))):
        namespace = run_page(DOMAIN, folder)
    assert namespace["seconds"].attrs["long_name"] == "time until 320 K"
    assert (folder / "body.png").stat().st_size > 10_000
