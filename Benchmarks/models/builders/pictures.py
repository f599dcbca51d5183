"""Random pictures to calibrate with."""

import numpy as np


def pictures(random, count, side):
    """`count` x side x side x 3 in -1 ... 1: the first half patches of several sizes, each picture with its own light and
    contrast, the others uniform noise.

    Noise alone will not do: deep layers average it away, and a normalization calibrated on what is left amplifies
    rounding instead. Noise is among them because models are timed and compared on it.
    """
    result = random.uniform(-0.6, 0.6, (count, 1, 1, 3))
    contrast = random.uniform(0.2, 1.0, (count, 1, 1, 1))
    for cells, share in ((2, 0.5), (7, 0.5), (28, 0.4), (side, 0.3)):
        place = np.arange(side) * cells // side
        patches = random.uniform(-1, 1, (count, cells, cells, 3))
        result = result + share * contrast * patches[:, place][:, :, place]
    result[count // 2:] = random.uniform(-1, 1, result[count // 2:].shape)
    return np.clip(result, -1, 1).astype(np.float32)
