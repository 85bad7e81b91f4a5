#!/usr/bin/env python3
"""Runs the code in README.md and docs/ and compares what it prints with what they show.

    tests/documents.py PREFIX WORK_FOLDER

Every ```cpp block that a ```text block follows is compiled against the Taper installed in PREFIX. A block with a main()
is a program; the others are bodies, which all go into one program to save time.
"""

import argparse
import difflib
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"```cpp\n((?:(?!```).)*?)```\n+```text\n(.*?)```", re.S)

HEAD = """#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <limits>
#include <vector>

using namespace taper;
"""


def comparable(text: str) -> str:
    """The text without the digits of rounding (4e-15), which depend on the processor."""
    return re.sub(r"\d(\.\d+)?e-1\d", "#", text.strip())


def build(source: str, prefix: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """Compiles a program with the consumer's project and returns the executable."""
    folder.mkdir(parents=True)
    (folder / "program.cpp").write_text(source)
    subprocess.run(["cmake", "-S", ROOT / "tests" / "consumer", "-B", folder / "build", "-G", "Ninja",
                    f"-DCMAKE_PREFIX_PATH={prefix.resolve()}", f"-DSOURCE={folder.resolve() / 'program.cpp'}",
                    "-DCMAKE_BUILD_TYPE=Release", "--log-level=WARNING"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", folder / "build"], check=True, stdout=subprocess.DEVNULL)
    return folder / "build" / "consumer"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prefix", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    arguments = parser.parse_args()
    arguments.work = arguments.work.resolve()  # the programs run there
    shutil.rmtree(arguments.work, ignore_errors=True)

    files = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    blocks = [(file.name, *match.groups()) for file in files for match in BLOCK.finditer(file.read_text())]
    bodies = [code for _, code, _ in blocks if "int main" not in code]
    functions = "".join(f"static void body{i}() {{\n{code}}}\n" for i, code in enumerate(bodies))
    cases = "".join(f"    case {i}: return body{i}(), 0;\n" for i in range(len(bodies)))
    collected = build(f"{HEAD}{functions}int main(int, char** argv) {{\n  switch (std::atoi(argv[1])) {{\n{cases}  }}\n}}\n",
                      arguments.prefix, arguments.work / "bodies")

    wrong = 0
    for number, (name, code, expected) in enumerate(blocks):
        if "int main" in code:
            command = [build(code, arguments.prefix, arguments.work / str(number))]
        else:
            command = [collected, str(bodies.index(code))]
        printed = subprocess.run(command, capture_output=True, text=True, cwd=arguments.work).stdout
        if comparable(printed) != comparable(expected):
            wrong += 1
            print("\n".join(difflib.unified_diff(expected.splitlines(), printed.splitlines(), name, "printed", lineterm="")))
    print(f"documents: {len(blocks)} blocks of code, {wrong} print something else than shown")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
