"""MNIST's digits, read from the idx archives of the data folder or of the repository."""

import gzip
import os
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[3]


def _read(archive):
    data = gzip.open(archive).read()
    dimensions = data[3]
    shape = [int.from_bytes(data[4 + 4 * i:8 + 4 * i], "big") for i in range(dimensions)]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def _pair(folder, stem):
    images = _read(folder / f"{stem}-images-idx3-ubyte.gz")
    labels = _read(folder / f"{stem}-labels-idx1-ubyte.gz")
    return images.astype(np.float32) / 255, labels.astype(np.int64)


def _folders():
    shared = os.environ.get("NEEDLETAIL_DATA")
    shared = Path(shared) if shared else REPOSITORY.parent / "shared" / "data"
    return [shared / "mnist", REPOSITORY / "Models" / "mnist"]


def split():
    """Training images and labels, test images and labels (images N x 28 x 28 in 0 ... 1), and how they were split."""
    for folder in _folders():
        if (folder / "train-images-idx3-ubyte.gz").exists():
            return *_pair(folder, "train"), *_pair(folder, "t10k"), {
                "training": "the 60,000 training digits of MNIST", "test": "the 10,000 test digits of MNIST"}
    images, labels = _pair(_folders()[-1], "t10k")
    return images[:8000], labels[:8000], images[8000:], labels[8000:], {
        "training": "the first 8,000 test digits of MNIST (no training digits were at hand)",
        "test": "the last 2,000 test digits of MNIST"}
