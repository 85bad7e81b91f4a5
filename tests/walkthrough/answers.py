#!/usr/bin/env python3
"""Computes the answer of every exercise of the walkthrough with the chapter's own program.

    tests/walkthrough/answers.py FOLDER_OF_THE_PROGRAMS

An exercise is wrong if its chapter's program says something else than docs/walkthrough/NN_name.md, and missing if ANSWERS
has no line for it.
"""

import json
import pathlib
import re
import subprocess
import sys

TEXTS = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "walkthrough"
ANSWER = re.compile(r"<details><summary>Answer</summary>\n\n`([^`]+)`.*</details>", re.S)
TOLERANCE = 0.002  # of a number: what is written is rounded


class Run:
    """A chapter's program, run with these parameters; the others are where they start."""

    def __init__(self, program: pathlib.Path, **parameters: float) -> None:
        options = [f"--{name}={value}" for name, value in parameters.items()]
        result = json.loads(subprocess.run([program, *options, "--json"], check=True, stdout=subprocess.PIPE).stdout)
        self.printed = result["printed"]
        self.nodes = result["tape"]["nodes"]
        self.walks = result["tape"]["walks"]
        self.tensors = result["tape"]["tensors"]

    def elements(self, place: int) -> list:
        return self.tensors[place]["elements"]

    def value(self, node: int) -> list:
        return self.elements(self.nodes[node]["value"])

    def node_of(self, op: str) -> int:
        return [node["op"] for node in self.nodes].index(op)

    def visit(self, node: int, walk: int = 0) -> dict:
        return next(visit for visit in self.walks[walk]["visits"] if visit["node"] == node)

    def cotangent(self, node: int) -> list:
        """What stands in the slot of a node that is no leaf when the walk arrives there."""
        return self.elements(self.visit(node)["cotangent"])

    def gradient(self, leaf: int) -> list:
        """Of the leaf with this place among the leaves."""
        number = [i for i, node in enumerate(self.nodes) if node["op"] is None][leaf]
        return next(self.elements(each["value"]) for each in self.walks[0]["gradients"] if each["node"] == number)

    def contributions(self, node: int) -> list:
        """(from, what) for all that went into the slot of this node."""
        return [(visit["node"], self.elements(each["value"])) for visit in self.walks[0]["visits"]
                for each in visit["contributions"] if each["node"] == node]

    def numbers_after(self, words: str) -> list:
        """The first number after each place at which the program prints these words."""
        return [float(number) for number in re.findall(re.escape(words) + r"[\s{]*(-?[\d.]+(?:e-?\d+)?)", self.printed)]


def first(low: float, high: float, holds) -> float:
    """The smallest argument in [low, high] from which on `holds` does, by bisection; it must fail at low."""
    assert not holds(low) and holds(high)
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def only(candidates, holds):
    """The one candidate for which it holds."""
    [found] = [each for each in candidates if holds(each)]
    return found


def steps(low: float, high: float, step: float) -> list:
    return [round(low + i * step, 9) for i in range(round((high - low) / step) + 1)]


def is_close(a: float, b: float) -> bool:
    return abs(a - b) <= TOLERANCE * abs(b) + 1e-12


def losses(run, rate: float, count: int) -> list:
    return run(rate=rate, steps=count).numbers_after("loss")


def slots_left_empty(run: Run) -> int:
    visited = {visit["node"] for visit in run.walks[0]["visits"]}
    return only(range(len(run.nodes)), lambda node: run.nodes[node]["op"] and node not in visited)


def first_not_finite(run: Run) -> int:
    return next(visit["node"] for visit in run.walks[0]["visits"] for each in visit["contributions"]
                if not isinstance(run.elements(each["value"])[0], (int, float)))


def row_of_jacobian(run: Run, op: str) -> list:
    """Row 0, from the walk that began at the node of this op."""
    walk = only(run.walks, lambda each: each["node"] == run.node_of(op))
    return run.elements(walk["gradients"][0]["value"])


def newton(run, x: float) -> float:
    slope, bend = (run(x=x, order=2).numbers_after(f"derivative {order} of y =")[0] for order in (1, 2))
    return x - slope / bend


