"""A search for good values: trials are ordinary runs, proposed by Optuna, in a folder that resumes."""

import json
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from datasets.store.streams import SWEEP, stream
from surrogates.core.errors import ConfigError
from surrogates.core.files import write_atomic
from surrogates.core.optional import require
from surrogates.core.text import listing, nearest
from surrogates.evaluation.scoring import score
from surrogates.experiment.experiment import Experiment
from surrogates.experiment.launched import launched
from surrogates.inference.bundle import load_bundle
from surrogates.report.page import CLOSEST_TO_ZERO, LARGEST
from surrogates.report.sweeps import Tried
from surrogates.runs.compose import read
from surrogates.runs.evaluate import model_of
from surrogates.runs.folder import CONFIG, alone_in, open_run
from surrogates.runs.space import Parameter, parameter_of, space_of, split_arguments
from surrogates.runs.train import prepare, resume, start
from surrogates.training.logs import read_curve
from surrogates.training.signals import Stopped

if TYPE_CHECKING:
    from optuna import Study, Trial

LOSS = "loss"
PLAN, JOURNAL, PICTURE = "sweep.yaml", "study.journal", "sweep.png"


@dataclass(frozen=True)
class Plan:
    """The definition of a sweep; written into its folder.

    Attributes
    ----------
    arguments
        Command line of every trial, without what varies.
    space
        What varies.
    metric
        ``loss``, the validation loss of the weights that are kept, or a metric of the validation split.
    seed
        Seed of the proposals.
    """

    arguments: list[str]
    space: dict[str, Parameter]
    metric: str = LOSS
    seed: int = 0

    @classmethod
    def of(cls, arguments: Sequence[str], metric: str = LOSS, seed: int = 0) -> "Plan":
        """Read a command line, and the ``sweep:`` of its experiment."""
        fixed, given = split_arguments(arguments)
        if many := [
            each for each in fixed if each in ("-m", "--multirun") or each.startswith(("run=", "ckpt="))
        ]:
            raise ConfigError(f"{listing(many)}: a sweep starts runs of its own; leave it out")
        space = space_of(read(fixed)["sweep"]) | given
        if not space:
            raise ConfigError(
                "nothing varies; give e.g. 'trainer.optimiser.lr=log(1e-4,1e-2)', or a `sweep:` in the "
                "experiment"
            )
        return cls(list(fixed), space, metric, seed)

    def command(self, settings: Mapping[str, str]) -> list[str]:
        """Return the arguments of one trial."""
        return [*self.arguments, *(f"{key}={value}" for key, value in settings.items())]


def sweep(plan: Plan, folder: Path, trials: int, say: Callable[[str], None] = print) -> list[Tried]:
    """Run trials until there are as many as wanted; resume a sweep that was stopped.

    What Optuna proposes depends only on the seed and the trials before, so a sweep that was killed ends
    as an undisturbed one; the run that was under way resumes from its last checkpoint.

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
    check_plan(plan)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with alone_in(folder):
            return _search(plan, folder, trials, say)
    except Stopped:
        command = shlex.join(["surrogates", "sweep", "--folder", str(folder), "--trials", str(trials)])
        print(f"resume the whole sweep with: {command}", file=sys.stderr, flush=True)
        raise


def _search(plan: Plan, folder: Path, trials: int, say: Callable[[str], None]) -> list[Tried]:
    study = _open(plan, folder)
    for number in range(len(tried(study)), trials):
        trial = _ask(study, plan, number)
        settings = {key: parameter.suggest(trial) for key, parameter in plan.space.items()}
        trial.set_user_attr("settings", settings)
        try:
            run = _run(plan, settings, folder / "trials" / f"{number:04d}")
            trial.set_user_attr("run", str(run))
            study.tell(trial, _value(run, plan.metric))
        except Exception as error:  # a trial may fail in any way; the sweep continues, and says so
            trial.set_user_attr("error", " ".join(str(error).split()) or type(error).__name__)
            study.tell(trial, state=_state("FAIL"))
        done = tried(study)
        say(_line(done[-1], trials, best(done, plan.metric)))
    return tried(study)


def check_plan(plan: Plan) -> None:
    """Check the configuration at both ends of every range and of every choice; train nothing."""
    first = {key: parameter.ends()[0] for key, parameter in plan.space.items()}
    for key, parameter in plan.space.items():
        for value in parameter.ends():
            values = read(plan.command({**first, key: value}))
            values.pop("sweep")
            try:
                experiment, _ = prepare(values)
            except ValueError as error:
                raise ConfigError(f"with {key}={value}: {error}") from error
    _require_validation(experiment, plan.metric)


def _require_validation(experiment: Experiment, metric: str) -> None:
    if not len(experiment.data.index("validation")):
        raise ConfigError(
            "the validation subset is empty, so trials cannot be compared; give another dataset.split"
        )
    if metric != LOSS and metric not in experiment.pieces.metrics:
        offered = [LOSS, *experiment.pieces.metrics]
        raise ConfigError(
            f"metric '{metric}' is not among task.metrics.{nearest(metric, offered)} "
            f"There are: {listing(offered)}."
        )


def tried(study: "Study") -> list[Tried]:
    """Return the finished trials in their order, without one that a kill cut off."""
    ended = [t for t in study.trials if "error" in t.user_attrs or t.state.name == "COMPLETE"]
    return [
        Tried(
            number,
            dict(trial.user_attrs["settings"]),
            float("nan") if trial.value is None else trial.value,
            trial.user_attrs.get("run", ""),
            trial.user_attrs.get("error", ""),
        )
        for number, trial in enumerate(ended)
    ]


def best(done: Sequence[Tried], metric: str) -> Tried | None:
    """Return the best of the trials that did not fail."""
    return next(iter(ranked(done, metric)), None)


def ranked(done: Sequence[Tried], metric: str) -> list[Tried]:
    """Return the trials that did not fail, best first."""
    sign = -1 if metric in LARGEST else 1
    return sorted((each for each in done if not each.error), key=lambda each: sign * each.value)


def best_command(plan: Plan, settings: Mapping[str, str]) -> str:
    """Return the command that trains with these values."""
    return f"surrogates train {shlex.join(plan.command(settings))}"


def read_plan(folder: Path) -> Plan:
    """Return the plan of a sweep's folder."""
    path = folder / PLAN
    if not path.is_file():
        raise ConfigError(f"{folder} is no sweep: it has no {PLAN}; give what to try, e.g. experiment=...")
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    space = {key: parameter_of(key, text) for key, text in values["space"].items()}
    return Plan(values["words"], {k: p for k, p in space.items() if p}, values["metric"], values["seed"])


