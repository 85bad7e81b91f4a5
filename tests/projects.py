#!/usr/bin/env python3
"""Builds the project in README.md in the three ways that it shows, and runs README's first program with each.

    tests/projects.py PREFIX WORK_FOLDER

The ways: find_package of the Taper installed in PREFIX, add_subdirectory of this tree, and FetchContent of this tree.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIND = "find_package(taper REQUIRED)\n"
# Only the output of the program matters, not its speed. Without precompiled headers, each file must include what it uses.
QUICK = ["-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS_RELEASE=-O0", "-DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prefix", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    shutil.rmtree(work, ignore_errors=True)

    readme = (ROOT / "README.md").read_text()
    project, fetch = re.findall(r"```cmake\n(.*?)```", readme, re.S)
    program, expected = re.search(r"```cpp\n(.*?)```\n+```text\n(.*?)```", readme, re.S).groups()
    instead = re.search(r"`(add_subdirectory\(.*?\))`", readme)[1] + "\n"
    assert project.count(FIND) == 1, f"README's project lacks the line {FIND}"
    copy = work / "add_subdirectory" / "taper"
    ways = {
        "find_package": (project, [f"-DCMAKE_PREFIX_PATH={arguments.prefix.resolve()}"]),
        "add_subdirectory": (project.replace(FIND, instead), ["-DTAPER_CUDA=OFF"]),
        # CMake's own variable that takes a copy on this machine instead of the address.
        "FetchContent": (project.replace(FIND, fetch), ["-DTAPER_CUDA=OFF", f"-DFETCHCONTENT_SOURCE_DIR_TAPER={copy}"]),
    }
    if shutil.which("ccache"):  # two of the ways compile that copy
        os.environ["CCACHE_DIR"] = str(work / "ccache")
        QUICK.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
    wrong = 0
    for way, (text, options) in ways.items():
        folder = work / way
        folder.mkdir(parents=True)
        (folder / "CMakeLists.txt").write_text(text)
        (folder / "main.cpp").write_text(program)
        (folder / "taper").symlink_to(ROOT)  # the copy in the user's own tree
        subprocess.run(["cmake", "-S", folder, "-B", folder / "build", "-G", "Ninja", "--log-level=WARNING",
                        *QUICK, *options], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["cmake", "--build", folder / "build"], check=True, stdout=subprocess.DEVNULL)
        printed = subprocess.run([folder / "build" / "mine"], capture_output=True, text=True, check=False).stdout
        right = printed.strip() == expected.strip()
        wrong += not right
        print(f"{way}: prints", "what README shows" if right else f"{printed!r}, README shows {expected!r}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
