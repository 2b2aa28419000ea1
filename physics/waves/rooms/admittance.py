"""What a locally reacting wall does: its normal velocity as a rational function of the pressure on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from scipy.linalg import block_diag, eigvals

from physics.waves.rooms.air import AIR, Air

SLACK = 1e-7
"""What the conductance of a wall may lack to 0, relative to its largest admittance: rounding of its file."""

APART = 1e-4
"""How much the resistance of a critically damped circuit is changed, so that it has two poles and not one."""


class Block(NamedTuple):
    """Two states of a wall: ``x' = [[a11, a12], [a21, a22]] x + (b1, b2) p``, velocity ``c1 x1 + c2 x2``.

    It holds a pair of complex poles, a series circuit, or a real pole (the second state is then 0).
    """

    a11: float
    a12: float
    a21: float
    a22: float
    b1: float
    b2: float
    c1: float
    c2: float


@dataclass(frozen=True)
class Admittance:
    """A wall: normal velocity out of the room, m/s, for a pressure on it, Pa.

    Attributes
    ----------
    direct
        Velocity per pressure at once, m/(Pa s); alone it is a wall without frequency dependence.
    blocks
        What the wall remembers.
    name
        For messages.

    References
    ----------
    B. Cotte et al., "Time-domain impedance boundary conditions for simulations of outdoor sound propagation",
    AIAA Journal 47 (2009): auxiliary differential equations of a rational admittance.
    """

    direct: float = 0.0
    blocks: tuple[Block, ...] = ()
    name: str = "wall"

    @classmethod
    def of_impedance(cls, impedance: float, name: str = "wall") -> Self:
        """Return the wall of a frequency-independent impedance, Pa s/m; infinite for a rigid one.

        Raises
        ------
        ValueError
            If it is not positive: the wall would give energy to the room.
        """
        if not impedance > 0:
            raise ValueError(
                f"{name}: an impedance of {impedance:g} Pa s/m found, more than 0 expected (infinite: rigid)"
            )
        return cls(1.0 / impedance, name=name)

    @classmethod
    def of_absorption(cls, absorption: float, air: Air = AIR, name: str = "wall") -> Self:
        """Return the wall of a real impedance that takes this share of the energy at normal incidence.

        Raises
        ------
        ValueError
            If the share is not between 0 and 1.
        """
        if not 0 <= absorption <= 1:
            raise ValueError(f"{name}: an absorption of {absorption:g} found, 0 to 1 expected")
        reflected = float(np.sqrt(1.0 - absorption))
        return cls((1.0 - reflected) / (1.0 + reflected) / air.impedance, name=name)

    @classmethod
    def of_poles(
        cls,
        real: Sequence[tuple[float, float]],
        pairs: Sequence[tuple[float, float, float, float]],
        direct: float = 0.0,
        name: str = "wall",
    ) -> Self:
        """Return the wall of partial fractions.

        The admittance is ``direct + sum A/(s + lam) + sum [(B + jC)/(s + al + j be) + conjugate]``.

        Parameters
        ----------
        real
            A and lam of each real pole, 1/s for lam.
        pairs
            B, C, al, be of each pair of complex poles, 1/s for al and be.
        direct
            Limit at high frequencies, m/(Pa s).
        name
            For messages.
        """
        blocks = [Block(-lam, 0.0, 0.0, -lam, 1.0, 0.0, a, 0.0) for a, lam in real]
        blocks += [Block(-al, -be, be, -al, 1.0, 0.0, 2 * b, 2 * c) for b, c, al, be in pairs]
        return cls(direct, tuple(blocks), name)

    @classmethod
    def of_circuits(
        cls, circuits: Sequence[tuple[float, float, float]], air: Air = AIR, name: str = "wall"
    ) -> Self:
        """Return the wall of series circuits side by side, each of the impedance ``rho c (D s + E + F/s)``.

        Parameters
        ----------
        circuits
            D (s), E (1) and F (1/s) of each.
        air
            Its impedance scales the circuits'.
        name
            For messages.

        Raises
        ------
        ValueError
            If a coefficient is negative (the circuit would give energy), or D and E are both 0.

        References
        ----------
        S. Bilbao, B. Hamilton, J. Botts, L. Savioja, "Finite volume time domain room acoustics simulation
        under general impedance boundary conditions", IEEE/ACM TASLP 24 (2016), section IV.
        """
        direct, blocks = 0.0, []
        for number, (d, e, f) in enumerate(circuits):
            if min(d, e, f) < 0 or max(d, e) == 0 or not np.isfinite((d, e, f)).all():
                raise ValueError(
                    f"{name}: D, E, F = {d:g}, {e:g}, {f:g} of circuit {number} found, numbers of 0 or more "
                    "and D or E above 0 expected; the wall would not be passive"
                )
            if d == 0:
                direct += 1.0 / (e * air.impedance)
                blocks += [Block(-f / e, 0.0, 0.0, -f / e, 1.0, 0.0, -f / (e**2 * air.impedance), 0.0)]
                continue
            damping = e / d * (1 + APART if abs(e**2 - 4 * d * f) < APART * e**2 else 1)
            swing = float(np.sqrt(f / d))
            blocks += [Block(-damping, -swing, swing, 0.0, 1.0 / (d * air.impedance), 0.0, 1.0, 0.0)]
        return cls(direct, tuple(blocks), name)

    def scaled(self, ratio: float) -> Admittance:
        """Return the wall with `ratio` times the area."""
        blocks = tuple(each._replace(c1=ratio * each.c1, c2=ratio * each.c2) for each in self.blocks)
        return Admittance(ratio * self.direct, blocks, self.name)

    def behind_air(self, length: float, air: Air = AIR) -> Admittance:
        """Return what is felt this far (m) in front of the wall, where a wave is much longer than that.

        The air between moves as a mass: ``Z + s rho length``.

        Raises
        ------
        ValueError
            If poles of the result coincide.
        """
        a, b, c = self._states()
        mass = air.density * length
        if self.direct == 0:
            entry = 1 + mass * (c @ b)
            a, b = a - np.outer(b, mass * (c @ a)) / entry, b / entry
        else:
            resistance = 1 / self.direct
            a = np.block(
                [
                    [a - resistance * np.outer(b, c), resistance * b[:, None]],
                    [resistance / mass * c, np.array(-resistance / mass)],
                ]
            )
            b, c = np.append(0 * b, 1 / mass), np.append(0 * c, 1.0)
        found = replace(_of_states(a, b, c), name=self.name)
        frequency = np.abs(np.linalg.eigvals(a)) / (2 * np.pi)
        wall = self.response(frequency)
        expected = wall / (1 + 2j * np.pi * frequency * mass * wall)
        if np.abs(found.response(frequency) - expected).max() > 1e-6 * np.abs(expected).max():
            raise ValueError(
                f"{self.name}: two of its poles coincide, which partial fractions cannot tell apart; change "
                "a coefficient by a thousandth"
            )
        return found

    def response(self, frequency: np.ndarray | float) -> np.ndarray:
        """Return the admittance at frequencies (Hz), m/(Pa s), complex, of their shape."""
        s = 2j * np.pi * np.asarray(frequency, float)
        total = np.full(s.shape, self.direct, complex)
        for a11, a12, a21, a22, b1, b2, c1, c2 in self.blocks:
            determinant = (s - a11) * (s - a22) - a12 * a21
            first, second = (s - a22) * b1 + a12 * b2, a21 * b1 + (s - a11) * b2
            total += (c1 * first + c2 * second) / determinant
        return total

    def absorption(self, frequency: np.ndarray | float, air: Air = AIR) -> np.ndarray:
        """Return the share of the energy that the wall takes at normal incidence, of the frequencies' shape.

        References
        ----------
        H. Kuttruff, "Room acoustics", 6th ed., CRC Press 2016, section 2.2.
        """
        normalised = air.impedance * self.response(frequency)
        return 1.0 - np.abs((1.0 - normalised) / (1.0 + normalised)) ** 2

    def require_passive(self) -> None:
        """Refuse a wall that would give energy to the room at some frequency.

        The real part of the admittance can change its sign only where a Hamiltonian pencil of the wall has
        an imaginary eigenvalue, so it is enough to look once between each two of these.

        Raises
        ------
        ValueError
            Names the frequency.

        References
        ----------
        S. Grivet-Talocia, "Passivity enforcement via perturbation of Hamiltonian matrices", IEEE TCAS I 51
        (2004).
        """
        if not np.isfinite([self.direct, *np.ravel(self.blocks)]).all():
            raise ValueError(f"{self.name}: NaN or infinite coefficients found")
        poles = np.linalg.eigvals(self._states()[0]).astype(complex)
        if (growing := poles[poles.real > 1e-9 * np.abs(poles)]).size:
            raise ValueError(
                f"{self.name}: a pole at {growing[0].real:+.4g} 1/s grows without end, decaying ones expected"
            )
        rates = np.concatenate([np.abs(poles), [1.0]])
        lowest, highest = 1e-2 * rates[rates > 0].min(), 1e2 * rates.max()
        seen = np.concatenate([[lowest, highest], self._crossings(), np.abs(poles.imag)])
        edges = np.unique(np.clip(seen, lowest, highest))
        inside = np.sqrt(edges[1:] * edges[:-1])
        rates = np.concatenate([edges, inside, np.geomspace(lowest, highest, 500)])
        admittance = self.response(rates / (2 * np.pi))
        worst = int(np.argmin(admittance.real))
        if admittance.real[worst] < -SLACK * np.abs(admittance).max():
            raise ValueError(
                f"{self.name} is not passive: it gives energy at {rates[worst] / (2 * np.pi):.4g} Hz, where "
                f"the real part of its admittance is {admittance.real[worst]:.3g} m/(Pa s), 0 or more "
                "expected; fit it again with that constraint"
            )

    def _crossings(self) -> np.ndarray:
        """Return the angular frequencies at which the real part of the admittance may change its sign."""
        if not self.blocks:
            return np.zeros(0)
        a, b, c = self._states()
        b, c = b[:, None], c[None]
        scale, n = float(np.abs(a).max()), len(a)
        none, direct = np.zeros((n, n)), np.array([[2 * scale * self.direct]])
        pencil = np.block([[a / scale, none, b], [none, -a.T / scale, -c.T], [c, b.T, direct]])
        found = eigvals(pencil, block_diag(np.eye(2 * n), [[0.0]]))
        found = scale * found[np.isfinite(found)]
        return np.abs(found[np.abs(found.real) < 1e-3 * np.abs(found)].imag)

    def _states(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return matrix, entry and output of all states that count."""
        blocks = [(np.array([[a, b], [c, d]]), rest) for a, b, c, d, *rest in self.blocks]
        a = block_diag(*(matrix for matrix, _ in blocks)) if blocks else np.zeros((0, 0))
        b = np.array([value for _, (b1, b2, _, _) in blocks for value in (b1, b2)])
        c = np.array([value for _, (_, _, c1, c2) in blocks for value in (c1, c2)])
        idle = (b == 0) & (a == np.diag(np.diag(a))).all(1)
        return a[np.ix_(~idle, ~idle)], b[~idle], c[~idle]


RIGID = Admittance(name="rigid wall")


def _of_states(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> Admittance:
    """Return the partial fractions of ``c (s - a)^-1 b``."""
    poles, vectors = np.linalg.eig(a)
    residues = (c @ vectors) * np.linalg.solve(vectors, b)
    real = poles.imag == 0
    upper = poles.imag > 0
    return Admittance.of_poles(
        list(zip(residues[real].real.tolist(), (-poles[real].real).tolist(), strict=True)),
        [
            (residue.real, residue.imag, -pole.real, -pole.imag)
            for residue, pole in zip(residues[upper].tolist(), poles[upper].tolist(), strict=True)
        ],
    )
