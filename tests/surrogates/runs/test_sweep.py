"""A sweep: trials are runs, proposals depend on seed and history alone, and a kill costs nothing finished."""

import json
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Event

import pytest
import torch
import yaml
from optuna import Study

from surrogates.core.errors import ConfigError
from surrogates.runs import sweep as module
from surrogates.runs.evaluate import evaluate_elsewhere
from surrogates.runs.folder import LOCK, locked, open_run, read_config
from surrogates.runs.space import parameter_of
from surrogates.runs.study import open_study
from surrogates.runs.sweep import ranked, sweep
from surrogates.runs.sweep_plan import Plan, best_command, read_plan
from surrogates.training.checkpoint import FORMAT_VERSION
from surrogates.training.logs import read_curve

LR = "trainer.optimiser.lr=log(1e-4,1e-1)"
WIDTH = "model.width=int(2,8)"


@pytest.fixture
def words(run_config, tmp_path) -> list[str]:
    """The command line of a short run of one's own experiment."""
    values = run_config(task={"baselines": []}, trainer={"max_steps": 4, "validate_every": 2})
    del values["experiment"], values["output"]
    folder = tmp_path / "conf" / "experiment"
    folder.mkdir(parents=True)
    (folder / "spring.yaml").write_text("# @package _global_\n" + yaml.safe_dump(values))
    return ["--config-dir", str(tmp_path / "conf"), "experiment=spring"]


@pytest.fixture
def quick(monkeypatch):
    """Stand in for the training of a trial: its loss is that of a bowl; collects what was started."""
    started = []

    def start(values):
        rate = values["trainer"]["optimiser"]["lr"]
        run = Path(values["output"]) / "run"
        (run / "logs").mkdir(parents=True)
        loss = (math.log10(rate) + 2) ** 2
        (run / "logs" / "validation.csv").write_text(f"step,validation/loss\n1,9.0\n2,{loss!r}\n3,9.5\n")
        (run / "checkpoints").mkdir()
        state = {"format_version": FORMAT_VERSION, "module": {"step": 3}}
        torch.save(state, run / "checkpoints" / "last.ckpt")
        started.append(rate)
        return run

    monkeypatch.setattr(module, "start", start)
    return started


@pytest.fixture
def fast(quick, monkeypatch):
    """Leave Hydra out as well: what is composed holds the learning rate and the folder."""

    def read(words):
        given = dict(word.split("=", 1) for word in words if "=" in word)
        rate = float(given["trainer.optimiser.lr"])
        return {
            "trainer": {"optimiser": {"lr": rate}},
            "output": given["output"],
            "sweep": {},
        }

    monkeypatch.setattr(module, "read", read)
    monkeypatch.setattr(module, "check_plan", lambda plan: "smallest")
    return quick


PLAN = Plan(
    ["experiment=spring"], {"trainer.optimiser.lr": parameter_of("trainer.optimiser.lr", "log(1e-4,1e-1)")}
)


def silent(_: str) -> None:
    pass


def test_trials_are_runs_judged_on_the_validation_split(words, tmp_path, monkeypatch):
    plan = Plan.of([*words, LR, WIDTH])
    lines: list[str] = []
    done = sweep(plan, tmp_path / "sweep", 2, lines.append)
    for trial in done:
        losses = [
            float(row["validation/loss"]) for row in read_curve(Path(trial.run) / "logs/validation.csv")
        ]
        assert trial.value == min(losses)
        config = read_config(Path(trial.run))
        assert f"{config['trainer']['optimiser']['lr']:.4g}" == trial.settings["trainer.optimiser.lr"]
        assert str(config["model"]["width"]) == trial.settings["model.width"]
        assert (Path(trial.run) / "bundle").is_dir()
    best = ranked(done)[0]
    assert best.value == min(trial.value for trial in done)
    command = best_command(plan, best.settings)
    assert (
        command.startswith("surrogates train --config-dir")
        and f"model.width={best.settings['model.width']}" in command
    )
    assert [line.partition(":")[0] for line in lines] == ["trial 1/2", "trial 2/2"]


def test_metric_is_scored_on_the_validation_split(words, tmp_path, monkeypatch):
    plan = Plan.of([*words, WIDTH], metric="rmse")
    (trial,) = sweep(plan, tmp_path / "sweep", 1, silent)
    experiment = open_run(Path(trial.run))
    found = evaluate_elsewhere(trial.run, experiment, experiment, split="validation")
    assert trial.value == pytest.approx(found.table.value("mlp", "displacement", "rmse"))
    test = json.loads((Path(trial.run) / "metrics.json").read_text())["rows"][0]["value"]
    assert trial.value != pytest.approx(test)