def _open(plan: Plan, folder: Path) -> "Study":
    """Open the study of a folder, or begin one; another plan than the folder's is refused."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    if (folder / PLAN).is_file() and read_plan(folder) != plan:
        raise ConfigError(
            f"{folder} holds another sweep ({folder / PLAN}); resume it by --folder only, or choose "
            "another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    space = {key: _text(parameter) for key, parameter in plan.space.items()}
    text = yaml.safe_dump(
        {"words": plan.arguments, "space": space, "metric": plan.metric, "seed": plan.seed}, sort_keys=False
    )
    write_atomic(folder / PLAN, text)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name="sweep",
        storage=JournalStorage(JournalFileBackend(str(folder / JOURNAL))),
        direction="maximize" if plan.metric in LARGEST else "minimize",
        load_if_exists=True,
    )
    for trial in study.get_trials(states=[_state("RUNNING")]):
        study.tell(trial.number, state=_state("FAIL"))  # a kill cut it off; it is asked for again
    return study


def _ask(study: "Study", plan: Plan, number: int) -> "Trial":
    """Ask for a trial from a new sampler: the state of a lasting one would be lost in a kill."""
    from optuna.samplers import TPESampler

    study.sampler = TPESampler(seed=int(stream(plan.seed, SWEEP, number).integers(2**31)))
    return study.ask()


def _run(plan: Plan, settings: Mapping[str, str], output: Path) -> Path:
    """Train one trial, or resume the run that a kill left in its folder."""
    if stopped := sorted(output.glob(f"**/{CONFIG}")):
        return resume(stopped[-1].parent)
    values = read([*plan.command(settings), f"output={json.dumps(str(output))}"])
    values.pop("sweep")
    return start(values)


def _value(run: Path, metric: str) -> float:
    if metric == LOSS:
        return min(float(row["validation/loss"]) for row in read_curve(run / "logs" / "validation.csv"))
    bundle, experiment = load_bundle(run / "bundle"), open_run(run)
    device = next(bundle.pipeline.parameters()).device
    table = score(model_of(bundle), experiment, split="validation", device=device)
    model, target = next(iter(model_of(bundle))), experiment.config.task.targets[0]
    value = table.value(model, target, metric)
    return abs(value) if metric in CLOSEST_TO_ZERO else value


def _state(name: str) -> Any:
    return sys.modules["optuna"].trial.TrialState[name]


def _text(parameter: Parameter) -> str:
    inside = parameter.choices or (repr(each) for each in parameter.bounds)
    return f"{parameter.kind}({','.join(inside)})"


def _line(last: Tried, trials: int, leader: Tried | None) -> str:
    settings = " ".join(f"{key}={value}" for key, value in last.settings.items())
    what = f"failed ({last.error})" if last.error else f"{last.value:.5g}"
    so_far = f", best {leader.value:.5g} (trial {leader.number + 1})" if leader else ""
    return f"trial {last.number + 1}/{trials}: {what}{so_far}  {settings}"
