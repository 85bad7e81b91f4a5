#!/usr/bin/env python3
"""Writes python.safetensors, the file of the Python package that tests/io/safetensors_test.cpp reads and writes again.

    python make_safetensors.py        # needs the PyPI packages numpy and safetensors; written with safetensors 0.8.0

Small on purpose: both dtypes, rank 0 to 2, an empty tensor, names that JSON has to escape, and bits that arithmetic
would not keep (NaN with a payload, a subnormal number, -0).
"""

import pathlib

import numpy as np
from safetensors.numpy import save_file

tensors = {
    "linear.weight": np.array([[1, -2.5, 3], [0.1, 1e-45, -0.0]], np.float32),
    "linear.bias": np.array([1 / 3]),
    "scalar": np.array(1e300),
    'Größe "𝛕"': np.array([np.inf, -np.inf, 65504], np.float32),
    "empty": np.zeros((0, 3)),
    "nan": np.array([0x7FC00ABC], np.uint32).view(np.float32),
}
save_file(tensors, pathlib.Path(__file__).with_name("python.safetensors"), {"made by": "safetensors for Python"})
