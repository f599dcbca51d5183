#!/usr/bin/env python3
"""Runs the tool on changed models, compiled files and recorded data, and keeps what ends in any other way than it should.

    Tests/Fuzz/fuzz.py .build/release/needletail --seconds 1800 --findings findings

Cases follow from their numbers alone: `--first 4711 --cases 1 --keep DIR` makes case 4711 again. A case must end within
5 s of processor time and 1 GB with exit code 0, 1, 2 or 64. The seeds are the small models in Models.
"""
import argparse
import os
import random
import resource
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compiled
import wire

BACKENDS = ["naive", "simd", "openblas", "onednn", "auto"]
LEVELS = ["none", "folded", "full"]
NUMBERS = [0, 1, 2, 3, 7, 64, 65535, 65536, 2**31 - 1, 2**31, 2**32, 2**40, 2**62, 2**63 - 1, 2**63, -1, -2, -(2**31)]
RIGHT_CODES = {0, 1, 2, 64}
SECONDS, BYTES = 5, 1 << 30


def seeds(root):
    found = []
    for folder, _, names in sorted(os.walk(root)):
        for name in sorted(names):
            path = os.path.join(folder, name)
            if name.endswith(".onnx") and os.path.getsize(path) <= 100_000:
                found.append(path)
    return found


def changed_bytes(data, r):
    data = bytearray(data)
    for _ in range(r.choice([1, 1, 2, 5])):
        if not data:
            return b"\0"
        at = r.randrange(len(data))
        kind = r.randrange(5)
        if kind == 0:
            data[at] = r.randrange(256)
        elif kind == 1:
            data[at : at + 8] = struct.pack("<Q", r.choice(NUMBERS) & (2**64 - 1))
        elif kind == 2:
            del data[at : at + r.randint(1, 8)]
        elif kind == 3:
            data[at:at] = data[at : at + r.randint(1, 32)]
        else:
            value = r.choice([float("nan"), float("inf"), -float("inf"), 3.4e38, 1e-45, -0.0])
            data[at : at + 4] = struct.pack("<f", value)
    return bytes(data)


def change_model(model, donor, r):
    """One change of a random message of the tree."""
    fields, kind = r.choice(wire.messages(model, "model"))
    choice = r.randrange(9)
    if choice == 0 and fields:
        del fields[r.randrange(len(fields))]
    elif choice == 1 and fields:
        field = r.choice(fields)
        fields.insert(r.randrange(len(fields) + 1), [field[0], field[1], parse_again(field, kind)])
    elif choice == 2 and len(fields) > 1:
        i, j = r.randrange(len(fields)), r.randrange(len(fields))
        fields[i], fields[j] = fields[j], fields[i]
    elif choice in (3, 4, 5):
        numbers = [f for m, _ in wire.messages(model, "model") for f in m if f[1] == 0]
        if numbers:
            r.choice(numbers)[2] = r.choice(NUMBERS)
    elif choice == 6:
        texts = [f for m, _ in wire.messages(model, "model") for f in m if f[1] in (2, 5) and not isinstance(f[2], list)]
        if texts:
            field = r.choice(texts)
            field[2] = changed_bytes(field[2], r) if field[1] == 2 else struct.pack("<I", r.getrandbits(32))
    elif choice == 7:
        # An operator of another model on these operands, or its name alone.
        others = [f for m, k in wire.messages(donor, "model") if k == "node" for f in [m]]
        mine = [m for m, k in wire.messages(model, "model") if k == "node"]
        if others and mine:
            other, node = r.choice(others), r.choice(mine)
            kept = [f for f in node if f[0] in (1, 2)]
            node[:] = kept + [f for f in other if f[0] not in (1, 2)]
    else:
        # An operand is another value of the model.
        names = [f for m, k in wire.messages(model, "model") if k == "node" for f in m if f[0] in (1, 2)]
        if names:
            r.choice(names)[2] = r.choice(names)[2]


def parse_again(field, kind):
    if not isinstance(field[2], list):
        return field[2]
    return wire.parse(wire.serialize(field[2]), wire.SCHEMA[kind][field[0]])


