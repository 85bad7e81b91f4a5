#!/usr/bin/env python3
"""Builds and tests the library with other compilers, standard libraries, standards, BLAS, versions of xtensor, and as a
shared library, and writes a table of what came out.

    tests/matrix.py [--only TEXT]... [--work FOLDER] [--write FILE] [--root NAME=FOLDER]... [--xtensor VERSION=PREFIX]...
                    [--full] [--list]

A cell whose compiler, xtensor or Debian is not there is skipped, and the table says why. Nothing is installed: a libc++
that is not the system's is unpacked in the work folder, from Debian's packages. Compilers: apt-get install clang-15
clang-16 clang-19 clang-22. Another Debian: debootstrap --variant=minbase --include=PACKAGES trixie FOLDER, where PACKAGES
are those of cmake/setup.sh, python3 and the compilers; it wants --root trixie=FOLDER. xtensor and xtensor-blas of another
version are installed under a prefix that --xtensor names.

Cells run one after the other, each in minutes; --only picks those whose line in --list holds all the TEXTs. The results
of earlier runs stand in WORK/results.json, and the table shows the newest of each cell.
"""

import argparse
import datetime
import json
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
REFERENCE_BLAS = "/usr/lib/x86_64-linux-gnu/blas/libblas.so"

DEFAULTS = dict(compiler="g++-12", standard=20, library="libstdc++", blas="OpenBLAS", xtensor="Debian", link="static",
                cuda="OFF", root="")
COLUMNS = {"root": "Debian", "compiler": "compiler", "library": "standard library", "standard": "C++", "blas": "BLAS",
           "xtensor": "xtensor", "link": "link", "cuda": "CUDA"}


def cell(known="", **differences):
    """A combination: what differs from DEFAULTS; `known` says why it is red."""
    return {**DEFAULTS, **differences, "known": known}


TOO_OLD_FOR_XTENSOR = "xtensor 0.27 needs clang 16: 14 and 15 reject its functions with `requires` that are defined outside their class"
CELLS = [
    cell(),
    cell(standard=23),
    *[cell(compiler=f"clang++-{n}", standard=s, library=library)
      for n in (14, 15, 16, 19, 22) for library in ("libstdc++", f"libc++ {n}") for s in ((20, 23) if n in (14, 22) else (20,))],
    cell(root="trixie", compiler="g++-14"),
    cell(root="trixie", compiler="g++-14", standard=23),
    cell(root="trixie", compiler="clang++-19"),
    cell(blas="reference"),
    cell(blas="reference", compiler="clang++-14", library="libc++ 14"),
    *[cell(xtensor=version, compiler=compiler) for version in ("0.25", "0.26", "0.27") for compiler in ("g++-12", "clang++-22")],
    cell(xtensor="0.27", compiler="clang++-14", known=TOO_OLD_FOR_XTENSOR),
    cell(cuda="EMULATED"),
    cell(cuda="EMULATED", compiler="clang++-22"),
    cell(link="shared"),
    cell(link="shared", compiler="clang++-22", library="libc++ 22"),
    cell(link="shared", cuda="EMULATED"),
]


def name(c):
    return " ".join(str(c[key]) for key in COLUMNS if c[key] != "")


class Skip(Exception):
    """Why a cell can't be run here."""


class Failure(Exception):
    """What went wrong, in one line."""


class Place:
    """Where a cell's commands run: this system, or another Debian by chroot, which gets a copy of the tree."""

    def __init__(self, folder, work):
        self.folder = folder
        self.work = pathlib.Path("/matrix") if folder else work
        self.source = self.work / "source" if folder else ROOT
        if folder:
            files = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True).stdout
            target = pathlib.Path(folder + str(self.source))
            target.mkdir(parents=True, exist_ok=True)
            packed = subprocess.run(["tar", "c", "--null", "-T", "-"], cwd=ROOT, input=files, check=True, capture_output=True)
            subprocess.run(["tar", "x"], cwd=target, input=packed.stdout, check=True)

    def path(self, path):
        """A path of that system, seen from this one."""
        return pathlib.Path(self.folder + str(path))

    def has(self, program):
        return any(self.path(f"{folder}/{program}").exists() for folder in ("/usr/local/bin", "/usr/bin"))

    def run(self, command, log, **environment):
        variables = [f"{key}={value}" for key, value in environment.items()]
        prefix = ["chroot", self.folder] if self.folder else []
        full = [*prefix, "env", *variables, "nice", "-n", "10", *map(str, command)]
        with open(log, "a") as out:
            print("$", *full, file=out, flush=True)
            return subprocess.run(full, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL).returncode


