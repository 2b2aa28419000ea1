"""A search for good values: trials are ordinary runs, proposed by Optuna, in a folder that resumes."""

import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any

from datasets.store.streams import SWEEP, stream
from surrogates.core.errors import ConfigError
from surrogates.core.files import PARTIAL, forget_half_written
from surrogates.core.optional import require
from surrogates.core.text import listing, nearest
from surrogates.evaluation.scoring import score
from surrogates.experiment.experiment import Experiment
from surrogates.experiment.launched import launched
from surrogates.inference.bundle import load_bundle
from surrogates.learning.contract import Best
from surrogates.report.sweeps import Tried
from surrogates.runs.compose import read
from surrogates.runs.folder import CONFIG, LOCK, held, locked, open_run
from surrogates.runs.methods import model_of
from surrogates.runs.resuming import CHECKPOINTS, LAST
from surrogates.runs.sweep_plan import LOSS, PLAN, Plan, write_plan
from surrogates.runs.train import prepare, resume, start
from surrogates.training.checkpoint import load_state
from surrogates.training.logs import require_whole
from surrogates.training.signals import Stopped

if TYPE_CHECKING:
    from optuna import Study, Trial

NUMBER = "number"
"""Attribute of a trial: its own number, since one that a kill has cut off may be asked for twice."""
PAUSE = 1.0
"""Seconds between two looks at the trials of other processes."""
PICTURE = "sweep.png"


def sweep(plan: Plan, folder: Path, trials: int, say: Callable[[str], None] = print) -> list[Tried]:
    """Run trials until there are as many as wanted; resume a sweep that was stopped.

    What Optuna proposes depends only on the seed and the trials before, so a sweep that was killed ends
    as an undisturbed one; the run that was under way resumes from its last checkpoint. Several processes may
    share a sweep, on one machine or with a common disk: each takes the next trial that no other runs, and
    takes up those of a process that has ended.

    Parameters
    ----------
    plan
        What to try.
    folder
        Folder of the sweep; each trial's run lies below ``trials/``.
    trials
        Trials altogether, failed ones included.
    say
        Takes a line for each trial.

    Raises
    ------
    ConfigError
        Before the first trial, when a value at either end of its range does not fit.
    """
    require("optuna", "A sweep")
    if (group := launched()) is not None:
        raise ConfigError(
            f"{group.by} started {group.size} processes, and each would search; start the sweep once, "
            f"with trainer.devices={group.local_size}"
        )
    largest = check_plan(plan) == "largest"
    folder.mkdir(parents=True, exist_ok=True)
    with resumable(folder, trials):
        return _search(plan, folder, trials, largest, say)


@contextmanager
def resumable(folder: Path, trials: int) -> Iterator[None]:
    """After a signal, print the command that resumes a sweep."""
    try:
        yield
    except Stopped as stopped:
        command = shlex.join(["surrogates", "sweep", "--folder", str(folder), "--trials", str(trials)])
        print(f"resume the whole sweep with: {command}", file=sys.stderr, flush=True)
        stopped.told = True
        raise


def _search(plan: Plan, folder: Path, trials: int, largest: bool, say: Callable[[str], None]) -> list[Tried]:
    """Run trials that no other process runs, until all have ended."""
    with held(folder):  # only what lies in it is cleaned up: others may write to their trials
        for name in (PLAN, PICTURE):
            forget_half_written(folder / name)
        study = _open(plan, folder, largest)
    waiting = False
    while missing := _missing(study, trials):
        for number in missing:
            with _claimed(folder / "trials" / f"{number:04d}") as ours:
                if ours and number in _missing(study, trials):  # it may have ended since
                    last = _try(study, plan, folder, number)
                    done = tried(study)
                    say(_line(last, trials, best(done)))
                    waiting = False
                    break
        else:
            if not waiting:
                say(f"waiting for other processes, which run what is left: {len(missing)}")
            waiting = True
            sleep(PAUSE)
    return tried(study)


def _missing(study: "Study", trials: int) -> list[int]:
    """Return the numbers of the trials that have not ended."""
    return sorted(set(range(trials)) - {each.number for each in tried(study)})


