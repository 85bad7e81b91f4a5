"""Where the scripts get their peers: a virtual environment with PyTorch, and libtorch from the same wheel. And how a peer in Python
times its work."""

import json
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

BENCH = Path(__file__).resolve().parent

QUERY = """
import json, platform, torch
from torch.utils import cpp_extension
print(json.dumps({
    "version": torch.__version__,
    "python_version": platform.python_version(),
    "cxx11_abi": torch.compiled_with_cxx11_abi(),
    "includes": cpp_extension.include_paths(),
    "libraries": cpp_extension.library_paths(),
}))
"""


@dataclass(frozen=True)
class Torch:
    """An installed PyTorch: its interpreter, and where its wheel keeps libtorch."""

    python: Path
    version: str
    python_version: str
    cxx11_abi: bool
    includes: list[str]
    libraries: list[str]

    def compile_command(self, source: str, optimize: str) -> list[str]:
        """g++ with libtorch's headers, up to and including the source file."""
        includes = [argument for folder in self.includes for argument in ("-isystem", folder)]
        abi = f"-D_GLIBCXX_USE_CXX11_ABI={int(self.cxx11_abi)}"
        return ["g++", "-std=c++20", optimize, "-DNDEBUG", abi, *includes, str(BENCH / source)]

    def link_flags(self) -> list[str]:
        paths = [flag for folder in self.libraries for flag in (f"-L{folder}", f"-Wl,-rpath,{folder}")]
        return [*paths, "-ltorch", "-ltorch_cpu", "-lc10"]


def time_runs(run: Callable[[], object], seconds: float) -> list[float]:
    """The seconds that each call of run() took, five at least, after a fifth of that time in which none counts."""
    times: list[float] = []
    end = time.perf_counter() + 0.2 * seconds
    while time.perf_counter() < end:
        run()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        before = time.perf_counter()
        run()
        times.append(time.perf_counter() - before)
    return times


def log(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def find_torch(python: Path | None, venv_dir: Path, *others: str) -> Torch:
    """PyTorch of the given interpreter; without one, of a virtual environment, which is made if it is missing. PyTorch and
    the other packages that are named are installed in their newest releases, unless they are there already."""
    if python is None:
        python = venv_dir / "bin" / "python"
        if not python.exists():
            log(f"making a virtual environment in {venv_dir}")
            venv.create(venv_dir, with_pip=True)
    wanted = ["torch", "numpy", "setuptools", *others]
    if subprocess.run([python, "-c", "import " + ", ".join(wanted)], capture_output=True, check=False).returncode != 0:
        log(f"installing {', '.join(wanted)}: some minutes and 6 GB")
        subprocess.run([python, "-m", "pip", "install", *wanted], stdout=sys.stderr, check=True)
    answer = subprocess.run([python, "-c", QUERY], stdout=subprocess.PIPE, text=True, check=True).stdout
    return Torch(python=python, **json.loads(answer.splitlines()[-1]))


def build_libtorch_program(torch: Torch, build_dir: Path) -> Path:
    """toy_step_libtorch.cpp, compiled and linked."""
    program = build_dir / "toy_step_libtorch"
    log("compiling toy_step_libtorch.cpp: half a minute")
    command = torch.compile_command("toy_step_libtorch.cpp", "-O3")
    subprocess.run([*command, "-o", str(program), *torch.link_flags()], check=True)
    return program