def libcxx(place, version):
    """The folder /usr/lib/llvm-N of a libc++: the system's, or unpacked."""
    installed = f"/usr/lib/llvm-{version}"
    if place.path(f"{installed}/include/c++/v1/vector").exists():
        return installed
    if place.folder:
        raise Skip(f"libc++-{version}-dev is not installed there")
    folder = place.work / f"libc++-{version}"
    if not (folder / installed[1:] / "include/c++/v1/vector").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for package in (f"libc++-{version}-dev", f"libc++1-{version}", f"libc++abi-{version}-dev", f"libc++abi1-{version}",
                        f"libunwind-{version}-dev", f"libunwind-{version}"):  # from 22 on the first has the libraries, too
            subprocess.run(["apt-get", "download", "-qq", package], cwd=folder, capture_output=True)
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
    if not (folder / installed[1:] / "include/c++/v1/vector").exists():
        raise Skip(f"apt-get has no libc++-{version}-dev")
    return str(folder / installed[1:])


def arguments(c, place, options):
    """CMake's arguments for a cell, and the flags that select its standard library."""
    if not place.has(c["compiler"]):
        raise Skip(f"{c['compiler']} is not installed")
    flags, link, prefixes, settings = [], [], [], []
    if c["library"].startswith("libc++"):
        folder = libcxx(place, c["library"].split()[1])
        flags = ["-nostdinc++", "-isystem", f"{folder}/include/c++/v1"]
        link = ["-stdlib=libc++", f"-L{folder}/lib", f"-Wl,-rpath,{folder}/lib"]
    if c["xtensor"] != "Debian":
        if c["xtensor"] not in options.xtensor:
            raise Skip(f"no --xtensor {c['xtensor']}=PREFIX")
        prefixes.append(options.xtensor[c["xtensor"]])
    if c["blas"] == "reference":
        if not place.path(REFERENCE_BLAS).exists():
            raise Skip("libblas-dev is not installed")
        settings += ["-DTAPER_BLAS=Generic", f"-DBLAS_LIBRARIES={REFERENCE_BLAS}"]
    if place.has("ccache"):
        settings.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
    settings += [f"-DCMAKE_CXX_COMPILER={c['compiler']}", f"-DCMAKE_CXX_STANDARD={c['standard']}",
                 f"-DBUILD_SHARED_LIBS={'ON' if c['link'] == 'shared' else 'OFF'}", f"-DTAPER_CUDA={c['cuda']}",
                 "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=-O0",
                 "-DCMAKE_CXX_FLAGS=" + " ".join(flags),
                 "-DCMAKE_EXE_LINKER_FLAGS=" + " ".join(link), "-DCMAKE_SHARED_LINKER_FLAGS=" + " ".join(link)]
    return settings, prefixes, bool(flags)


def build_googletest(place, folder, compiler, settings, log):
    """Debian's libgtest is of libstdc++; its sources make one of the cell's standard library."""
    if not place.path("/usr/src/googletest/CMakeLists.txt").exists():
        raise Skip("googletest's sources (/usr/src/googletest) are not installed")
    prefix = folder / "googletest"
    own = [s for s in settings if not s.startswith("-DBUILD_SHARED_LIBS")]
    own.append("-DCMAKE_C_COMPILER=" + compiler.replace("clang++", "clang"))
    for command in (["cmake", "-S", "/usr/src/googletest", "-B", folder / "googletest_build", "-G", "Ninja", *own,
                     "-DBUILD_GMOCK=OFF", f"-DCMAKE_INSTALL_PREFIX={prefix}"],
                    ["cmake", "--build", folder / "googletest_build", "--target", "install"]):
        if place.run(command, log):
            raise Failure(f"googletest: {first_error(log)}")
    return prefix


def first_error(log):
    text = pathlib.Path(log).read_text(errors="replace")
    text = text[text.rfind("\n$ ") + 1:]
    errors = re.findall(r".*(?:\berror\b|undefined reference|CMake Error|FAILED|Segmentation).*", text)
    return " ".join((errors or text.splitlines()[-1:])[0].split())[:200]


