"""Random numbers inside compiled loops."""

import numpy as np

from ._jit import jit


@jit()
def draw_below(state, n):
    """Draw a number below n by an xorshift generator, whose state is not 0."""
    x = state[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = x
    return np.int64(((x >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))
