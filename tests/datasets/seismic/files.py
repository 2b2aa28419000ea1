"""Small files in the layouts that the importers read."""

from pathlib import Path

import numpy as np
import segyio


def write_segy(
    path: Path,
    traces: np.ndarray,
    sources: np.ndarray,
    receivers: np.ndarray,
    *,
    step: float = 0.004,
    scalar: int = -10,
    delay: int = 0,
) -> None:
    """Write traces (trace, sample) with positions (trace, 2) in m, rounded to what the scalar can say."""
    spec = segyio.spec()
    spec.samples = np.arange(traces.shape[1]) * step * 1e3
    spec.tracecount = len(traces)
    spec.format = 5  # IEEE floats
    fields = segyio.TraceField
    factor = -scalar if scalar < 0 else 1 / scalar
    with segyio.create(str(path), spec) as file:
        file.bin.update({segyio.BinField.Interval: round(step * 1e6)})
        for number, trace in enumerate(traces):
            file.trace[number] = trace.astype(np.float32)
            file.header[number] = {
                fields.SourceGroupScalar: scalar,
                fields.SourceX: round(sources[number, 0] * factor),
                fields.SourceY: round(sources[number, 1] * factor),
                fields.GroupX: round(receivers[number, 0] * factor),
                fields.GroupY: round(receivers[number, 1] * factor),
                fields.TRACE_SAMPLE_INTERVAL: round(step * 1e6),
                fields.TRACE_SAMPLE_COUNT: traces.shape[1],
                fields.DelayRecordingTime: delay,
            }


def spread(shots: np.ndarray, receivers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return positions (trace, 2) of sources and receivers along x, all receivers for each shot."""
    pairs = np.array([(shot, receiver) for shot in shots for receiver in receivers], float)
    return tuple(np.stack([pairs[:, axis], np.zeros(len(pairs))], axis=1) for axis in (0, 1))  # type: ignore[return-value]


def openfwi_arrays(seed: int, records: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Numbers with the shapes of OpenFWI's files."""
    rng = np.random.default_rng(seed)
    gathers = rng.standard_normal((records, 5, 1000, 70)).astype(np.float32)
    models = rng.uniform(1500.0, 4500.0, (records, 1, 70, 70)).astype(np.float32)
    return gathers, models
