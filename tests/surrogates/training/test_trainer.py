"""What watches a run: hooks, early stopping, learning rates, states, loggers."""

import re
import sys
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import EarlyStopping, ModelSummary

from surrogates.core import registry
from surrogates.core.errors import ConfigError, MissingExtraError
from surrogates.runs.train import resume, start
from surrogates.training import fit as fitting
from surrogates.training.callbacks import _with_state, early_stopping
from surrogates.training.checkpoint import load_state
from surrogates.training.logs import CurveLogger, read_curve, require_whole
from surrogates.training.trainer import HOOKS

SHORT = {"baselines": [], "metrics": ["rmse"], "plots": []}
STILL = {"optimiser": {"name": "sgd", "lr": 1e-30}, "validate_every": 2, "max_steps": 40}


@pytest.fixture
def config(run_config):
    return lambda **trainer: run_config(task=SHORT, trainer={"max_steps": 8, **trainer})


@pytest.fixture
def with_callback(monkeypatch):
    """Let a run have a callback that no plug-in offers."""

    def place(callback):
        monkeypatch.setattr(fitting, "build_callback", lambda node: callback)
        return ["learning_rate_monitor"]  # stands in for it

    return place


class Recorder(Callback):
    """A callback of Lightning that notes what it is told."""

    def __init__(self):
        self.seen = []

    def __getattribute__(self, name):
        if name not in HOOKS:
            return super().__getattribute__(name)
        return lambda trainer, module, *arguments: self.seen.append((name, trainer.global_step, arguments))


for hook in HOOKS:  # the trainer looks at the class
    setattr(Recorder, hook, lambda *_: None)


def test_callbacks_see_the_hooks_of_lightning_in_their_order(config, with_callback):
    recorder = Recorder()
    start(config(max_steps=2, validate_every=2, callbacks=with_callback(recorder)))
    one = ["on_train_batch_start", "on_before_zero_grad", "on_before_backward", "on_after_backward"]
    one += ["on_before_optimizer_step"]
    validation = ["on_validation_start", "on_validation_epoch_start"]
    validation += ["on_validation_batch_start", "on_validation_batch_end"]  # eight examples are one batch
    validation += ["on_validation_epoch_end", "on_validation_end"]
    assert [name for name, _, _ in recorder.seen] == [
        *("setup", "on_fit_start", "on_train_start", "on_train_epoch_start"),
        *(*one, "on_train_batch_end", *one, "on_train_batch_end", *validation),
        *("on_save_checkpoint", "on_train_end", "on_fit_end", "teardown"),
    ]
    told = {name: (step, arguments) for name, step, arguments in recorder.seen}
    step, (outputs, batch, number) = told["on_train_batch_end"]
    assert (step, outputs, number) == (2, None, 1)
    assert batch["stiffness"].shape == (8,)
    assert told["setup"][1] == ("fit",)
    assert isinstance(told["on_before_optimizer_step"][1][0], torch.optim.Optimizer)


def test_callback_is_told_of_an_error(config, with_callback):
    class Failing(Recorder):
        def on_train_batch_end(self, *_):
            raise AssertionError

        def __getattribute__(self, name):
            if name == "on_train_batch_end":
                return object.__getattribute__(self, name)
            return super().__getattribute__(name)

    callback = Failing()
    with pytest.raises(AssertionError):
        start(config(callbacks=with_callback(callback)))
    assert callback.seen[-1][0] == "on_exception"


def test_early_stopping_by_one_word_is_lightnings_own(config):
    assert isinstance(early_stopping(), EarlyStopping)
    folder = start(config(**STILL, callbacks="early_stopping"))
    assert load_state(folder / "checkpoints" / "last.ckpt")["module"]["step"] == 22  # the first and ten more


def test_run_that_early_stopping_has_ended_stays_ended_until_more_patience_is_given(config):
    stopping = {"name": "early_stopping", "patience": 2}
    folder = start(config(**STILL, callbacks=[stopping]))
    last = folder / "checkpoints" / "last.ckpt"
    assert load_state(last)["module"]["step"] == 6
    resume(folder)
    assert load_state(last)["module"]["step"] == 6
    resume(folder, changes={"trainer": {"callbacks": [stopping | {"patience": 4}]}})
    assert load_state(last)["module"]["step"] == 10  # two without progress had been counted


