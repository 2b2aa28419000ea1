"""Pictures of our predictor on the Gazebo flights, for the documentation."""

from matplotlib.figure import Figure

from benchmarks.claims import runs
from benchmarks.claims.uav import flights
from benchmarks.claims.uav.course import OURS, course, on_gazebo
from benchmarks.claims.uav.published import VELOCITY_WHITE
from surrogates.core.build import build
from surrogates.inference.bundle import load_bundle
from surrogates.report.examples import examples_of
from surrogates.runs.methods import methods_of


def draw() -> dict[str, Figure]:
    """Draw a few windows of the Gazebo flights, and error and coverage against the horizon."""
    simulated = f"dataset={flights.flights()}"
    run = runs.trained_run(course(simulated), 0)
    baselines = runs.open_experiment(course(simulated, "task.baselines=[uav/constant_velocity, uav/imm]"))
    known = list(methods_of(load_bundle(run / "bundle"), baselines).items())
    published = {"GRU S, published": flights.published_networks()[VELOCITY_WHITE]}
    methods = {OURS: known[0][1], **dict(known[1:]), **published}
    examples = examples_of(methods, runs.open_experiment(on_gazebo()), split="test", device=runs.CPU)
    figures = {}
    for name in ("tracks", "horizon"):
        (figures[f"uav_{name}"],) = build("plots", {"name": f"uav/{name}"})(examples).values()
    return figures
