"""One step of building one model, in a process of its own: frameworks that disagree never meet, a crash stays small.

    python -m builders.step MODEL STEP FOLDER

Writes the step's facts to FOLDER/STEP.facts.
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow and PyTorch cannot be loaded into one process: a twin is made with PyTorch alone.
os.environ["KERAS_BACKEND"] = "torch" if sys.argv[2:3] == ["twin"] else "tensorflow"
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

from .catalogue import CATALOGUE  # noqa: E402


def main(name, step, folder):
    entry, folder = CATALOGUE[name], Path(folder)
    if step == "origin" and entry.family == "keras":
        from .keras_origin import build as work
    elif step == "origin":
        from .torch_origin import build as work
    elif step in ("litert", "graphs"):
        from . import keras_origin
        work = getattr(keras_origin, step)
    elif step == "twin":
        from .twins import write as work
    else:
        from . import conversions
        work = getattr(conversions, step)
    (folder / f"{step}.facts").write_text(json.dumps(work(entry, folder)))


if __name__ == "__main__":
    main(*sys.argv[1:])