def test_rate_falls_on_a_plateau_and_a_resumed_run_remembers_it(config):
    schedule = {"name": "plateau", "patience": 1, "factor": 0.1, "cooldown": 1}
    trainer = {"validate_every": 2, "log_every": 1, "optimiser": {"name": "sgd", "lr": 1e-30}}

    def rates(folder):
        rows = [row["learning_rate"] for row in read_curve(folder / "logs" / "train.csv")]
        return [round(float(rate) / 1e-30, 6) for rate in rows if rate]

    whole = rates(start(config(**trainer, schedule=schedule, max_steps=16)))
    assert whole == [*[1.0] * 6, *[0.1] * 6, *[0.01] * 4]
    stopped = start(config(**trainer, schedule=schedule, max_steps=8))
    resume(stopped, changes={"trainer": {"max_steps": 16}})
    assert rates(stopped) == whole


def test_plateau_without_validation_is_refused_before_any_work(make_store, config):
    values = config(schedule="plateau") | {"dataset": make_store("few.zarr", records=6).url}
    with pytest.raises(
        ConfigError, match=r"'plateau' follows the validation loss, but the validation subset"
    ):
        start(values)


def test_patience_of_old_is_a_callback_now(config):
    with pytest.warns(FutureWarning, match=r"trainer.patience: say trainer.callbacks=.*early_stopping"):
        folder = start(config(**STILL, patience=2))
    assert load_state(folder / "checkpoints" / "last.ckpt")["module"]["step"] == 6


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"name": "early_stoping"}, r"No callback is registered as 'early_stoping'.*'early_stopping'"),
        ({"name": "early_stopping", "patients": 3}, r"unknown key 'patients'.*'patience'"),
        (
            {"name": "early_stopping", "monitor": "validation/los"},
            r"nothing .* 'validation/los'.*'validation/",
        ),
    ],
)
def test_mistake_about_a_callback_is_answered(config, node, message):
    with pytest.raises(ValueError, match=message):
        start(config(callbacks=[node]))


def test_early_stopping_without_validation_is_refused(make_store, config):
    values = config(callbacks="early_stopping") | {"dataset": make_store("few.zarr", records=6).url}
    with pytest.raises(ConfigError, match=r"the validation subset is empty; give another dataset.split"):
        start(values)


def test_callback_without_hooks_is_refused(monkeypatch):
    monkeypatch.setattr(fitting, "build", lambda kind, node: Callback())
    with pytest.raises(ConfigError, match=r"'idle' has no hook that a run calls.*on_train_batch_end"):
        fitting.build_callback({"name": "idle"})


def test_state_that_would_need_code_to_be_read_is_refused_before_it_is_written(
    config, with_callback, tmp_path
):
    class Keeping(Callback):
        def state_dict(self):
            return {"path": Path("x")}

    with pytest.raises(ConfigError, match=r"state of the callback .*Keeping.* holds a PosixPath"):
        start(config(callbacks=with_callback(Keeping())))
    assert not list(tmp_path.glob("runs/*/*/checkpoints/last.ckpt"))


def test_learning_rates_of_all_groups_are_recorded(config):
    groups = {"*.weight": {"lr": 1e-2}}
    schedule = {"name": "constant", "warmup": 3}
    folder = start(
        config(callbacks="learning_rate_monitor", groups=groups, schedule=schedule, log_every=4, max_steps=8)
    )
    rows = read_curve(folder / "logs" / "callbacks.csv")
    assert [row["step"] for row in rows] == ["4", "8"]
    rates = [float(rows[-1][f"learning_rate/Adam/{n}"]) for n in range(2)]
    assert rates == [1e-2, 1e-3]


def test_columns_of_callbacks_may_grow_and_rows_after_a_state_go(tmp_path):
    logger = CurveLogger(tmp_path)
    logger.log_metrics({"train/loss": 0.5, "learning_rate": 0.1, "norm": 1.0}, step=1)
    logger.log_metrics({"norm": 2.0, "other": 3.0}, step=2)
    logger.log_metrics({"other": 4.0}, step=3)
    logger.finalize("success")
    rows = read_curve(tmp_path / "callbacks.csv")
    assert rows == [
        {"step": "1", "norm": "1.0", "other": ""},
        {"step": "2", "norm": "2.0", "other": "3.0"},
        {"step": "3", "norm": "", "other": "4.0"},
    ]
    CurveLogger(tmp_path, first_step=2).finalize("success")
    assert [row["step"] for row in read_curve(tmp_path / "callbacks.csv")] == ["1", "2"]
    assert read_curve(tmp_path / "train.csv") == [{"step": "1", "train/loss": "0.5", "learning_rate": "0.1"}]