@contextmanager
def _claimed(folder: Path) -> Iterator[bool]:
    """Try to hold a trial's folder, and yield whether it is ours; the lock of a process ends with it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as file:
        yield locked(file)


def _try(study: "Study", plan: Plan, folder: Path, number: int) -> Tried:
    """Run a trial, or take up that of a process which has ended, with the values that it was given."""
    trial = _begun(study, number)
    if trial is None:
        with held(folder):
            trial = _ask(study, plan, number)
    settings = dict(trial.user_attrs["settings"])
    try:
        run = _run(plan, settings, folder / "trials" / f"{number:04d}")
        trial.set_user_attr("run", str(run))
        study.tell(trial, _value(run, plan.metric))
    except Exception as error:  # a trial may fail in any way; the sweep continues, and says so
        trial.set_user_attr("error", " ".join(str(error).split()) or type(error).__name__)
        study.tell(trial, state=_state("FAIL"))
    return next(each for each in tried(study) if each.number == number)


def _begun(study: "Study", number: int) -> "Trial | None":
    """Return the trial that a process has left unfinished; nobody else runs it while its folder is ours."""
    from optuna.trial import Trial

    for trial in study.get_trials(deepcopy=False, states=[_state("RUNNING")]):
        if trial.user_attrs.get(NUMBER) == number:
            return Trial(study, trial._trial_id)
    return None


def check_plan(plan: Plan) -> Best:
    """Check the configuration at both ends of every range and of every choice; train nothing.

    Returns
    -------
    Best
        Which value of the plan's metric is best.
    """
    first = {key: parameter.ends()[0] for key, parameter in plan.space.items()}
    for key, parameter in plan.space.items():
        for value in parameter.ends():
            values = read(plan.command({**first, key: value}))
            values.pop("sweep")
            try:
                experiment, _ = prepare(values)
            except ValueError as error:
                raise ConfigError(f"with {key}={value}: {error}") from error
    return _best_of(experiment, plan.metric)


def _best_of(experiment: Experiment, metric: str) -> Best:
    """Return which value of a metric is best; refuse one by which trials cannot be compared."""
    if not len(experiment.data.index("validation")):
        raise ConfigError(
            "the validation subset is empty, so trials cannot be compared; give another dataset.split"
        )
    if metric == LOSS:
        return "smallest"
    found = experiment.pieces.metrics
    if metric not in found:
        offered = [LOSS, *found]
        raise ConfigError(
            f"metric '{metric}' is not among task.metrics.{nearest(metric, offered)} "
            f"There are: {listing(offered)}."
        )
    if found[metric].best == "none":
        offered = [LOSS, *(name for name, each in found.items() if each.best != "none")]
        raise ConfigError(f"no value of metric '{metric}' is the best; name one of: {listing(offered)}")
    return found[metric].best


def tried(study: "Study") -> list[Tried]:
    """Return the trials that have ended, in the order of their numbers."""
    told, largest = ("COMPLETE", "FAIL"), study.direction.name == "MAXIMIZE"
    ended = [t for t in study.trials if t.state.name in told and {"run", "error"} & t.user_attrs.keys()]
    found = [
        Tried(
            trial.user_attrs.get(NUMBER, place),  # a sweep of the release before has no numbers
            dict(trial.user_attrs["settings"]),
            float("nan") if trial.value is None else trial.value,
            trial.user_attrs.get("run", ""),
            trial.user_attrs.get("error", ""),
            largest,
        )
        for place, trial in enumerate(ended)
    ]
    return sorted(found, key=lambda each: each.number)


def best(done: Sequence[Tried]) -> Tried | None:
    """Return the best of the trials that did not fail."""
    return next(iter(ranked(done)), None)


def ranked(done: Sequence[Tried]) -> list[Tried]:
    """Return the trials that did not fail, best first."""
    good = [each for each in done if not each.error]
    return sorted(good, key=lambda each: -each.value if each.largest else each.value)


def _open(plan: Plan, folder: Path, largest: bool) -> "Study":
    """Open the study of a folder, or begin one; another plan than the folder's is refused."""
    from surrogates.runs.study import open_study

    write_plan(folder, plan)
    return open_study(folder, "maximize" if largest else "minimize")


def _ask(study: "Study", plan: Plan, number: int) -> "Trial":
    """Ask for a trial from a new sampler: the state of a lasting one would be lost in a kill.

    The folder is held: a trial that runs without a number is that of a process which was killed in here.
    """
    from optuna.samplers import TPESampler

    for left in study.get_trials(deepcopy=False, states=[_state("RUNNING")]):
        if NUMBER not in left.user_attrs:
            study.tell(left.number, state=_state("FAIL"))
    study.sampler = TPESampler(seed=int(stream(plan.seed, SWEEP, number).integers(2**31)))
    trial = study.ask()
    trial.set_user_attr("settings", {key: each.suggest(trial) for key, each in plan.space.items()})
    trial.set_user_attr(NUMBER, number)
    return trial


def _run(plan: Plan, settings: Mapping[str, str], output: Path) -> Path:
    """Train one trial, or resume the run that a kill left in its folder."""
    configs = [path for path in output.glob(f"**/{CONFIG}") if not path.parent.name.endswith(PARTIAL)]
    if stopped := sorted(configs, key=lambda path: (-len(path.parts), path)):
        return resume(stopped[-1].parent)  # loggers keep files of that name further down
    for left in output.iterdir():  # a run that was killed before it had a configuration
        if left.is_dir():
            shutil.rmtree(left)
    values = read([*plan.command(settings), f"output={output}"])
    values.pop("sweep")
    return start(values)


def _value(run: Path, metric: str) -> float:
    if metric == LOSS:
        ended = load_state(run / CHECKPOINTS / f"{LAST}.ckpt")["module"]["step"]
        rows = require_whole(run / "logs" / "validation.csv", int(ended))
        losses = [loss for row in rows if isfinite(loss := float(row["validation/loss"]))]
        if not losses:
            raise ConfigError("no validation loss is a finite number: the run has diverged")
        return min(losses)
    bundle, experiment = load_bundle(run / "bundle"), open_run(run)
    device = next(bundle.pipeline.parameters()).device
    table = score(model_of(bundle), experiment, split="validation", device=device)
    model, target = next(iter(model_of(bundle))), experiment.config.task.targets[0]
    value = table.value(model, target, metric)
    return abs(value) if experiment.pieces.metrics[metric].best == "zero" else value


def _state(name: str) -> Any:
    return sys.modules["optuna"].trial.TrialState[name]


def _line(last: Tried, trials: int, leader: Tried | None) -> str:
    settings = " ".join(f"{key}={value}" for key, value in last.settings.items())
    what = f"failed ({last.error})" if last.error else f"{last.value:.5g}"
    so_far = f", best {leader.value:.5g} (trial {leader.number + 1})" if leader else ""
    return f"trial {last.number + 1}/{trials}: {what}{so_far}  {settings}"
