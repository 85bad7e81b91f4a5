#!/usr/bin/env python3
"""Prints the numbers that tests/core/random_test.cpp pins: MT19937-64 (Matsumoto and Nishimura, 2004) and
Marsaglia's polar method, written from their descriptions, with no package needed.

    python random_stream.py

The only thing shared with core/random.cpp is the series of the logarithm, since libm's differs from machine
to machine in its last bit; it is held against math.log here.
"""

import math

MASK = (1 << 64) - 1


class Mt19937_64:
    def __init__(self, seed):
        self.state = [seed]
        for i in range(1, 312):
            before = self.state[-1]
            self.state.append((6364136223846793005 * (before ^ before >> 62) + i) & MASK)
        self.position = 312

    def bits(self):
        if self.position == 312:
            for i in range(312):
                x = self.state[i] & 0xFFFFFFFF80000000 | self.state[(i + 1) % 312] & 0x7FFFFFFF
                self.state[i] = self.state[(i + 156) % 312] ^ x >> 1 ^ (0xB5026F5AA96619E9 if x & 1 else 0)
            self.position = 0
        x = self.state[self.position]
        self.position += 1
        x ^= x >> 29 & 0x5555555555555555
        x ^= x << 17 & 0x71D67FFFEDA60000
        x ^= x << 37 & 0xFFF7EEE000000000
        return x ^ x >> 43

    def uniform(self):
        return (self.bits() >> 11) * 2.0**-53


def log(x):
    m, exponent = math.frexp(x)
    if m < math.sqrt(0.5):
        m, exponent = 2 * m, exponent - 1
    s = (m - 1) / (m + 1)
    series = 0.0
    for k in range(21, 0, -2):
        series = series * (s * s) + 1.0 / k
    result = exponent * 0.69314718055994530942 + 2 * s * series
    assert abs(result - math.log(x)) <= 4e-16 * abs(math.log(x)), (x, result, math.log(x))
    return result


def normals(engine):
    while True:
        u, v = 2 * engine.uniform() - 1, 2 * engine.uniform() - 1
        s = u * u + v * v
        if 0 < s < 1:
            scale = math.sqrt(-2 * log(s) / s)
            yield u * scale
            yield v * scale


def main():
    engine = Mt19937_64(5489)  # the standard's check: the 10000th output of the default engine
    assert [engine.bits() for _ in range(10000)][-1] == 9981545732273789042
    for seed in [0, 42]:
        engine, normal = Mt19937_64(seed), normals(Mt19937_64(seed))
        print(f"seed {seed} uniform:", ", ".join(engine.uniform().hex() for _ in range(4)))
        print(f"seed {seed} normal:", ", ".join(next(normal).hex() for _ in range(6)))


if __name__ == "__main__":
    main()
