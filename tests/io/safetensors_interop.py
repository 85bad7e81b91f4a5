#!/usr/bin/env python3
"""Taper's safetensors files against the Python package's, both ways, with random contents.

    tests/io/safetensors_interop.py [ROUNDS] [SEED]

Run it by hand: it needs the PyPI packages numpy, torch and safetensors, which neither the tests nor the gate have, and
build/release/tests/safetensors_program, which is built with the tests. Every tensor is compared by its bytes, with the
.npy files that the C++ side writes as well. Prints how much agreed, and exits with 1 at the first difference.
"""

import pathlib
import random
import subprocess
import sys
import tempfile

import numpy as np
import safetensors
import safetensors.numpy
import safetensors.torch

PROGRAM = pathlib.Path(__file__).resolve().parent.parent / "build/release/tests/safetensors_program"
PIECES = ["weight", ".", "é", "𝛕", '"', "\\", "\n", "0", "layers", " ", "\t", "ü", "/", "{", "\x7f", "\u2028"]


def word(rng):
    return str(rng.randrange(1000)) + "".join(rng.choice(PIECES) for _ in range(rng.randrange(5)))


def random_tensors(rng):
    tensors = {}
    for _ in range(rng.randrange(30)):
        shape = tuple(rng.randrange(6) for _ in range(rng.randrange(6)))
        dtype = rng.choice([np.float32, np.float64])
        count = int(np.prod(shape, dtype=int))
        tensors[word(rng)] = np.frombuffer(rng.randbytes(count * np.dtype(dtype).itemsize), dtype).reshape(shape)
    return tensors


def program(*arguments, folder):
    """Runs the C++ side; returns the tensors that it wrote as .npy files, and the texts."""
    lines = subprocess.run([PROGRAM, *map(str, arguments), folder], check=True, capture_output=True, text=True).stdout
    tensors, texts = {}, {}
    for kind, *words in (line.split(" ") for line in lines.splitlines()):
        name, *text = (bytes.fromhex(digits).decode() for digits in words)
        if kind == "tensor":
            tensors[name] = np.load(pathlib.Path(folder) / f"{len(tensors)}.npy")
        else:
            texts[name] = text[0]
    return tensors, texts


def load(path):
    """What the Python package reads, as (tensors, texts)."""
    with safetensors.safe_open(path, "np") as file:
        texts = file.metadata() or {}
    tensors = safetensors.numpy.load_file(path)
    for name, tensor in safetensors.torch.load_file(path).items():
        assert tensor.numpy().tobytes() == tensors[name].tobytes(), ("torch", name)
    return tensors, texts


def compare(a, b):
    """Fails unless the (tensors, texts) agree in every name, shape, dtype and byte; returns the number of tensors."""
    (tensors, texts), (others, other_texts) = a, b
    assert texts == other_texts, (texts, other_texts)
    assert tensors.keys() == others.keys(), (tensors.keys(), others.keys())
    for name, x in tensors.items():
        y = others[name]
        assert (x.shape, x.dtype, x.tobytes()) == (y.shape, y.dtype, y.tobytes()), name
    return len(tensors)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().getrandbits(32)
    print(f"seed {seed}, safetensors {safetensors.__version__}")
    rng = random.Random(seed)
    compared = equal_files = 0
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            written = pathlib.Path(folder) / "x.safetensors"
            compared += compare(program("write", rng.getrandbits(64), folder=folder), load(written))
        with tempfile.TemporaryDirectory() as folder:
            python, written = pathlib.Path(folder) / "python.safetensors", pathlib.Path(folder) / "x.safetensors"
            tensors, texts = random_tensors(rng), {word(rng): word(rng) for _ in range(rng.randrange(2))}
            safetensors.numpy.save_file(tensors, python, texts or None)
            compared += compare(program("copy", python, folder=folder), (tensors, texts))
            compare(load(written), (tensors, texts))
            equal_files += written.read_bytes() == python.read_bytes()
    print(f"{compared} tensors in {2 * rounds} files agree; {equal_files} of {rounds} files of the Python package came "
          "back byte for byte")


if __name__ == "__main__":
    main()