def test_weights_and_biases_offline_keeps_one_run_over_a_resume(config, tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="needs the extra 'wandb'")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_MODE", "offline")
    wandb = {"name": "wandb", "offline": True, "project": "toy"}
    folder = start(config(loggers=["csv", wandb], max_steps=4, log_every=2))
    resume(folder, changes={"trainer": {"max_steps": 8}})
    own = (folder / "logs" / "wandb_run_id").read_text()
    records = sorted((folder / "logs" / "wandb").glob(f"offline-run-*-{own}"))
    assert len(records) == 2  # one for each process; `wandb sync` joins what has one id
    assert all(list(each.glob("run-*.wandb")) for each in records)
    assert not (folder / "logs" / "tensorboard").exists()
    assert (folder / "logs" / "train.csv").exists()


def test_mlflow_in_a_folder_keeps_one_run_over_a_resume(config, monkeypatch):
    pytest.importorskip("mlflow", reason="needs the extra 'mlflow'")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = start(config(loggers="mlflow", max_steps=4, log_every=2))
    resume(folder, changes={"trainer": {"max_steps": 8}})
    own = (folder / "logs" / "mlflow_run_id").read_text()
    (run,) = (folder / "logs" / "mlruns").glob(f"*/{own}")
    steps = [line.split()[2] for line in (run / "metrics" / "train" / "loss").read_text().splitlines()]
    assert steps == ["2", "4", "6", "8"]
    assert (run / "params" / "seed").read_text() == "0"
    assert (run / "params" / "trainer" / "batch_size").read_text() == "8"


