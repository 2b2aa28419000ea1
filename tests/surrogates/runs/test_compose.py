"""The command line: Hydra composes, sizes differ, overrides win, mistakes get one line."""

import sys

import pytest
import yaml

from surrogates.core.errors import ConfigError
from surrogates.runs import compose, train
from surrogates.runs.compose import given_values, main, with_size
from surrogates.runs.folder import merge, read_config
from surrogates.runs.paths import readable
from surrogates.training.logs import CurveLogger, read_curve


@pytest.fixture
def folder(tmp_path, run_config):
    """A user's own folder of configurations, with one experiment."""
    values = run_config(task={"baselines": []})
    del values["experiment"], values["output"]
    values["sizes"] = {
        "tiny": {"model": {"width": 4}, "trainer": {"max_steps": 2}},
        "paper": {"model": {"depth": 3}},
    }
    path = tmp_path / "conf" / "experiment" / "toy"
    path.mkdir(parents=True)
    (path / "spring.yaml").write_text("# @package _global_\n" + yaml.safe_dump(values))
    return ["--config-dir", str(tmp_path / "conf"), "experiment=toy/spring", f"output={tmp_path / 'out'}"]


@pytest.fixture
def started(monkeypatch):
    """Collect what would be started."""
    values = []
    monkeypatch.setattr(train, "start", values.append)
    return values


def test_a_model_that_the_experiment_replaces_is_refused(folder, started):
    with pytest.raises(
        ConfigError, match=r"model=gru would have no effect.*names the model 'mlp'.*model.name=gru"
    ):
        main([*folder, "size=tiny", "model=gru"])
    main([*folder, "size=tiny", "model=mlp"])
    main([*folder, "model.name=gru"])
    assert [values["model"]["name"] for values in started] == ["mlp", "gru"]


def test_a_model_that_an_experiment_takes_by_default_gives_way(started):
    main(["experiment=uav/vector", "size=tiny", "model=lstm", "dataset=a.zarr"])
    main(["experiment=uav/course", "size=tiny", "model=gru_state", "model.width=32", "dataset=a.zarr"])
    assert [values["model"] for values in started] == [
        {"name": "lstm"},
        {"name": "gru_state", "width": 32, "depth": 3},
    ]


def test_experiment_of_ones_own_folder_runs_at_a_size(folder, tmp_path):
    (run,) = main([*folder, "size=tiny", "trainer.max_steps=3"])
    values = read_config(run)
    assert run.parent == tmp_path / "out" / "toy" / "spring"
    assert (values["model"]["width"], values["model"]["depth"], values["trainer"]["max_steps"]) == (4, 1, 3)


def test_key_that_the_files_lack_is_accepted_in_a_component(folder, started):
    main([*folder, "model.activation=tanh", "trainer.optimiser.weight_decay=0.1"])
    assert started[0]["model"]["activation"] == "tanh"
    assert started[0]["trainer"]["optimiser"] == {"name": "adam", "weight_decay": 0.1}


def test_multirun_starts_every_combination(folder, started):
    main([*folder, "-m", "seed=1,2", "model.width=8,16"])
    assert sorted((v["seed"], v["model"]["width"]) for v in started) == [(1, 8), (1, 16), (2, 8), (2, 16)]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("sed=3", r"unknown key 'sed'. Did you mean 'seed'\?"),
        ("trainer.max_stps=3", r"'trainer.max_stps'. Did you mean 'max_steps'\?"),
        ("model=unett", r"no model 'unett'. Did you mean 'unet'\?"),
        ("size=tinny", r"no size 'tinny'. Did you mean 'tiny'\? This experiment has: paper, tiny"),
        ("ckpt=last", "ckpt= needs run=DIR"),
        ("run=somewhere", "a resumed run keeps its own pieces"),
    ],
)
def test_mistake_gets_one_line(folder, argument, message):
    with pytest.raises(ConfigError, match=message) as caught:
        main([*folder, argument])
    assert "\n" not in str(caught.value)


