#!/usr/bin/env python3
"""Builds the project in README.md in the three ways that it shows, and runs README's first program with each. Then tries what
other people's projects do: their own flags, targets, folders and versions.

    tests/projects.py PREFIX WORK_FOLDER

The ways: find_package of the Taper installed in PREFIX, add_subdirectory of this tree, and FetchContent of this tree. The last
two build a shared library.
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
# Only the output of the program matters, not its speed. File by file and without precompiled headers, each must include what it uses.
# The warnings are the project's: they must not end the build, wherever they would be reported.
QUICK = ["-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS_RELEASE=-O0", "-DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON",
         "-DTAPER_UNITY=OFF", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wshadow -Wconversion -Wold-style-cast -Werror"]
# A project that has much of what Taper has: before the line that brings Taper, and after its own target.
CROWDED_BEFORE = """
add_library(xtensor INTERFACE)
target_compile_definitions(xtensor INTERFACE XTENSOR_OF_THE_PROJECT)
add_library(taper_warnings INTERFACE)
set(CMAKE_UNITY_BUILD ON)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
"""
CROWDED_AFTER = """
target_sources(mine PRIVATE bridge.cpp)
install(TARGETS mine DESTINATION .)
"""
# A project that links what Taper's headers use.
LINKS_XTENSOR = """
target_sources(mine PRIVATE bridge.cpp)
target_link_libraries(mine PRIVATE xtensor)
"""
BRIDGE = "#include <taper/core/xtensor.hpp>\nauto see(taper::Tensor x) { return taper::as_xtensor<float>(x)(0); }\n"
CROWDED_BRIDGE = "#ifndef XTENSOR_OF_THE_PROJECT\n#error\n#endif\n" + BRIDGE


def run(*command, **options) -> subprocess.CompletedProcess:
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)


def must(*command, **options) -> str:
    done = run(*command, **options)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} fails:\n{done.stdout}{done.stderr}")
    return done.stdout


class Check:
    wrong = 0

    def __call__(self, what: str, right: bool, seen: str = "") -> None:
        self.wrong += not right
        print(f"{what}: {'right' if right else 'WRONG ' + seen}", flush=True)


check = Check()


def write(folder: pathlib.Path, **files: str) -> pathlib.Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".", 1)).write_text(text)
    return folder


def configure(folder: pathlib.Path, *options: str) -> pathlib.Path:
    build = folder / "build"
    must("cmake", "-S", folder, "-B", build, "-G", "Ninja", "--log-level=WARNING", *QUICK, *options)
    return build


def three_ways(prefix: pathlib.Path, work: pathlib.Path) -> None:
    readme = (ROOT / "README.md").read_text()
    project, fetch = re.findall(r"```cmake\n(.*?)```", readme, re.S)
    program, expected = re.search(r"```cpp\n(.*?)```\n+```text\n(.*?)```", readme, re.S).groups()
    instead = re.search(r"`(add_subdirectory\(.*?\))`", readme)[1] + "\n"
    assert project.count(FIND) == 1, f"README's project lacks the line {FIND}"
    copy = work / "add_subdirectory" / "taper"
    shared = "-DBUILD_SHARED_LIBS=ON"
    ways = {
        "find_package": (project, BRIDGE, [f"-DCMAKE_PREFIX_PATH={prefix}"]),
        "add_subdirectory": (project.replace(FIND, CROWDED_BEFORE + instead) + CROWDED_AFTER, CROWDED_BRIDGE, [shared]),
        # CMake's own variable that takes a copy on this machine instead of the address.
        "FetchContent": (project.replace(FIND, fetch) + LINKS_XTENSOR, BRIDGE,
                         [shared, f"-DFETCHCONTENT_SOURCE_DIR_TAPER={copy}"]),
    }
    for way, (text, bridge, options) in ways.items():
        folder = write(work / way, CMakeLists_txt=text, main_cpp=program, bridge_cpp=bridge)
        (folder / "taper").symlink_to(ROOT)  # the copy in the user's own tree
        build = configure(folder, *options)
        must("cmake", "--build", build)
        printed = run(build / "mine").stdout
        check(f"{way} prints what README shows", printed.strip() == expected.strip(),
              f"{printed!r}, README shows {expected!r}")


# What the project of add_subdirectory has in its cache, in its install folder and in its shared library.
def guest(work: pathlib.Path) -> None:
    build = work / "add_subdirectory" / "build"
    check("A guest looks for no nvcc", "CMAKE_CUDA_COMPILER" not in (build / "CMakeCache.txt").read_text())
    must("cmake", "--install", build, "--prefix", work / "guest")
    installed = sorted(path.name for path in (work / "guest").rglob("*"))
    check("A guest installs nothing", installed == ["mine"], str(installed))

    library = build / "taper" / "libtaper.so"
    names = [line.split()[-1] for line in must("nm", "-D", "--defined-only", library).splitlines()]
    public = re.compile("_Z(T.)?N[KRO]?5taper(?!7kernels|4cuda)|_ZN5taper4cuda(9available|11description|10allow_tf32)|"
                        "_ZN5taper7kernels(11common_kind|14plan_broadcast|9broadcast|6detail10launch_map)")
    foreign = [name for name in names if not public.match(name)]
    check("A shared library shows the namespace taper alone", not foreign and len(names) > 500, str(foreign[:5]))
    versioned = re.search(r"SONAME.*\[(.*)\]", must("readelf", "-d", library))[1]
    check("It has a version", versioned == "libtaper.so." + ".".join(version().split(".")[:2]), versioned)


def version() -> str:
    return re.search(r"VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text().split("project(taper")[1])[1]


# A program, and the project that finds Taper for it.
PROGRAM = "#include <taper/taper.hpp>\nint main() { return taper::sum(taper::ones({3})).item() == 3 ? 0 : 1; }\n"
FINDS = ("cmake_minimum_required(VERSION 3.25)\nproject(mine LANGUAGES CXX)\nfind_package(taper WANTED REQUIRED)\n"
         "add_executable(mine main.cpp bridge.cpp)\ntarget_link_libraries(mine PRIVATE taper::taper)\n")


def by_pkg_config(what: str, folder: pathlib.Path, libraries: pathlib.Path) -> None:
    environment = {**os.environ, "PKG_CONFIG_PATH": str(libraries / "pkgconfig"), "LD_LIBRARY_PATH": str(libraries)}
    command = 'eval "g++ -std=c++20 main.cpp -o mine $(pkg-config --cflags --libs taper)" && ./mine'
    done = run("bash", "-c", command, cwd=folder, env=environment)
    check(f"{what}: pkg-config", done.returncode == 0, done.stderr)


# Installs the shared library of add_subdirectory to folders of all kinds, and builds a program with each.
def install_paths(work: pathlib.Path) -> None:
    kinds = {
        "folders with blanks": ["-DCMAKE_INSTALL_INCLUDEDIR=include/v 0", "-DCMAKE_INSTALL_LIBDIR=lib/a b"],
        "absolute folders": [f"-DCMAKE_INSTALL_INCLUDEDIR={work}/absolute headers",
                             f"-DCMAKE_INSTALL_LIBDIR={work}/absolute libraries"],
    }
    for kind, options in kinds.items():
        build = configure(work / "add_subdirectory", "-DBUILD_SHARED_LIBS=ON", "-DTAPER_INSTALL=ON", *options)
        prefix = work / f"prefix of {kind}"
        must("cmake", "--install", build, "--prefix", prefix)
        libraries = prefix / "lib/a b" if "blanks" in kind else work / "absolute libraries"
        folder = write(work / f"uses {kind}", main_cpp=PROGRAM, bridge_cpp=BRIDGE,
                       CMakeLists_txt=FINDS.replace("WANTED", version()))
        build = configure(folder, f"-Dtaper_DIR={libraries}/cmake/taper")
        done = run("cmake", "--build", build)
        check(f"{kind}: find_package", done.returncode == 0 and run(build / "mine").returncode == 0, done.stdout)
        by_pkg_config(kind, folder, libraries)


# The static library, in a folder of which nobody knew when it was configured.
def moved(prefix: pathlib.Path, work: pathlib.Path) -> None:
    place = work / "moved prefix"
    shutil.copytree(prefix, place)
    folder = write(work / "uses moved prefix", main_cpp=PROGRAM)
    by_pkg_config("a moved prefix", folder, next(place.rglob("libtaper.a")).parent)


def versions(prefix: pathlib.Path, work: pathlib.Path) -> None:
    major, minor = map(int, version().split(".")[:2])
    wanted = {f"{major}.{minor}": True, f"{major}.{minor + 1}": False, f"{major}.{minor}.999": False, f"{major + 1}": False}
    for number, fits in wanted.items():
        folder = write(work / "versions" / number, main_cpp=PROGRAM, bridge_cpp=BRIDGE,
                       CMakeLists_txt=FINDS.replace("WANTED", number))
        done = run("cmake", "-S", folder, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={prefix}")
        check(f"find_package(taper {number}) {'finds it' if fits else 'does not'}", (done.returncode == 0) == fits, done.stderr)


# Flags that give up IEEE arithmetic end the configuration, and what includes Taper does not compile with them.
def arithmetic(prefix: pathlib.Path, work: pathlib.Path) -> None:
    project = ("cmake_minimum_required(VERSION 3.25)\nproject(mine LANGUAGES NONE)\nadd_compile_options(${OPTIONS})\n"
               f"include({ROOT}/cmake/arithmetic.cmake)\n")
    folder = write(work / "arithmetic", CMakeLists_txt=project, main_cpp=PROGRAM)
    for flag in ("-ffast-math", "-Ofast", "-funsafe-math-optimizations", "-fno-signed-zeros", "-ffinite-math-only",
                 "-freciprocal-math"):
        for given in (f"-DCMAKE_CXX_FLAGS=-g {flag}", f"-DOPTIONS={flag}"):
            done = run("cmake", "-S", folder, "-B", folder / "build", "--fresh", given)
            named = re.search(rf"IEEE arithmetic.*{flag}", " ".join(done.stderr.split()))
            check(f"{given} ends the configuration", bool(done.returncode and named), done.stderr)
        done = run("g++", "-std=c++20", flag, "-E", "-I", prefix / "include", folder / "main.cpp")
        check(f"g++ {flag} is told what Taper needs", "error: #error \"Taper needs IEEE arithmetic" in done.stderr, done.stderr)
    for fine in ("-DCMAKE_CXX_FLAGS=-Ofast -fno-fast-math", "-DCMAKE_CXX_FLAGS=-O3 -fno-math-errno -ffp-contract=fast"):
        done = run("cmake", "-S", folder, "-B", folder / "build", "--fresh", fine)
        check(f"{fine} is taken", done.returncode == 0, done.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("prefix", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    arguments = parser.parse_args()
    prefix, work = arguments.prefix.resolve(), arguments.work.resolve()
    shutil.rmtree(work, ignore_errors=True)
    if shutil.which("ccache"):  # two of the ways compile the same copy
        os.environ["CCACHE_DIR"] = str(work / "ccache")
        QUICK.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")

    arithmetic(prefix, work)
    versions(prefix, work)
    moved(prefix, work)
    three_ways(prefix, work)
    guest(work)
    install_paths(work)
    return 1 if check.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