def test_logger_that_is_not_installed_is_told_before_any_work(config, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    monkeypatch.delitem(sys.modules, "surrogates.training.wandb_logger", raising=False)
    registry.forget()
    with pytest.raises(MissingExtraError, match=re.escape('pip install "sciml-surrogates[wandb]"')):
        start(config(loggers="wandb"))
    assert not (tmp_path / "runs").exists()


def test_unknown_key_of_loggers_names_the_right_one(config):
    with pytest.raises(ConfigError, match=r"unknown key 'trainer.logger'.*'loggers'"):
        start(config(logger="wandb"))


def test_callback_sees_the_gradient_before_it_is_clipped(config, with_callback):
    norms = []

    class Norm(Callback):
        def on_before_optimizer_step(self, trainer, pl_module, optimizer):
            weights = [each for group in optimizer.param_groups for each in group["params"]]
            norms.append(float(torch.stack([each.grad.square().sum() for each in weights]).sum().sqrt()))
            pl_module.log("norm", norms[-1], prog_bar=True)

    folder = start(config(callbacks=with_callback(Norm()), gradient_clip=1e-3, max_steps=3))
    assert min(norms) > 0.01
    rows = read_curve(folder / "logs" / "callbacks.csv")
    assert [float(row["norm"]) for row in rows] == norms


def test_callback_that_needs_more_of_lightnings_trainer_is_told_what_is_missing(config, with_callback):
    with pytest.raises(ConfigError, match=r"callback ModelSummary asks in on_fit_start for '.*', which our"):
        start(config(callbacks=with_callback(ModelSummary())))


def test_state_of_a_callback_is_found_again_whatever_others_there_are():
    class Norm(Callback):
        pass

    class NormMax(Callback):
        pass

    assert list(_with_state([NormMax(), Norm(), Norm()])) == [
        *(f"{NormMax.__qualname__} 0", f"{Norm.__qualname__} 0", f"{Norm.__qualname__} 1")
    ]


def test_values_that_a_callback_keeps_in_the_checkpoint_come_back(config, with_callback):
    found = []

    class Keeping(Callback):
        def on_save_checkpoint(self, trainer, pl_module, checkpoint):
            checkpoint["kept"] = trainer.global_step

        def on_load_checkpoint(self, trainer, pl_module, checkpoint):
            found.append(checkpoint["kept"])

        def on_fit_start(self, trainer, pl_module):
            found.append(trainer.global_step)

    folder = start(config(callbacks=with_callback(Keeping()), max_steps=4))
    resume(folder, changes={"trainer": {"max_steps": 6}})
    assert found == [0, 4, 4]


def test_callback_that_ends_a_run_without_validation_leaves_its_state(make_store, config, with_callback):
    class Ending(Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            trainer.should_stop = True
            trainer.log({"ended": 1.0})

    values = config(callbacks=with_callback(Ending()), batch_size=3, validate_every=100)
    values["dataset"] = make_store("few.zarr", records=6).url
    folder = start(values)
    assert load_state(folder / "checkpoints" / "last.ckpt")["module"]["step"] == 2  # an epoch
    assert read_curve(folder / "logs" / "callbacks.csv")[-1] == {"step": "2", "ended": "1.0"}


class Failing:
    """A logger of a service that is gone."""

    def __init__(self, when):
        self.when, self.steps = when, []

    def _do(self, what):
        if what == self.when:
            raise ConnectionError("no route to host")

    def log_hyperparams(self, params):
        self._do("begin")

    def log_metrics(self, metrics, step):
        self._do("log")
        self.steps.append(step)

    def finalize(self, status):
        self._do("end")


@pytest.mark.parametrize("when", ["log", "end"])
def test_service_that_fails_is_left_out_and_the_run_goes_on(config, monkeypatch, when):
    logger = Failing(when)
    build = fitting.build
    monkeypatch.setattr(
        fitting,
        "build",
        lambda kind, node, **k: logger if node["name"] == "mlflow" else build(kind, node, **k),
    )
    with pytest.warns(RuntimeWarning, match="Failing failed and records no more: no route to host"):
        folder = start(config(loggers="mlflow", log_every=2))
    assert sorted(set(logger.steps)) == ([] if when == "log" else [2, 4, 6, 8])
    assert (folder / "metrics.json").exists()


def test_service_that_cannot_begin_is_named(config, monkeypatch):
    build = fitting.build
    monkeypatch.setattr(
        fitting,
        "build",
        lambda kind, node, **k: Failing("begin") if node["name"] == "mlflow" else build(kind, node, **k),
    )
    with pytest.raises(ConfigError, match=r"'mlflow' cannot begin: no route to host; .*trainer.loggers"):
        start(config(loggers="mlflow"))


def test_error_in_the_hook_about_an_error_does_not_hide_it(config, with_callback):
    class Failing(Callback):
        def on_train_batch_end(self, *_):
            raise KeyError("first")

        def on_exception(self, *_):
            raise ValueError("second")

    with pytest.raises(KeyError, match="first") as caught:
        start(config(callbacks=with_callback(Failing())))
    assert caught.value.__notes__ == ["and then in on_exception: second"]


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("step,validation/loss\r\n1,0.25\r\n2,0.125\r\n", ["1", "2"]),
        ("step,validation/loss\r\n1,0.25\r\n2,0.1", ["1"]),  # a kill inside 0.125 leaves a number too
        ("step,validation/loss\r\n1,0.25\r\n2,0.125\r", ["1"]),
        ("step,validation/loss\r\n1,0.25\r\n2,", ["1"]),
        ("step,validation/loss\r\n1,0.25\r\n2", ["1"]),
        ("step,valid", []),
        ("", []),
    ],
)
def test_a_line_that_a_kill_cut_is_none(tmp_path, text, steps):
    path = tmp_path / "validation.csv"
    path.write_bytes(text.encode())
    assert [row["step"] for row in read_curve(path)] == steps


@pytest.mark.parametrize("row", ["2,fast", "two,0.1", "2", "2,0.1,0.2", "\0"])
def test_a_row_that_is_no_row_of_numbers_is_refused(tmp_path, row):
    path = tmp_path / "validation.csv"
    path.write_bytes(f"step,validation/loss\r\n1,0.25\r\n{row}\r\n".encode())
    with pytest.raises(ConfigError, match=r"validation.csv: line 3 is no row of a loss curve"):
        read_curve(path)


@pytest.mark.parametrize(
    ("steps", "whole"),
    [([2, 4, 5], True), ([5], True), ([2, 4], False), ([2, 5], False), ([], False)],
)
def test_a_curve_is_judged_only_whole(tmp_path, steps, whole):
    path = tmp_path / "validation.csv"
    path.write_text("step,validation/loss\n" + "".join(f"{step},0.5\n" for step in steps))
    if whole:
        assert [int(row["step"]) for row in require_whole(path, 5)] == steps
        return
    with pytest.raises(ConfigError, match="not whole: rows are missing before step 5"):
        require_whole(path, 5)