def test_killed_sweep_ends_as_an_undisturbed_one_without_redoing_trials(tmp_path, fast, monkeypatch):
    plan = PLAN
    whole = sweep(plan, tmp_path / "whole", 14, silent)
    undisturbed, start = list(fast), module.start

    def die(values):
        if len(fast) == 14 + 12:
            raise KeyboardInterrupt
        return start(values)

    monkeypatch.setattr(module, "start", die)
    with pytest.raises(KeyboardInterrupt):
        sweep(plan, tmp_path / "killed", 14, silent)
    monkeypatch.setattr(module, "start", start)
    resumed = sweep(read_plan(tmp_path / "killed"), tmp_path / "killed", 14, silent)
    assert fast == undisturbed * 2
    assert [trial.value for trial in resumed] == [trial.value for trial in whole]


def test_two_processes_share_a_sweep(tmp_path, fast, monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0.01)
    start, meeting = module.start, Barrier(2)

    def slow(values):
        if len(fast) < 2:
            meeting.wait(30)  # both are in a trial at the same time
        return start(values)

    monkeypatch.setattr(module, "start", slow)
    lines: list[str] = []
    with ThreadPoolExecutor(2) as pool:  # locks tell threads apart as they do processes
        works = [pool.submit(sweep, PLAN, tmp_path / "sweep", 6, lines.append) for _ in range(2)]
        found = [work.result() for work in works]
    assert found[0] == found[1]
    assert [trial.number for trial in found[0]] == list(range(6))
    assert len(fast) == len(set(fast)) == 6
    told = [line.partition(":")[0] for line in lines if line.startswith("trial")]
    assert sorted(told) == [f"trial {number}/6" for number in range(1, 7)]
    assert sorted(each.name for each in (tmp_path / "sweep" / "trials").iterdir()) == [
        f"{number:04d}" for number in range(6)
    ]


def test_trial_of_a_process_that_died_is_taken_up_with_its_values(tmp_path, fast, monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0.01)
    folder, start, given = tmp_path / "sweep", module.start, []

    def die(values):
        given.append(values["trainer"]["optimiser"]["lr"])
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "start", die)
    with pytest.raises(KeyboardInterrupt):
        sweep(PLAN, folder, 3, silent)
    monkeypatch.setattr(module, "start", start)
    waits = Event()
    with ThreadPoolExecutor(1) as pool:
        with (folder / "trials" / "0000" / LOCK).open("w") as file:
            assert locked(file)  # as if it were still alive
            work = pool.submit(
                sweep, PLAN, folder, 3, lambda line: waits.set() if "waiting" in line else None
            )
            assert waits.wait(30)
            assert given[0] not in fast
        done = work.result()
    assert len(fast) == len(done) == 3
    assert fast[-1] == given[0]
    assert done[0].settings["trainer.optimiser.lr"] == f"{given[0]:.4g}"


def test_a_process_that_joins_leaves_alone_what_others_are_writing(tmp_path, fast, monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0.01)
    start, writes, joined = module.start, Event(), Event()

    def slow(values):
        if not writes.is_set():  # the first process
            half = Path(values["output"]) / ".weights.partial"
            half.touch()
            writes.set()
            assert joined.wait(30)
            half.unlink()
        joined.set()
        return start(values)

    monkeypatch.setattr(module, "start", slow)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(sweep, PLAN, tmp_path / "sweep", 2, silent)
        assert writes.wait(30)
        pool.submit(sweep, PLAN, tmp_path / "sweep", 2, silent).result()
        assert [trial.error for trial in first.result()] == ["", ""]


def test_a_kill_before_a_trial_has_its_number_leaves_nothing_running(tmp_path, fast, monkeypatch):
    whole = sweep(PLAN, tmp_path / "whole", 3, silent)
    ask = Study.ask

    def die(study):
        ask(study)
        raise KeyboardInterrupt

    monkeypatch.setattr(Study, "ask", die)
    with pytest.raises(KeyboardInterrupt):
        sweep(PLAN, tmp_path / "killed", 3, silent)
    monkeypatch.setattr(Study, "ask", ask)
    resumed = sweep(PLAN, tmp_path / "killed", 3, silent)
    assert [trial.settings for trial in resumed] == [trial.settings for trial in whole]
    states = [trial.state.name for trial in open_study(tmp_path / "killed", "minimize").trials]
    assert states == ["FAIL", "COMPLETE", "COMPLETE", "COMPLETE"]


def test_a_run_killed_before_it_had_a_configuration_is_removed(tmp_path, fast):
    left = tmp_path / "sweep" / "trials" / "0000" / "run" / "2026-01-01T00-00-00" / ".config.yaml-x.partial"
    left.mkdir(parents=True)
    (left / "config.yaml").write_text("seed: 0\n")  # whole, but not yet where it belongs
    (done,) = sweep(PLAN, tmp_path / "sweep", 1, silent)
    assert not left.parent.exists()
    assert done.error == "" and Path(done.run).is_dir()


