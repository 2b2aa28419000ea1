"""Intervals and trust where groups are new: from training to a calibration on other records."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import yaml

import surrogates
from datasets.store.errors import ContractError
from datasets.store.layout import create_store
from datasets.store.specs import Split, VariableSpec
from surrogates.cli.main import main
from surrogates.core.errors import ConfigError
from surrogates.inference.bundle import load_bundle
from surrogates.runs.calibrate import calibrate
from surrogates.runs.evaluate import evaluate_run
from surrogates.runs.folder import open_run
from surrogates.runs.train import start

SIZES = (2, 5, 11)
"""Records of a site, in turn."""


def write_sites(path: Path, sites: int, seed: int, *, offset: float = 0.2, targets: bool = True) -> str:
    """Write a store of sites with an offset each: level = sin 5x + offset + noise that grows with x.

    Sites of the test subset reach further than the others: a quarter of their records has x from 1 to 2.
    """
    rng = np.random.default_rng(seed)
    number: dict[str, Any] = {"dims": ("sample",), "shape": ()}
    specs = [
        VariableSpec(name="x", units="1", **number),
        VariableSpec(name="z", units="1", **number),
        VariableSpec(name="site", dtype="int32", **number),
    ]
    if targets:
        specs.append(VariableSpec(name="level", units="m", long_name="Level", **number))
    site = np.repeat(np.arange(sites), [SIZES[n % len(SIZES)] for n in range(sites)])
    kind = np.array([0, 0, 1, 2], np.int8)[site * 4 // sites]
    x = rng.uniform(0, 1, site.size)
    x += (kind == 2) & (rng.random(site.size) < 0.25)
    noise = (0.02 + 0.1 * x) * rng.normal(size=site.size)
    values = {"x": x, "z": rng.normal(size=site.size), "site": site}
    values["level"] = np.sin(5 * x) + offset * rng.normal(size=sites)[site] + noise
    store = create_store(
        str(path),
        specs,
        records=site.size,
        record_dimension="sample",
        shared=xr.Dataset(),
        attributes={"title": "Sites"},
        splits=[Split(labels=kind, keeps_whole="site")],
        records_per_shard=site.size,
    )
    hashes = store.write_row(0, {spec.name: values[spec.name].astype(spec.dtype) for spec in specs})
    store.write_receipt(0, {"hashes": hashes})
    store.consolidate()
    return str(path)


def trained(folder: Path, store: str, **task: Any) -> Path:
    return start(
        {
            "dataset": store,
            "task": {"inputs": ["x", "z"], "targets": ["level"], "baselines": ["mean"], "plots": [], **task},
            "model": {"name": "mlp", "width": 24, "depth": 2},
            "trainer": {
                "max_steps": 250,
                "batch_size": 64,
                "optimiser": {"name": "adam", "lr": 0.01},
                "accelerator": "cpu",
                "progress": False,
                "threads": 0,
            },
            "output": str(folder),
        }
    )


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_sites(tmp_path_factory.mktemp("sites") / "sites.zarr", 160, seed=0)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, sites: str) -> Path:
    return trained(tmp_path_factory.mktemp("runs"), sites)


@pytest.fixture(scope="module")
def by_site(tmp_path_factory: pytest.TempPathFactory, sites: str) -> Path:
    intervals = {"groups": "site", "scale": ["deviation", "distance"]}
    return trained(tmp_path_factory.mktemp("by_site"), sites, intervals=intervals)


def test_a_run_has_trust_and_its_intervals_are_those_of_before(run: Path, sites: str) -> None:
    surrogate = surrogates.load(run, device="cpu")
    ds = xr.open_zarr(sites)
    plain, out = surrogate.predict(ds, interval=0.9), surrogate.predict(ds, interval=0.9, trust=True)
    xr.testing.assert_identical(plain, out.drop_vars("trust"))
    assert out.trust.dims == ("sample",) and out.trust.attrs["units"] == "1"
    assert "1 like the training data, 0 unlike" in out.trust.attrs["long_name"]
    kind = ds.split.values
    assert out.trust.values[kind == 0].mean() > 0.6  # a record of training is its own nearest
    assert out.trust.values[kind == 1].mean() == pytest.approx(0.5, abs=0.05)  # by construction
    assert (out.trust.values[ds.x.values > 1.3] == 0).mean() > 0.9
    radius = surrogate.bundle.manifest.calibration["level"].radius(0.9)
    np.testing.assert_allclose(out.level_upper - out.level, radius, rtol=1e-5)


def test_the_least_trusted_tenth_errs_twice_as_much_and_the_report_shows_it(run: Path) -> None:
    (found,) = json.loads((run / "metrics.json").read_text())["reliability"]
    assert found["tail"]["trust"] >= 2
    assert found["correlation"]["trust"] > 0.4
    assert "interval width" not in found["correlation"]  # all are equally wide
    kept = found["kept"]["trust"]
    assert kept[0] < 0.7 * kept[-1] and found["kept"]["the error itself"][-1] == pytest.approx(kept[-1])
    assert found["variables"] == ["site"] and len(found["covered"]) == 41
    page = (run / "report.html").read_text()
    assert "level: coverage by site" in page and "The 12 least covered of 40 groups" in page
    assert "Error against the share of the records that is kept" in page


def test_intervals_by_group_widen_with_the_distance_and_hold_new_sites(
    run: Path, by_site: Path, tmp_path: Path
) -> None:
    far = xr.open_zarr(write_sites(tmp_path / "new.zarr", 300, seed=5))
    covered = {}
    for name, folder in (("plain", run), ("by site", by_site)):
        out = surrogates.load(folder, device="cpu").predict(far, interval=0.9)
        inside = (out.level_lower <= far.level) & (far.level <= out.level_upper)
        covered[name] = inside.values[far.x.values > 1].mean()
        width = (out.level_upper - out.level_lower).values
    assert covered["plain"] < 0.5
    assert covered["by site"] > 0.7
    assert np.median(width[far.x.values > 1.2]) > 3 * np.median(width[far.x.values < 1])
    table = load_bundle(by_site).manifest.calibration["level"]
    assert (table.blocks, table.count, table.groups, table.distant) == (40, 40, ["site"], True)
    metrics = json.loads((by_site / "metrics.json").read_text())
    assert metrics[
        "intervals"
    ] == "calibrated on the validation split, 40 groups of site; enough for levels " + ("up to 0.98")


def test_scores_and_predictions_agree_about_intervals(by_site: Path, sites: str) -> None:
    ds = xr.open_zarr(sites)
    ds = ds.isel(sample=ds.split.values == 2)
    out = surrogates.load(by_site, device="cpu").predict(ds, interval=0.9, batch_size=7)
    inside = ((out.level_lower <= ds.level) & (ds.level <= out.level_upper)).values.mean()
    rows = json.loads((by_site / "metrics.json").read_text())["rows"]
    (row,) = [r for r in rows if (r["method"], r["metric"], r["group"]) == ("mlp", "coverage", "all")]
    assert row["value"] == pytest.approx(inside)
    assert json.loads((by_site / "metrics.json").read_text())["reliability"][0]["covered"][0][
        "coverage"
    ] == pytest.approx(inside)


def test_equal_inputs_have_equal_trust_whatever_the_batches(by_site: Path, sites: str) -> None:
    surrogate, ds = surrogates.load(by_site, device="cpu"), xr.open_zarr(sites)
    ds = ds.isel(sample=ds.split.values == 2)
    whole = surrogate.predict(ds, interval=0.9, trust=True)
    xr.testing.assert_equal(whole, surrogate.predict(ds, interval=0.9, trust=True))
    xr.testing.assert_allclose(whole, surrogate.predict(ds, 30, interval=0.9, trust=True), atol=1e-4)


def test_a_run_is_calibrated_on_other_sites_in_place_or_beside(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = write_sites(tmp_path / "theirs.zarr", 120, seed=3, offset=2.0)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    words = [
        str(run),
        theirs,
        "task.intervals.groups=site",
        "--out",
        str(tmp_path / "new"),
        "--device",
        "cpu",
    ]
    with pytest.raises(SystemExit) as stop:
        main(["calibrate", *words])
    assert not stop.value.code
    said = capsys.readouterr().out
    assert re.search(
        r"level: 90 % within [\d.]+ m \([\d.]+ before\); calibrated on 30 groups of site\n", said
    )
    assert "trust: calibrated on 30 groups of site" in said
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    new, old = load_bundle(tmp_path / "new"), load_bundle(run)
    assert new.manifest.calibration["level"].radius(0.9) > 2 * old.manifest.calibration["level"].radius(0.9)
    (note,) = new.manifest.provenance["calibrations"]
    assert (note["dataset"], note["subset"], note["groups"]) == (theirs, "validation", "site")
    assert new.neighbours is not None and old.neighbours is not None
    assert new.neighbours.records.equal(old.neighbours.records)  # the training data are what they were
    config = yaml.safe_load((tmp_path / "new" / "config.yaml").read_text())
    assert config["dataset"][0]["url"] == theirs

    again = calibrate(str(tmp_path / "new"), {"dataset": [{"url": theirs}]}, subset="test", device="cpu")
    assert again.folder == tmp_path / "new" / "bundle"
    assert [n["subset"] for n in load_bundle(again.folder).manifest.provenance["calibrations"]] == [
        "validation",
        "test",
    ]
    assert len(list(again.folder.glob("distance-*"))) == 1

    evaluation = evaluate_run(tmp_path / "new", open_run(tmp_path / "new"), device="cpu")
    assert evaluation.about["intervals"] == f"of the model as calibrated on test of {theirs}, 30 blocks"
    scored = load_bundle(again.folder)
    assert scored.manifest.calibration == again.after and scored.manifest.trust == again.trust
    assert len(scored.manifest.provenance["calibrations"]) == 2
    with pytest.raises(SystemExit):
        main(["evaluate", str(tmp_path / "new"), "task.intervals.scale=[]", "--device", "cpu"])
    assert "task.intervals: a score keeps the intervals of a bundle" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        (
            {},
            {"level": 0.999},
            r"has \d+ records or blocks, enough for intervals of 0.996 at most; 0.999 takes at least 999",
        ),
        (
            {"task": {"intervals": {"groups": "split"}}},
            {},
            r"has 1 groups of split, enough for intervals of 0.5 at most; 0.9 takes at least 9 of them",
        ),
        ({}, {"subset": "train"}, r"the run has learned from \d+ of these records .* --split validation"),
        ({"task": {"intervals": {"groups": "stie"}}}, {}, r"task.intervals.groups: .* Did you mean 'site'"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(
    run: Path, sites: str, changes: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises((ConfigError, ContractError), match=message):
        calibrate(str(run), {"dataset": [{"url": sites}], **changes}, device="cpu", **options)


def test_a_store_without_the_target_is_named(run: Path, tmp_path: Path) -> None:
    bare = write_sites(tmp_path / "bare.zarr", 12, seed=1, targets=False)
    with pytest.raises(ConfigError, match=r"task.targets: no variable 'level' in .*bare.zarr"):
        calibrate(str(run), {"dataset": [{"url": bare}]}, device="cpu")


def test_a_bundle_of_the_zoo_is_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["calibrate", "zoo:uav/course", str(tmp_path / "mine.zarr")])
    assert stop.value.code == 2
    assert "zoo:uav/course stays as it is; give --out" in capsys.readouterr().err
