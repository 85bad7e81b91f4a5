#!/usr/bin/env python3
"""Finds the coefficients in ops/kernels/activation/gelu.cpp. Needs numpy and scipy.

For t >= 0 the tail of the standard normal distribution is Phi(-t) = e^(-t^2 / 2) R(t) with R(t) = erfcx(t / sqrt(2)) / 2.
R is approximated by a polynomial in u - 1/2, u = 1 / (1 + t / 4), whose largest relative error for t from 0 to 14 is made
small by least squares with weights that grow at points of large error (Lawson's algorithm).
"""

import numpy
from scipy.special import erfcx

DEGREE = 9
ITERATIONS = 100


def main() -> None:
    t = numpy.concatenate([numpy.linspace(0, 14, 40001), numpy.geomspace(1e-3, 14, 5000)])
    wanted = erfcx(t / numpy.sqrt(2)) / 2
    powers = numpy.polynomial.polynomial.polyvander(1 / (1 + t / 4) - 0.5, DEGREE) / wanted[:, None]
    weights = numpy.ones_like(t)
    for _ in range(ITERATIONS):
        root = numpy.sqrt(weights)
        coefficients = numpy.linalg.lstsq(powers * root[:, None], root, rcond=None)[0]
        error = abs(powers @ coefficients - 1)
        weights *= error / error.max() + 1e-3
        weights /= weights.sum()
    print("constant term first:", ", ".join(f"{c:.8f}" for c in coefficients))
    print(f"largest relative error: {error.max():.2g}")


if __name__ == "__main__":
    main()