@pytest.mark.parametrize(
    ("metric", "best"), [("loss", "smallest"), ("csi/spectral_efficiency", "largest"), ("bias", "zero")]
)
def test_the_metric_says_which_of_its_values_is_best(words, metric, best):
    named = "" if metric == "loss" else metric
    assert module.check_plan(Plan.of([*words, LR, f"task.metrics=[{named}]"], metric)) == best


def test_trials_of_large_values_are_ranked_by_them_in_a_resumed_sweep_too(tmp_path, fast, monkeypatch):
    monkeypatch.setattr(module, "check_plan", lambda plan: "largest")
    sweep(PLAN, tmp_path / "sweep", 12, silent)
    done = sweep(PLAN, tmp_path / "sweep", 30, silent)
    values = [trial.value for trial in done]
    assert ranked(done)[0].value == max(values)
    early, late = values[:10], values[-10:]
    assert sum(late) > sum(early)


def test_other_seed_proposes_otherwise_and_later_proposals_learn(tmp_path, fast):
    done = sweep(PLAN, tmp_path / "one", 30, silent)
    sweep(replace(PLAN, seed=1), tmp_path / "two", 2, silent)
    assert fast[:2] != fast[30:]
    early, late = ([trial.value for trial in part] for part in (done[:10], done[-10:]))
    assert sum(late) < 0.5 * sum(early)  # Optuna's first ten are drawn blindly


def test_failed_trial_is_recorded_and_the_sweep_goes_on(tmp_path, fast, monkeypatch):
    start = module.start

    def fail(values):
        if len(fast) == 1:
            fast.append(0.0)
            raise ConfigError("training diverged")
        return start(values)

    monkeypatch.setattr(module, "start", fail)
    lines: list[str] = []
    done = sweep(PLAN, tmp_path / "sweep", 3, lines.append)
    assert [trial.error for trial in done] == ["", "training diverged", ""]
    assert "trial 2/3: failed (training diverged), best" in lines[1]
    assert [trial.number for trial in ranked(done)] != [0, 1, 2]
    assert len(sweep(read_plan(tmp_path / "sweep"), tmp_path / "sweep", 3, silent)) == 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            ["trainer.optimiser.lrr=log(1e-4,1e-1)"],
            r"with trainer.optimiser.lrr=0.0001: .*Did you mean 'lr'\?",
        ),
        (["trainr.max_steps=int(1,2)"], r"unknown key 'trainr.max_steps'"),
        (["model.width=int(0,8)"], r"with model.width=0: model 'mlp': 'width' should be greater than 0"),
        (["model=choice(mlp,unett)"], r"no model 'unett'. Did you mean 'unet'\?"),
        ([], "nothing varies; give e.g."),
        ([LR, "run=somewhere"], "run=somewhere: a sweep starts runs of its own"),
        ([LR, "--metric", "rmsee"], r"metric 'rmsee' is not among task.metrics. Did you mean 'rmse'\?"),
        (
            [LR, "task.metrics=[rmse,interval_width]", "--metric", "interval_width"],
            "no value of metric 'interval_width' is the best; name one of: loss, rmse",
        ),
    ],
)
def test_mistake_is_answered_before_the_first_trial(words, tmp_path, quick, given, message):
    given, metric = (given[:-2], given[-1]) if "--metric" in given else (given, "loss")
    with pytest.raises(ConfigError, match=message):
        sweep(Plan.of([*words, *given], metric), tmp_path / "sweep", 1, silent)
    assert not quick and not (tmp_path / "sweep").exists()


def test_experiment_may_say_what_varies(words, tmp_path):
    path = tmp_path / "conf" / "experiment" / "spring.yaml"
    path.write_text(
        path.read_text() + "sweep: {trainer.optimiser.lr: 'log(1e-4,1e-2)', model.width: [4, 8]}\n"
    )
    plan = Plan.of([*words, "model.width=int(2,4)"])
    assert plan.space["trainer.optimiser.lr"].bounds == (1e-4, 1e-2)
    assert plan.space["model.width"].kind == "int"  # the command line wins


def test_folder_of_another_sweep_is_refused(tmp_path, fast):
    sweep(PLAN, tmp_path / "sweep", 1, silent)
    with pytest.raises(ConfigError, match=r"holds another sweep .*resume it by --folder only"):
        sweep(replace(PLAN, seed=3), tmp_path / "sweep", 2, silent)
    with pytest.raises(ConfigError, match=r"is no sweep: it has no sweep.yaml"):
        read_plan(tmp_path)