# For each chapter, a function for each exercise. `run(x=1)` runs the chapter's program.
ANSWERS = {
    "01_derivative": [
        lambda run: run(x=-3).gradient(0)[0],
        lambda run: only(steps(-3, 3, 0.5), lambda x: run(x=x).gradient(0)[0] == 0 and run(x=x + 0.1).gradient(0)[0] > 0),
        lambda run: run(x=2).gradient(0)[0] * 0.1,
        lambda run: len(run().contributions(0)),
    ],
    "02_tape": [
        lambda run: len(run(x=1, c=1, rounds=4).nodes),
        lambda run: [i for i, node in enumerate(run(rounds=1).nodes) if node["op"] is None][1],
        lambda run: -first(-3, 3, lambda x: len(run(x=-x, c=1.5, rounds=0).nodes) == 3),
        lambda run: min(len(run(x=x, rounds=rounds).nodes) for x in (-3, 3) for rounds in (0, 6)),
    ],
    "03_walk_back": [
        lambda run: run(u=-1.5, v=2.5).cotangent(run().node_of("square"))[0],
        lambda run: run(u=2, v=-1).cotangent(run().node_of("mul"))[0],
        lambda run: slots_left_empty(run()),
        lambda run: only(steps(-3, 3, 0.5), lambda u: run(u=u, v=2).gradient(0)[0] == 12),
    ],
    "04_used_twice": [
        lambda run: run(x=1, a=3).cotangent(1)[0],
        lambda run: len(run().contributions(1)),
        lambda run: sum(what[0] for source, what in run(x=2, a=3).contributions(1) if source == 3),
        lambda run: only(steps(-4, 4, 0.5), lambda a: run(x=1, a=a).gradient(0)[0] == 0),
    ],
    "05_broadcasting": [
        lambda run: run(s=1.5).gradient(0)[1],
        lambda run: run(b0=0, b1=0, b2=0).gradient(1)[0],
        lambda run: run(s=2, b1=0).numbers_after("loss =")[0] - run(s=2, b1=-1).numbers_after("loss =")[0],
        lambda run: only(steps(-5, 5, 0.5), lambda b2: run(b0=0, b1=-4, b2=b2).gradient(1)[0] == 0),
    ],
    "06_matrix_product": [
        lambda run: run(row=1, column=0, weight=1).gradient(0)[3:],
        lambda run: only(steps(-3, 3, 0.5), lambda a01: run(row=0, column=0, weight=2, a01=a01).gradient(1)[2] == 5),
        lambda run: sum(x != 0 for x in map(sum, zip(*(map(abs, run(row=0, column=c).gradient(0)) for c in (0, 1))))),
        lambda run: sum(run(row=0, column=column, weight=1).gradient(0)[0] for column in (0, 1)),
    ],
    "07_sparse_softmax": [
        lambda run: first(-2, 2, lambda z0: run(k=2, z0=z0, z1=0.6, z2=-0.5).numbers_after("sparse_softmax\np") == [1]),
        lambda run: sum(run(k=2, z0=2, z1=0.5, z2=-0.5).value(run().node_of("sparse_softmax_as_written"))),
        lambda run: row_of_jacobian(run(k=3, z0=1, z1=0.8, z2=0.6), "sparse_softmax")[0],
        lambda run: sum(row_of_jacobian(run(k=3, z0=0.3, z1=0.8, z2=0.6), "sparse_softmax")),
    ],
    "08_attention": [
        lambda run: run(x=0, y=0, k=3).value(6)[0],
        lambda run: only(range(3), lambda key: run(x=0.5, y=0, k=2).gradient(2)[key] == 0
                         and run(x=0.5, y=0, k=2).gradient(0)[2 * key:2 * key + 2] == [0, 0]),
        lambda run: run(x=0, y=0, k=3).gradient(1)[:2],
        lambda run: first(0.1, 2, lambda x: run(x=x, y=0, k=2).gradient(1)[:2] == [0, 0]),
    ],
    "09_training_step": [
        lambda run: run(steps=0).gradient(1)[0],
        lambda run: run(rate=0.1, steps=1).value(0)[0],
        lambda run: sum(loss > 1 for loss in losses(run, 0.2, 20)),
        lambda run: first(0.2, 0.3, lambda rate: losses(run, rate, 20)[20] > losses(run, rate, 20)[19]),
    ],
    "10_second_derivatives": [
        lambda run: run(x=2).numbers_after("derivative 2 of y =")[0],
        lambda run: only(steps(-3, 3, 0.5), lambda x: run(x=x).numbers_after("derivative 2 of y =") == [0]),
        lambda run: run(order=2).walks[1]["first_node"] - run(order=1).walks[0]["first_node"],
        lambda run: newton(run, 2),
    ],
    "11_what_goes_wrong": [
        lambda run: dict(run(x=0).contributions(0))[1][0],
        lambda run: first_not_finite(run(x=0)),
        lambda run: run(x=0.8, factor=1.5).numbers_after("step 1e-05:")[0],
        lambda run: only(steps(-1, 1, 0.25), lambda x: "passed" in run(x=x, factor=1.5).printed),
    ],
}


def main() -> int:
    programs = pathlib.Path(sys.argv[1]).resolve()
    chapters = sorted(text.stem for text in TEXTS.glob("[0-9]*.md"))
    wrong = 0
    if chapters != sorted(ANSWERS):
        print(f"the chapters are {chapters}, and those with answers here {sorted(ANSWERS)}")
        wrong += 1
    for chapter in chapters:
        exercises = (TEXTS / f"{chapter}.md").read_text().split("\n### ")[1:]
        answers = ANSWERS.get(chapter, [])
        if len(exercises) != len(answers):
            print(f"{chapter} has {len(exercises)} exercises and {len(answers)} answers here")
            wrong += 1
        for exercise, answer in zip(exercises, answers):
            title, written = exercise.split("\n")[0], ANSWER.search(exercise)[1]
            computed = answer(lambda **parameters: Run(programs / chapter, **parameters))
            numbers = computed if isinstance(computed, list) else [computed]
            expected = [float(each) for each in written.split(",")]
            if len(numbers) != len(expected) or not all(map(is_close, numbers, expected)):
                print(f"{chapter}, {title}: the text says {written}, the program {computed}")
                wrong += 1
    print(f"{wrong} wrong" if wrong else f"the answers of {len(chapters)} chapters agree with their programs")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
