"""What every engine gives: a model loaded from a folder, and callers that run it on inputs of their own."""

import importlib.metadata
import json
from pathlib import Path

import numpy as np


class Unsupported(Exception):
    """The engine cannot do what was asked, for the reason given."""


class Model:
    """The folder of one model and what its model.json says."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.facts = json.loads((self.folder / "model.json").read_text())
        self.inputs = [value["name"] for value in self.facts["inputs"]]
        self.outputs = [value["name"] for value in self.facts["outputs"]]

    def file(self, name):
        """The path of one of its files; `Unsupported` with the reason when the model has none."""
        if name in self.facts["files"]:
            return self.folder / name
        raise Unsupported(self.facts["absent"].get(name, f"the model has no {name}"))

    def to_file_layout(self, name, arrays):
        """Inputs in the layout of one of its files; a copy that is contiguous."""
        given, wanted = self.facts["layout"], self.facts["files"][name]["layout"]
        order = {("NHWC", "NCHW"): (0, 3, 1, 2), ("NCHW", "NHWC"): (0, 2, 3, 1)}.get((given, wanted))
        return [np.array(array.transpose(order) if order and array.ndim == 4 else array, order="C")
                for array in arrays]


class Engine:
    """An engine in this process. `call` says in words how one run is called, `precision` what it computes in."""

    name = version = call = ""
    precision = "f32"
    # Distributions on disk that running (not converting) needs, besides numpy and what they themselves require.
    distributions = ()
    # Distributions that are required on paper and not used when running.
    unused = ()

    def load(self, model, threads):
        """Reads a model for a number of threads."""
        raise NotImplementedError

    def caller(self, inputs):
        """A caller for inputs of these shapes, which other callers may run beside."""
        raise NotImplementedError

    def package_bytes(self):
        """Bytes on disk of the engine's distributions and of those they need, without numpy."""
        seen, waiting, total = {"numpy"} | set(self.unused), list(self.distributions), 0
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            try:
                distribution = importlib.metadata.distribution(name)
            except importlib.metadata.PackageNotFoundError:
                continue
            for file in distribution.files or []:
                if "__pycache__" not in file.parts:
                    path = Path(distribution.locate_file(file))
                    total += path.stat().st_size if path.is_file() else 0
            waiting += _required(distribution)
        return total


def _required(distribution):
    names = []
    for line in distribution.requires or []:
        requirement, _, marker = line.partition(";")
        if "extra" in marker:
            continue
        name = ""
        for letter in requirement.strip():
            if not (letter.isalnum() or letter in "-_."):
                break
            name += letter
        names.append(name.lower())
    return names


class Caller:
    """Runs a model again and again on inputs kept in place."""

    def feed(self, inputs):
        """Puts other inputs of the same shapes in place."""
        raise NotImplementedError

    def run(self):
        """One run."""
        raise NotImplementedError

    def outputs(self):
        """The outputs of the last run, as arrays of the caller's own."""
        raise NotImplementedError