def run_cell(c, options):
    """The result of one cell: what it says, and how many tests passed."""
    if c["root"] and c["root"] not in options.root:
        raise Skip(f"no --root {c['root']}=FOLDER")
    place = Place(options.root.get(c["root"], ""), options.work)
    settings, prefixes, own_library = arguments(c, place, options)
    folder = place.work / re.sub(r"\W+", "_", name(c))
    place.path(folder).mkdir(parents=True, exist_ok=True)
    log = place.path(folder) / "log.txt"
    log.write_text("")
    if own_library:
        prefixes.append(build_googletest(place, folder, c["compiler"], settings, log))
    build = folder / "build"
    configure = ["cmake", "-S", place.source, "-B", build, "-G", "Ninja", "--log-level=WARNING", *settings,
                 "-DCMAKE_PREFIX_PATH=" + ";".join(map(str, prefixes)), "-DTAPER_TESTS=ON"]
    if place.run(configure, log):
        raise Failure(f"CMake: {first_error(log)}")
    targets = ["taper_tests", "taper_thread_tests"] if options.full else ["taper_matrix_tests"]
    if place.run(["cmake", "--build", build, "--target", "taper", *targets], log):
        raise Failure(first_error(log))
    for target in targets:
        if place.run([build / "tests" / target, "--gtest_brief=1"], log):
            raise Failure(first_error(log))
    text = log.read_text(errors="replace")
    passed = sum(map(int, re.findall(r"\[  PASSED  \] (\d+) tests?\.", text)))
    warnings = len(set(re.findall(r"^\S+:\d+:\d+: warning: .*", text, re.M)))
    return f"{passed} tests" + (f", {warnings} warnings" if warnings else "")


def table(results):
    """The Markdown table of all cells."""
    yield "| " + " | ".join([*COLUMNS.values(), "result", "date"]) + " |"
    yield "|" + "---|" * (len(COLUMNS) + 2)
    for c in CELLS:
        r = results.get(name(c), {"verdict": "not run", "text": "", "date": ""})
        if r["verdict"] == "red" and c["known"]:
            r["text"] = c["known"]
        shown = [str(c[key]) for key in COLUMNS]
        shown[0] = shown[0] or "bookworm"
        yield "| " + " | ".join([*shown, f"{r['verdict']}{': ' if r['text'] else ''}{r['text']}".replace("|", "\\|"), r["date"]]) + " |"


def pairs(items):
    return dict(item.split("=", 1) for item in items)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="TEXT")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build/matrix", metavar="FOLDER")
    parser.add_argument("--write", type=pathlib.Path, metavar="FILE", help="put the table behind this file's heading 'Table'")
    parser.add_argument("--root", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--xtensor", action="append", default=[], metavar="VERSION=PREFIX")
    parser.add_argument("--full", action="store_true", help="all tests instead of those of tests/matrix.cmake")
    parser.add_argument("--list", action="store_true", help="only name the cells")
    options = parser.parse_args()
    options.root, options.xtensor, options.work = pairs(options.root), pairs(options.xtensor), options.work.resolve()
    chosen = [c for c in CELLS if all(text in name(c) for text in options.only)]
    if options.list:
        print("\n".join(map(name, chosen)))
        return 0

    options.work.mkdir(parents=True, exist_ok=True)
    stored = options.work / "results.json"
    results = json.loads(stored.read_text()) if stored.exists() else {}
    is_red = False
    for c in chosen:
        started = time.monotonic()
        try:
            verdict, text = "green", run_cell(c, options)
        except Skip as reason:
            verdict, text = "skipped", str(reason)
        except Failure as reason:
            verdict, text = "red", str(reason)
            is_red = is_red or not c["known"]
        print(f"{name(c)}: {verdict}: {text} ({time.monotonic() - started:.0f} s)", flush=True)
        if verdict != "skipped" or results.get(name(c), {}).get("verdict") in (None, "skipped"):
            results[name(c)] = {"verdict": verdict, "text": text, "date": datetime.date.today().isoformat()}
        stored.write_text(json.dumps(results, indent=1))
    lines = "\n".join(table(results))
    print("\n" + lines)
    if options.write:
        before = options.write.read_text().split("## Table\n")[0]
        options.write.write_text(f"{before}## Table\n\n{lines}\n")
    return 1 if is_red else 0


if __name__ == "__main__":
    sys.exit(main())