def test_stopped_run_goes_on_from_the_command_line(folder, monkeypatch):
    calls = []
    monkeypatch.setattr(train, "resume", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(compose, "require_typed", lambda *arguments: None)
    main(["run=runs/x", "ckpt=last", "trainer.max_steps=9"])
    (path, checkpoint, changes) = calls[0]
    assert (str(path), checkpoint, changes) == ("runs/x", "last", {"trainer": {"max_steps": 9}})


def test_command_line_wins_over_size():
    values = {
        "seed": 0,
        "size": "tiny",
        "sizes": {"tiny": {"seed": 1, "model": {"width": 4}}},
        "model": {"name": "mlp"},
    }
    changes = given_values(["seed=7", "model=mlp"], {"model": "mlp"})
    assert with_size(values, changes) == {"seed": 7, "size": "tiny", "model": {"name": "mlp", "width": 4}}


def test_merge_goes_down_mappings_and_replaces_the_rest():
    assert merge({"a": {"b": 1, "c": [1, 2]}}, {"a": {"c": [3]}, "d": 4}) == {"a": {"b": 1, "c": [3]}, "d": 4}


def test_curve_keeps_every_digit_and_forgets_what_came_after(tmp_path):
    logger = CurveLogger(tmp_path)
    logger.log_metrics({"train/loss": 0.1 + 0.2}, 10)
    logger.log_metrics({"train/loss": 1 / 3}, 20)
    logger.log_metrics({"validation/loss": 2.0}, 20)
    logger.finalize("success")
    CurveLogger(tmp_path, first_step=10).finalize("success")
    rows = read_curve(tmp_path / "train.csv")
    assert [(int(row["step"]), float(row["train/loss"])) for row in rows] == [(10, 0.1 + 0.2)]
    assert read_curve(tmp_path / "validation.csv") == []


@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
def test_a_launcher_runs_every_combination_and_tells_the_folders(folder, tmp_path, launcher, monkeypatch):
    monkeypatch.chdir(tmp_path)  # submitit keeps its own notes below the folder of the multirun
    words = [*folder, "size=tiny", "-m", f"hydra/launcher={launcher}", "model.width=3,5"]
    runs = main(words)
    assert [read_config(run)["model"]["width"] for run in runs] == [3, 5]
    assert all((run / "bundle").is_dir() and run.is_relative_to(tmp_path / "out") for run in runs)


def test_a_failed_combination_is_told_when_the_others_have_ended(folder, tmp_path):
    with pytest.raises(ConfigError, match=r"1 of 2 runs failed; .*task\.targets=\[gone\].*gone"):
        main([*folder, "size=tiny", "-m", "task.targets=[displacement],[gone]"])
    assert len(list((tmp_path / "out" / "toy" / "spring").iterdir())) == 1


def test_a_single_run_leaves_the_command_line_of_the_process_alone(folder, started, monkeypatch):
    seen = []
    monkeypatch.setattr(train, "start", lambda values: seen.append(list(sys.argv)))
    before = list(sys.argv)
    main([*folder, "seed=3"])
    assert seen == [before]


def test_every_registered_model_is_a_choice(started):
    main(["model=radio/sector_process", "dataset=a.zarr"])
    assert started[0]["model"] == {"name": "radio/sector_process"}


def test_a_second_multirun_in_the_same_folder_tells_its_own_runs(folder, tmp_path):
    words = [*folder, "size=tiny", "-m", f"hydra.sweep.dir='{tmp_path / 'sweep'}'"]
    with pytest.raises(ConfigError, match="1 of 2 runs failed"):
        main([*words, "task.targets=[displacement],[gone]"])
    assert len(main([*words, "model.width=3,5"])) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rum"], r"unknown flag '--rum'. Did you mean '--run'\?"),
        (["-m", "model=mlp,nosuch"], "no model 'nosuch'"),
        (["-m", "seed=interval(0,1)"], "-m takes a list or a range"),
        (["-m", "seed=[1"], r"seed=\[1: expected a list"),
        (["-m", "trainer.max_stps=1,2"], r"Did you mean 'max_steps'\?"),
    ],
)
def test_a_mistake_in_several_runs_gets_one_line(folder, words, message):
    with pytest.raises(ConfigError, match=message) as caught:
        main([*folder, *words])
    assert "\n" not in str(caught.value)


def test_a_folder_with_odd_letters_and_a_primary_configuration_of_ones_own(folder, tmp_path, started):
    own = tmp_path / "my conf (1)"
    (tmp_path / "conf").rename(own)
    (own / "mine.yaml").write_text("defaults: [config, _self_]\nseed: 11\n")
    main(["--config-dir", str(own), "--config-name=mine", *folder[2:], "size=tiny"])
    assert started[0]["seed"] == 11


NAMES = [
    "a b",
    "lr=0.1,v2",
    "Zürich#1",
    "o'brien",
    "[v2].zarr",
    "50%20",
    "(x)",
    "a(b)",
    "{y}.zarr",
    "$z",
    "${oc.env:HOME}",
    r"a\${b}",
    "a:b",
    "a::b",
    "2024",
    "1e3",
    "true",
    "~x",
    "x\\",
    "choice(a)",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_path_is_the_text_that_was_typed(started, name):
    words = ["model=mlp", "task.inputs=[a]", "task.targets=[b]"]
    main([*words, f"dataset={name}", f"output={name}", f"init={name}"])
    assert [started[0][key] for key in ("dataset", "output", "init")] == [name] * 3
    other = given_values([readable(f"dataset={name}")], {})  # without composing, as `evaluate` does
    assert other == {"dataset": name}


def test_what_exists_under_the_whole_name_is_that_path(started, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["model=mlp", "task.inputs=[a]", "task.targets=[b]", "trainer.max_steps=1"]
    listed, several = "dataset=[x.zarr,a b.zarr,'c,d.zarr',{url: e.zarr}]", "dataset=p,q ${r}.zarr"
    main([*words, listed])
    main(["-m", *words, several])
    assert [each["dataset"] for each in started] == [
        ["x.zarr", "a b.zarr", "c,d.zarr", {"url": "e.zarr"}],
        "p",
        "q ${r}.zarr",
    ]
    for argument in (listed, several):
        (tmp_path / argument.removeprefix("dataset=")).mkdir()
        main(["-m", *words, argument])
        assert started[-1]["dataset"] == argument.removeprefix("dataset=")
    with pytest.raises(ConfigError, match="--multirun"):
        main([*words, f"dataset={tmp_path},{tmp_path}"])


def test_values_that_are_no_paths_are_hydras(started):
    main(
        [
            "model=mlp",
            "task.inputs=[a]",
            "task.targets=[b]",
            "dataset=x",
            "init=null",
            "seed=${size}",
            "size=null",
        ]
    )
    assert started[0]["init"] is None


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("task.name=a=b", r"""put it in quotes inside those of the shell: 'task.name='"'"'a=b'"'"''"""),
        ("task.inputs=[a=b]", r"put texts inside .* in quotes, such as \['a=b',c\]"),
        ("task.inputs a", "found 'task.inputs a', expected key=value"),
    ],
)
def test_what_hydra_cannot_read_is_answered_with_how_to_write_it(started, word, message):
    with pytest.raises(ConfigError, match=message) as caught:
        main(["model=mlp", "task.targets=[b]", "dataset=x", word])
    assert "\n" not in str(caught.value)
    assert "hydra.cc" not in str(caught.value)
