"""The scenarios of the CSI-RRG benchmark: channels, and noise on what is known of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

SEEN_MODELS, UNSEEN_MODELS = ("A", "C", "D"), ("B", "E")
"""Channel models that networks are trained on, and those that only tests hold."""
SEEN_DELAY_SPREADS, UNSEEN_DELAY_SPREADS = (30e-9, 100e-9, 300e-9), (50e-9, 200e-9, 400e-9)
"""s."""
SEEN_SPEEDS = (1.0, 10.0, 30.0)
UNSEEN_SPEEDS = tuple(float(speed) for speed in range(3, 46, 3) if speed != 30)
"""m/s."""

AWGN = tuple(("awgn", float(snr)) for snr in range(0, 26, 5))
"""Kind of noise and its degree: white noise by its SNR, dB."""
DISTURBED = (
    *(("phase", float(snr)) for snr in (10, 15, 20, 25)),
    *(("burst", float(snr)) for snr in (10, 15, 20, 25)),
    *(("packet_drop", round(0.01 * percent, 2)) for percent in range(1, 11)),
)
"""Phase and burst noise by the SNR that they are calibrated to, dB; packet drops by their probability."""


@dataclass(frozen=True)
class Scenario:
    """A channel model, its RMS delay spread (s) and the users' speed (m/s)."""

    model: str
    delay_spread: float
    speed: float

    def __str__(self) -> str:
        return f"CDL-{self.model}, {1e9 * self.delay_spread:.0f} ns, {self.speed:g} m/s"


@dataclass(frozen=True)
class Condition:
    """A scenario under one degree of one kind of noise, as tests report it."""

    scenario: Scenario
    noise: str
    degree: float


def scenarios(
    models: Iterable[str], delay_spreads: Iterable[float], speeds: Iterable[float]
) -> list[Scenario]:
    """Return every combination, the speeds running fastest."""
    return [Scenario(*each) for each in product(models, delay_spreads, speeds)]


def regular_scenarios() -> list[Scenario]:
    """Return the 27 scenarios of training, which `regular` and `robustness` test as well."""
    return scenarios(SEEN_MODELS, SEEN_DELAY_SPREADS, SEEN_SPEEDS)


def generalisation_scenarios() -> list[Scenario]:
    """Return the 510 scenarios of all models, delay spreads and speeds, unseen and seen."""
    return scenarios(
        sorted(SEEN_MODELS + UNSEEN_MODELS),
        sorted(SEEN_DELAY_SPREADS + UNSEEN_DELAY_SPREADS),
        sorted(SEEN_SPEEDS + UNSEEN_SPEEDS),
    )


def regular() -> list[Condition]:
    """Return the 162 conditions of the test on what networks were trained on, for TDD and for FDD each."""
    return _under(regular_scenarios(), AWGN)


def robustness() -> list[Condition]:
    """Return the 486 conditions of the test under noise that training lacks."""
    return _under(regular_scenarios(), DISTURBED)


def generalisation() -> list[Condition]:
    """Return the 3060 conditions of the test on other channels."""
    return _under(generalisation_scenarios(), AWGN)


def _under(channels: list[Scenario], noises: Iterable[tuple[str, float]]) -> list[Condition]:
    return [Condition(scenario, *noise) for scenario, noise in product(channels, noises)]
