#!/usr/bin/env python3
"""Breaks every backward on purpose, one term at a time, and checks that a test goes red.

    tests/mutants.py [--work FOLDER] [--only TEXT]

In each vector-Jacobian product of ops/*/*.cpp the result is negated and removed (multiplied by 0), and each arithmetic
operator is replaced: + and - by each other (a term negated), "+ term" and "- term" by nothing (a term removed), * and /
by each other. All of these are compiled into one program, in a copy of the tree, and chosen at run time. The kernels that
only a backward calls are broken by the list EXTRA, which takes a build for each. A mutant that no test notices is printed,
and the exit status is 1.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The second program runs the ops on tensors so large that they are cut into parts.
PROGRAMS = ("taper_tests", "taper_thread_tests")

# (file, text in it, replacement): backward code that is not an expression of ops in a closure.
EXTRA = [
    ("ops/kernels/attention/shown_pairs.cpp", "if (!mask || mask[j] != 0) body(j)", "body(j)"),
    ("ops/kernels/attention/select_keys.cpp", "row.raise_threshold(q.thresholds[at],", "row.raise_threshold(q.thresholds[at] + 1,"),
    ("ops/kernels/elementwise/functions.hpp", "x > 0 ? 1 : x < 0 ? -1 : x", "x > 0 ? 1 : x < 0 ? 0 : x"),
    ("ops/kernels/elementwise/functions.hpp", "x > 0 ? 1 : x < 0 ? -1 : x", "x < 0 ? -1 : x"),
    ("ops/kernels/elementwise/functions.hpp", "!(x <= 0)", "true"),
    ("ops/kernels/elementwise/functions.hpp", "!(x <= 0)", "!(x < 0)"),
    ("ops/kernels/elementwise/functions.hpp", "x == y ? T(0.5)", "x == y ? T(1)"),
    ("ops/kernels/elementwise/functions.hpp", "x > y ? T(1)", "x > y ? T(0)"),
    ("ops/kernels/elementwise/functions.hpp", "x < y ? T(0)", "x < y ? T(1)"),
    ("ops/kernels/elementwise/functions.hpp", "return x == y; }", "return 1; }"),
    ("ops/kernels/activation/gelu.cpp", "(distribution(x[i]) + times", "(distribution(x[i]) - times"),
    ("ops/kernels/activation/gelu.cpp", "(distribution(x[i]) + times", "(times"),
    ("ops/kernels/activation/gelu.cpp", "hn::Add(at.distribution, times", "hn::Sub(at.distribution, times"),
    ("ops/kernels/product/gemm.cpp", "sum[j] += term[j]", "sum[j] = term[j]"),
    ("ops/kernels/product/gemm.cpp", "adds || p > from ? T{1} : T{0}", "T{0}"),
    ("ops/kernels/reduction/reduce.cpp", "totals[i] = f(totals[i], totals[p * results + i])", "totals[i] = totals[p * results + i]"),
    ("ops/reduction/prod.cpp", "rest * second", "rest * first"),
    ("ops/kernels/convolution/conv2d.cpp", "sum[k] += term[k]", "sum[k] = term[k]"),
    ("ops/kernels/convolution/window_copies-inl.hpp", "hn::Add(hn::LoadU(d, to + i), hn::LoadU(d, from + i))", "hn::LoadU(d, from + i)"),
    ("ops/kernels/convolution/window_copies-inl.hpp", "to[i * step] += from[i];", "to[i * step] = from[i];"),
    ("ops/kernels/convolution/pool2d.cpp", "to[place] += of_dy[window]", "to[place] = of_dy[window]"),
    ("ops/kernels/convolution/pool2d.cpp", "row[i] += spread[", "row[i] = spread["),
    ("ops/kernels/convolution/pool_quads-inl.hpp", "hn::IfThenZeroElse(third, for_three)", "for_three"),
    ("ops/reduction/cumsum.cpp", "axis}, true, dy", "axis}, false, dy"),
    ("ops/kernels/reduction/cumsum.cpp", "is_reversed ? (view.length - 1) * inner : 0", "0"),
    ("ops/activation/gelu.cpp", "return exp(-0.5 * square(x))", "return exp(-1.0 * square(x))"),
    ("ops/kernels/softmax/center_rows.cpp", "p_row[0] != p_row[0]", "false"),
    ("ops/kernels/softmax/sparse_row.cpp", "hn::Sub(hn::LoadU(d, g + i), hn::Set(d, mean))", "hn::LoadU(d, g + i)"),
    ("ops/kernels/softmax/sparse_row.cpp", "g[i] - mean : T{0}", "g[i] : T{0}"),
    ("ops/kernels/softmax/sparse_row.cpp", "g[i] - mean : T{0}", "g[i] - mean : mean"),
    ("ops/kernels/softmax/sparse_row.cpp", "++size;", "size = 1;"),
    ("ops/kernels/softmax/sparse_row.cpp", "if (p[i] != 0) body(i);", ""),
    ("ops/kernels/attention/sparse_pattern.cpp", "t.has_nan_row[rows.b]", "false"),
    ("ops/kernels/attention/sparse_pattern.cpp", "if (std::find(sizes, sizes + s.n, SparsePattern::nan_row) != sizes + s.n)", "if (false)"),
    ("ops/kernels/attention/sparse_pattern.cpp", "return weights[slots[entry]]", "return weights[entry]"),
    ("ops/kernels/attention/sparse_pattern.cpp", "if (size == SparsePattern::nan_row)", "if (false)"),
    ("ops/kernels/attention/sparse_pattern.cpp", "static_cast<double>(w[j]) - mean", "static_cast<double>(w[j])"),
    ("ops/kernels/attention/sparse_pattern.cpp", "factor * (", "("),
    ("ops/kernels/attention/sparse_pattern-inl.hpp", "sum += x[c] * row[c]", "sum -= x[c] * row[c]"),
    ("ops/kernels/attention/sparse_pattern-inl.hpp", "sum += weight(s) * x[rows[s] * width + c]", "sum = weight(s) * x[rows[s] * width + c]"),
    ("ops/kernels/attention/sparse_pattern-inl.hpp", "y[rows[s] * width + c] += weights[s] * x[c]", "y[rows[s] * width + c] = weights[s] * x[c]"),
    ("ops/kernels/attention/sparse_pattern-inl.hpp", "hn::MulAdd(factor, terms[v], hn::LoadU(d, row))", "hn::Mul(factor, terms[v])"),
    ("ops/kernels/attention/sparse_pattern-inl.hpp", "hn::LoadU(d, row + c + lanes), sum1)", "hn::LoadU(d, row + c), sum1)"),
    ("ops/attention/sparse_attention.cpp", "centered(pattern, dp, scale)", "centered(pattern, dp, 1)"),
    ("ops/attention/sparse_attention.cpp", "centered(pattern, dp, scale)", "dp"),
    ("ops/softmax/sparse_softmax_as_written.cpp", "T{1} / static_cast<T>(chosen.count)", "T{1}"),
    ("ops/kernels/elementwise/functions.hpp", "x != x ? x : x > 0", "x != x ? x : 0"),
    ("ops/kernels/elementwise/functions.hpp", "return x >= low ? T(x <= high) : T(0); }", "return 1; }"),
    ("ops/kernels/elementwise/functions.hpp", "x >= low ? T(x <= high)", "x > low ? T(x < high)"),
    ("ops/kernels/elementwise/functions.hpp", "x > 0 ? T(1) : slope", "slope"),
    ("ops/kernels/elementwise/functions.hpp", "x > 0 ? T(1) : slope", "x >= 0 ? T(1) : slope"),
    ("ops/kernels/elementwise/functions.hpp", "x <= 0 ? alpha * std::exp(x)", "x <= 0 ? alpha"),
    ("ops/kernels/elementwise/functions.hpp", "x <= 0 ? alpha * std::exp(x)", "x < 0 ? alpha * std::exp(x)"),
    ("ops/kernels/elementwise/elementary-inl.hpp", "hn::Add(sigmoid, vanishing_product(d, x, hn::Mul(other, u)))", "sigmoid"),
    ("ops/kernels/elementwise/elementary-inl.hpp", "vanishing_product(d, x, hn::Mul(other, u))", "vanishing_product(d, x, other)"),
    ("ops/kernels/elementwise/elementary-inl.hpp", "hn::IfThenZeroElse(hn::Eq(weight, hn::Zero(d)), hn::Mul(x, weight))", "hn::Mul(x, weight)"),
    ("ops/kernels/norm/normalize.cpp", "a.which.centers ? static_cast<T>(sums.a / count) : T{0}", "T{0}"),
    ("ops/kernels/norm/normalize.cpp", "a.which.centers ? static_cast<T>(sums.a / count) : T{0}", "static_cast<T>(sums.a / count)"),
    ("ops/kernels/norm/normalize.cpp", "static_cast<T>(sums.b / count)", "T{0}"),
    ("ops/kernels/norm/normalize.cpp", "hn::Mul(hn::Set(d, m.scale), hn::Sub(", "hn::Mul(hn::Set(d, T{1}), hn::Sub("),
    ("ops/kernels/norm/normalize.cpp", "hn::Mul(hn::LoadU(d, a.gain + i), hn::LoadU(d, dy + i))", "hn::LoadU(d, dy + i)"),
    ("ops/kernels/norm/normalize.cpp", "add(d, row + 1, i, add(d, row, i, hn::Zero(d)))", "add(d, row + 1, i, hn::Zero(d))"),
    ("ops/kernels/norm/normalize.cpp", "add(d, row, i, hn::LoadU(d, sum + i))", "hn::LoadU(d, sum + i)"),
    ("ops/kernels/norm/normalize.cpp", "+= static_cast<double>(part[i])", "= static_cast<double>(part[i])"),
    ("ops/attention/rotary.cpp", "-direction", "direction"),
    ("ops/kernels/softmax/cross_entropy.cpp", "weight * smoothing / static_cast<double>(n)", "0 * weight"),
    ("ops/kernels/softmax/cross_entropy.cpp", "-= static_cast<T>(weight * (1 - smoothing))", "-= static_cast<T>(weight)"),
    ("ops/kernels/softmax/cross_entropy.cpp", "weight / static_cast<double>(kept[2 * row + 1])", "weight"),
    ("ops/kernels/softmax/cross_entropy.cpp", "if (ignores(call, row)) return static_cast<void>(std::fill_n(out, n, T{0}));", ""),
    ("ops/kernels/softmax/cross_entropy.cpp", "if (ignores(call, row)) return;", ""),
    ("ops/kernels/layout/gather.cpp", "to[in + j] += from[out + j]", "to[in + j] = from[out + j]"),
    ("ops/kernels/layout/gather.cpp", "to[in + j] += from[out + j]", "to[in + j] -= from[out + j]"),
    ("ops/kernels/layout/copy_strided.cpp", "write == Write::add ? y + x : x", "x"),
    ("ops/layout/slice.cpp", "kernels::copy_strided(plan_back(whole, range), y, x);", ""),
    ("core/record.hpp", "if (!total.is_sole_owner()) total = total.clone();", ""),
    ("core/tape.cpp", "total && may_add_in_place && edge->add_to", "total && edge->add_to"),
    ("ops/kernels/elementwise/functions.hpp", "return x == 0 && y == 0; }", "return 0; }"),
    ("ops/kernels/elementwise/functions.hpp", "return x == 0; }", "return 0; }"),
    ("ops/product/bmm.cpp", "tb, true)", "tb, false)"),
    ("ops/product/bmm.cpp", "false, !tb)", "false, tb)"),
    ("ops/product/bmm.cpp", "true, ta)", "true, !ta)"),
    ("ops/product/bmm.cpp", "!ta, false)", "ta, false)"),
    ("core/tape.cpp", "out[i] = a[i] + b[i]", "out[i] = a[i]"),
    ("core/tape.cpp", "out[i] = a[i] + b[i]", "out[i] = b[i]"),
    ("core/tape.cpp", "out[i] = a[i] + b[i]", "out[i] = a[i] - b[i]"),
    ("core/tape.cpp", "vjp(x, identity), vjp(y, identity)", "vjp(x, identity)"),
    ("core/tape.cpp", "vjp(x, identity), vjp(y, identity)", "vjp(y, identity)"),
]


HEAD = """#include <taper/ops.hpp>
#include <cstdlib>
namespace {
[[maybe_unused]] int active_mutant() {
  static const int number = std::atoi(std::getenv("MUTANT"));
  return number;
}
}  // namespace
"""


def closing(text: str, start: int, pair: str) -> int:
    """The position of the bracket that closes the one at start."""
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] == pair[0]) - (text[i] == pair[1])
        if depth == 0:
            return i
    raise ValueError("unbalanced brackets")


def mutated_expressions(expression: str, is_returned: bool):
    """(what was done, mutated expression), for each way to break an expression of tensors."""
    if is_returned:
        yield "negated", f"-1.0 * Tensor({expression})"
        yield "removed", f"0.0 * Tensor({expression})"
    for operator in re.finditer(r" ([-+*/]) ", expression):
        before, after = expression[:operator.start()], expression[operator.end():]
        other = {"+": "-", "-": "+", "*": "/", "/": "*"}[operator.group(1)]
        yield "operator", f"{before} {other} {after}"
        if operator.group(1) in "+-":
            yield "term", f"{before} + 0.0 * {after}"


def with_switches(path: str, text: str, mutants: list[str]) -> str:
    """The file with a switch at each expression of a vector-Jacobian product; describes each mutant in `mutants`."""
    changes = []
    for closure in re.finditer(r"\]\(const Tensor& d\w*\) \{", text):
        end = closing(text, closure.end() - 1, "{}")
        for statement in re.finditer(r"(return|const Tensor \w+ =) ((?:[^;{}]|\{[^;{}]*\})+);", text[closure.end():end]):
            start, stop = (closure.end() + offset for offset in statement.span(2))
            expression = text[start:stop]
            if "decltype" in expression:  # a kernel inside the closure, see EXTRA
                continue
            switch = ""
            for what, mutated in mutated_expressions(expression, statement.group(1) == "return"):
                mutants.append(f"{path}:{text.count(chr(10), 0, start) + 1} {what}: {' '.join(mutated.split())}")
                switch += f"active_mutant() == {len(mutants)} ? ({mutated}) : "
            changes.append((start, stop, f"{switch}({expression})"))
    for start, stop, changed in reversed(changes):
        text = text[:start] + changed + text[stop:]
    return HEAD + text


def extra_mutants():
    """(path, what was done, mutated text) for the list EXTRA."""
    for path, old, new in EXTRA:
        text = (ROOT / path).read_text()
        places = [match.start() for match in re.finditer(re.escape(old), text)]
        if not places:
            sys.exit(f"mutants.py: {path} no longer holds '{old}'")
        for place in places:
            line = text.count("\n", 0, place) + 1
            yield path, f"{path}:{line} '{old}' became '{new}'", text[:place] + new + text[place + len(old):]


class Tests:
    """The test program of a copy of the tree."""

    def __init__(self, work: pathlib.Path):
        self.copy, self.build_folder = work / "tree", work / "build"
        shutil.rmtree(self.copy, ignore_errors=True)
        shutil.copytree(ROOT, self.copy, ignore=shutil.ignore_patterns("build", ".git"))
        subprocess.run(["cmake", "-S", self.copy, "-B", self.build_folder, "-G", "Ninja", "-DTAPER_TESTS=ON",
                        "-DTAPER_CUDA=OFF", "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS_RELEASE=-O1"],
                       check=True, stdout=subprocess.DEVNULL)

    def build(self) -> None:
        compiled = subprocess.run(["cmake", "--build", self.build_folder, "--target", *PROGRAMS], capture_output=True,
                                  text=True)
        if compiled.returncode:
            sys.exit("mutants.py: a mutant does not compile, so it says nothing about the tests:\n" + compiled.stdout)

    def fail(self, mutant: int = 0) -> bool:
        try:
            return any(subprocess.run([self.build_folder / "tests" / program, "--gtest_fail_fast", "--gtest_brief=1"],
                                      cwd=self.copy, capture_output=True, timeout=300,
                                      env={**os.environ, "MUTANT": str(mutant)}).returncode != 0 for program in PROGRAMS)
        except subprocess.TimeoutExpired:
            return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build" / "mutants", help="where the copy is made")
    parser.add_argument("--only", default="", help="only mutants of files whose path contains this text")
    arguments = parser.parse_args()

    tests, switched, survivors, count = Tests(arguments.work), [], [], 0

    def report(what: str, noticed: bool) -> None:
        nonlocal count
        count += 1
        print(f"[{count}] {'red     ' if noticed else 'SURVIVED'} {what}", flush=True)
        if not noticed:
            survivors.append(what)

    for file in sorted((ROOT / "ops").glob("*/*.cpp")):
        path = file.relative_to(ROOT).as_posix()
        if arguments.only in path and file.parent.name != "kernels":
            (tests.copy / path).write_text(with_switches(path, file.read_text(), switched))
    tests.build()
    if tests.fail():
        sys.exit("mutants.py: the tests fail before anything was broken")
    for number, what in enumerate(switched, 1):
        report(what, tests.fail(number))

    for path, what, text in extra_mutants():
        if arguments.only in path:
            (tests.copy / path).write_text(text)
            tests.build()
            report(what, tests.fail())
            shutil.copy(ROOT / path, tests.copy / path)
    print(f"{count - len(survivors)} of {count} mutants turned a test red")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