class Fuzzer:
    def __init__(self, tool, root, folder):
        self.tool, self.folder = tool, folder
        self.seeds = seeds(root)
        self.compiled = {}

    def case(self, number):
        """The command of a case, whose files are written to the folder."""
        r = random.Random(number)
        seed = r.choice(self.seeds)
        with open(seed, "rb") as file:
            data = file.read()
        options = ["--backend", r.choice(BACKENDS), "--optimize", r.choice(LEVELS), "--max-memory", "400MB"]
        options += r.choice([[], [], ["--threads", "1"], ["--batch", str(r.choice(NUMBERS))]])
        kind = r.choice(["model"] * 6 + ["compiled", "data", "data"])
        inputs = self.recorded(seed)
        path = os.path.join(self.folder, "model.onnx")
        if kind == "model":
            with open(r.choice(self.seeds), "rb") as file:
                donor = wire.parse(file.read(), "model")
            model = wire.parse(data, "model")
            for _ in range(r.choice([1, 1, 1, 2, 4])):
                change_model(model, donor, r)
            data = wire.serialize(model)
            if r.random() < 0.03:
                data = changed_bytes(data, r)
        elif kind == "compiled":
            whole = self.compile(seed)
            if whole:
                path, data = os.path.join(self.folder, "model.ntl"), compiled.mutated(whole, r)
        elif inputs:
            i = r.randrange(len(inputs))
            name, bytes_, ending = inputs[i]
            inputs[i] = (name, changed_bytes(bytes_, r), ending)
        self.write(path, data)
        words = ["run", path]
        for i, (name, bytes_, ending) in enumerate(inputs):
            place = os.path.join(self.folder, f"input_{i}.{ending}")
            self.write(place, bytes_)
            words += ["--input", f"{name}={place}"]
        return words + options

    def recorded(self, seed):
        """Inputs beside a model, under the names that its graph gives them."""
        folder = os.path.join(os.path.dirname(seed), "test_data_set_0")
        with open(seed, "rb") as file:
            model = wire.parse(file.read(), "model")
        graph = next((f[2] for f in model if f[0] == 7), [])
        given = {f[2] for t in graph if t[0] == 5 for f in t[2] if f[0] == 8}
        names = [f[2] for v in graph if v[0] == 11 for f in v[2] if f[0] == 1]
        found = []
        for i, name in enumerate(n for n in names if n not in given):
            for ending in ("pb", "npy"):
                path = os.path.join(folder, f"input_{i}.{ending}")
                if os.path.exists(path) and os.path.getsize(path) < 1_000_000:
                    with open(path, "rb") as file:
                        found.append((name.decode(errors="replace"), file.read(), ending))
        return found

    def compile(self, seed):
        if seed not in self.compiled:
            path = os.path.join(self.folder, "seed.ntl")
            if os.path.exists(path):
                os.remove(path)
            self.run(["compile", seed, "--output", path])
            data = b""
            if os.path.exists(path):
                with open(path, "rb") as file:
                    data = file.read()
            self.compiled[seed] = data if len(data) < 300_000 else b""
        return self.compiled[seed]

    @staticmethod
    def write(path, data):
        with open(path, "wb") as file:
            file.write(data)

    def run(self, words):
        """What is wrong with the way in which the tool ended; None: nothing."""
        def limit():
            resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
            resource.setrlimit(resource.RLIMIT_DATA, (BYTES, BYTES))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        environment = dict(os.environ, NEEDLETAIL_TUNING_TABLE="none")
        try:
            done = subprocess.run([self.tool] + words, stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                                  preexec_fn=limit, env=environment)
        except subprocess.TimeoutExpired:
            return "hangs"
        if done.returncode not in RIGHT_CODES:
            return f"exit {done.returncode}: {done.stderr[-400:].decode(errors='replace')}"
        if done.returncode and not done.stderr:
            return f"exit {done.returncode} without a message"
        return None


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tool")
    parser.add_argument("--models", default=os.path.join(here, "../../Models"))
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--cases", type=int, default=1 << 60)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--findings", help="folder for what is found")
    parser.add_argument("--keep", help="folder for the files of the cases")
    arguments = parser.parse_args()
    start, count, found = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or temporary
        os.makedirs(folder, exist_ok=True)
        fuzzer = Fuzzer(os.path.abspath(arguments.tool), arguments.models, folder)
        while count < arguments.cases and time.monotonic() - start < arguments.seconds:
            number = arguments.first + count
            words = fuzzer.case(number)
            problem = fuzzer.run(words)
            count += 1
            if not problem:
                continue
            found += 1
            print(f"case {number}: {' '.join(words)}\n  {problem}", flush=True)
            if arguments.findings:
                place = os.path.join(arguments.findings, str(number))
                os.makedirs(place, exist_ok=True)
                for name in os.listdir(folder):
                    with open(os.path.join(folder, name), "rb") as file:
                        Fuzzer.write(os.path.join(place, name), file.read())
                Fuzzer.write(os.path.join(place, "case.txt"), f"{' '.join(words)}\n{problem}\n".encode())
    print(f"{count} cases from {arguments.first}, {found} found, {time.monotonic() - start:.0f} s")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
