"""Random streams that never collide: one integer per purpose.

A generator is made only from `(seed, stream, *key)`, so data never depend on workers, slices or restarts.
"""

import numpy as np

SAMPLE = 0
GROUP = 1
AUGMENTATION = 2
INITIALISATION = 3
SHUFFLE = 4
PREPARATION = 5
OBJECTIVE = 6
HOLD_OUT = 7
SWEEP = 8
CONDITION = 9
BATCH = 10


def stream(seed: int, purpose: int, *key: int) -> np.random.Generator:
    """Return the generator of one purpose, e.g. `stream(seed, AUGMENTATION, epoch, record)`.

    Parameters
    ----------
    seed
        Seed of the build or run, not negative.
    purpose
        One of the constants of this module.
    *key
        What the draw belongs to: record, group, epoch, ...
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose, *key)))
