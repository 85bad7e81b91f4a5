#!/usr/bin/env python3
"""The programs of examples/beside_pytorch: none takes more lines than its twin in Python, and each learns what it should.

    tests/beside_pytorch.py FOLDER_OF_THE_PROGRAMS [--torch PYTHON]

A line counts unless it is empty or a comment. The README there must show the counts that are found. With --torch, a Python that
has PyTorch, the twins run too, and must learn as much.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = ROOT / "examples" / "beside_pytorch"
PENGUINS = ROOT / "build" / "data" / "penguins.csv"
# What the last line says, and the least and the largest number that it may say.
PROGRAMS = {
    "sine": ("largest error", 0, 0.1),
    "spirals": ("right", 0.95, 1),
    "convolution": ("right", 0.95, 1),
    "gru": ("mean error", 0, 0.05),
    "table": ("right", 0.95, 1),
    "save_and_go_on": ("the same", 1, 1),
    "fine_tune": ("mean error", 0, 0.05),
}


def lines(path: pathlib.Path) -> int:
    return sum(bool(line.strip()) and not re.match(r"\s*(//|#(?!include))", line) for line in path.read_text().splitlines())


def check_counts() -> list[str]:
    """What is wrong with the lines of the programs, or with the README's table of them."""
    wrong = []
    readme = (SOURCES / "README.md").read_text()
    for name in PROGRAMS:
        ours, theirs = lines(SOURCES / f"{name}.cpp"), lines(SOURCES / f"{name}.py")
        if ours > theirs:
            wrong.append(f"{name}.cpp has {ours} lines, {name}.py {theirs}")
        if not re.search(rf"\| \[{name}\]\({name}\.cpp\) .*\| {ours} \| {theirs} \|", readme):
            wrong.append(f"README.md does not show {ours} and {theirs} lines for {name}")
    if {path.stem for path in SOURCES.glob("*.cpp")} != set(PROGRAMS):
        wrong.append("another program stands there")
    return wrong


def check_result(name: str, command: list[str], folder: str) -> list[str]:
    """What is wrong with what a program prints, run in the folder."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    what, least, largest = PROGRAMS[name]
    said = re.search(rf"^{what}: ([-\d.e]+)$", done.stdout, re.M)
    if done.returncode == 0 and said and least <= float(said[1]) <= largest:
        print(f"{command[-1]}: {said[0]}")
        return []
    return [f"{command[-1]} does not say '{what}: ' and a number from {least} to {largest}:\n{done.stdout}{done.stderr}"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("--torch", metavar="PYTHON", help="a Python that has PyTorch: runs the twins too")
    arguments = parser.parse_args()

    wrong = check_counts()
    with tempfile.TemporaryDirectory() as folder:
        if PENGUINS.exists():
            (pathlib.Path(folder) / "penguins.csv").write_bytes(PENGUINS.read_bytes())
        for name in PROGRAMS:
            if name == "table" and not PENGUINS.exists():
                print(f"table: left out, for {PENGUINS} is not there (examples/fetch_data.sh penguins)")
                continue
            wrong += check_result(name, [str(arguments.programs.resolve() / name)], folder)
            if arguments.torch:
                wrong += check_result(name, [arguments.torch, str(SOURCES / f"{name}.py")], folder)
    print("\n".join(wrong) or "the programs beside PyTorch's are short, and learn")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
