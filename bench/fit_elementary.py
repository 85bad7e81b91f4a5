#!/usr/bin/env python3
"""Finds the coefficients in ops/kernels/elementwise/elementary-inl.hpp and ops/kernels/softmax/exp_row.cpp. Needs mpmath.

Each is a polynomial through Chebyshev's points of the interval, computed with 60 digits: its largest error is at most a few
times that of the best polynomial of that degree. The error printed is that of the coefficients rounded to the type, relative
to the function that the kernel makes of the polynomial.
"""

import struct
from collections.abc import Callable

from mpmath import atanh, cos, erf, erfc, exp, expm1, linspace, log, lu_solve, matrix, mp, mpf, pi, sin, sqrt

mp.dps = 60
Function = Callable[[mpf], mpf]


def rounded(x: mpf, kind: str) -> mpf:
    return mpf(float(x) if kind == "d" else struct.unpack("f", struct.pack("f", float(x)))[0])


def taylor_safe(f: Function, at_zero: mpf) -> Function:
    """f, whose formula is 0 / 0 at 0."""
    return lambda x: at_zero if abs(x) < mpf("1e-25") else f(x)


def fit(name: str, f: Function, low: mpf, high: mpf, degree: int, kind: str, weight: Function) -> None:
    """Prints a polynomial near f from low to high; weight(x) says how much an error of it counts in the end."""
    middle, half = (low + high) / 2, (high - low) / 2
    points = [middle + half * cos(pi * (2 * i + 1) / (2 * degree + 2)) for i in range(degree + 1)]
    solution = lu_solve(matrix([[x**j for j in range(degree + 1)] for x in points]), matrix([f(x) for x in points]))
    coefficients = [rounded(c, kind) for c in solution]
    error = max(abs(sum(c * x**j for j, c in enumerate(coefficients)) - f(x)) * weight(x) for x in linspace(low, high, 801))
    digits = 17 if kind == "d" else 9
    text = ", ".join(f"{float(c):.{digits}g}" + ("f" if kind == "f" else "") for c in reversed(coefficients))
    print(f"{name}, {'float64' if kind == 'd' else 'float32'}: largest error 2^{float(log(error, 2)):.1f}\n  {text}")


def constants() -> None:
    log_2 = log(2)
    for kind, bits in (("d", 32), ("f", 12)):
        high = mpf(int(log_2 * 2**bits)) / 2**bits
        print(f"log 2 in two parts, {kind}: {float(high):.17g} {float(rounded(log_2 - high, kind)):.17g}")
    first = mpf(int(pi / 2 * 2**32)) / 2**32
    second = mpf(int((pi / 2 - first) * 2**65)) / 2**65
    print(f"pi / 2 in three parts: {float(first):.17g} {float(second):.17g} {float(pi / 2 - first - second):.17g}")


def main() -> None:
    constants()
    r, s, quarter = log(2) / 2 * mpf("1.0001"), (sqrt(2) - 1) / (sqrt(2) + 1) * mpf("1.0001"), pi / 4 * mpf("1.0001")
    sine_tail: Function = lambda z: (sin(sqrt(z)) / sqrt(z) - 1) / z
    for kind, degrees in (("f", (5, 3, 6, 8)), ("d", (10, 7, 12, 16))):
        fit("(e^r - 1 - r) / r^2", taylor_safe(lambda x: (expm1(x) - x) / x**2, mpf(1) / 2), -r, r, degrees[0], kind,
            taylor_safe(lambda x: abs(x**2 / expm1(x)), mpf(0)))
        fit("the same for e^r alone", taylor_safe(lambda x: (expm1(x) - x) / x**2, mpf(1) / 2), -r, r, 4 if kind == "f" else 9,
            kind, lambda x: x**2 / exp(x))
        fit("2 (atanh(s) / s - 1) / s^2 in s^2", taylor_safe(lambda z: 2 * (atanh(sqrt(z)) / sqrt(z) - 1) / z, mpf(2) / 3),
            mpf(0), s**2, degrees[1], kind, lambda z: z / 2)
        fit("erf(x) / x - 1 in x^2", taylor_safe(lambda z: erf(sqrt(z)) / sqrt(z) - 1, 2 / sqrt(pi) - 1), mpf(0), mpf(1),
            degrees[2], kind, lambda z: mpf(1))
        x_of: Function = lambda v: 4 / (v + mpf("0.6")) - 4
        fit("e^(x^2) erfc(x) in 4 / (4 + x) - 0.6", lambda v: exp(x_of(v) ** 2) * erfc(x_of(v)),
            4 / mpf(10 if kind == "d" else 8) - mpf("0.6"), mpf("0.2"), degrees[3], kind, lambda v: exp(-x_of(v) ** 2))
    for digits, sine, cosine in (("float32", 3, 3), ("float64", 6, 6)):
        print(f"for {digits}:")
        fit("(sin(r) / r - 1) / r^2 in r^2", taylor_safe(sine_tail, -mpf(1) / 6), mpf(0), quarter**2, sine, "d", lambda z: z)
        fit("(cos(r) - 1 + r^2 / 2) / r^4 in r^2", taylor_safe(lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2, mpf(1) / 24),
            mpf(0), quarter**2, cosine, "d", lambda z: z**2)


if __name__ == "__main__":
    main()
