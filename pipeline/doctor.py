"""What is installed, which engine answers, what this machine has, and what to do about each missing thing.

Every check returns findings and changes nothing. It must run where half of the installation is missing.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution, version
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

State = Literal["good", "note", "missing"]
GIB = 1 << 30


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what was found, and what to do about it if it is not as it should be."""

    name: str
    state: State
    found: str
    advice: str = ""


def examine() -> Iterator[Finding]:
    """All findings, the installation first."""
    yield python()
    yield from packages()
    yield from numbagg()
    yield local_engine()
    yield Finding(
        "Google's Earth Engine",
        "note",
        "not asked",
        "to use it: `earthengine authenticate`, then engine.connect('earthengine', project='…')",
    )
    yield processors()
    yield memory()
    yield disk(Path.cwd())
    yield numba_cache()
    yield gpu()


def lines(finding: Finding) -> list[str]:
    """The finding as lines of text: what was found and, indented, what to do."""
    mark = {"good": "ok", "note": "note", "missing": "MISSING"}[finding.state]
    first = f"{mark:<8} {finding.name}: {finding.found}"
    return [first, f"{'':8} -> {finding.advice}"] if finding.advice else [first]


def python() -> Finding:
    """The interpreter."""
    return Finding("Python", "good", f"{platform.python_version()} at {sys.executable}")


def packages() -> Iterator[Finding]:
    """What minecover itself needs, then its extras, as its own metadata lists them."""
    try:
        own = distribution("minecover")
    except PackageNotFoundError:
        yield Finding("minecover", "missing", "not installed", "in the project's folder: `pip install -e .`")
        return
    required = [Requirement(r) for r in own.requires or []]
    yield core([r for r in required if r.marker is None or r.marker.evaluate({"extra": ""})], own.version)
    for extra in own.metadata.get_all("Provides-Extra") or []:
        if extra != "test":
            yield optional(extra, [r for r in required if r.marker and r.marker.evaluate({"extra": extra})])


def core(required: list[Requirement], own_version: str) -> Finding:
    """Whether all that minecover needs is there in a version it works with."""
    wrong = [problem for r in required if (problem := unmet(r))]
    if wrong:
        return Finding("minecover", "missing", f"{own_version}, but " + ", ".join(wrong), "`pip install -e .`")
    shown = ", ".join(f"{name} {version(name)}" for name in ("earthengine-api", "numpy", "numba", "rasterio"))
    return Finding("minecover", "good", f"{own_version} with {len(required)} packages ({shown} …)")


def optional(extra: str, required: list[Requirement]) -> Finding:
    """Whether an extra is complete."""
    wrong = [problem for r in required if (problem := unmet(r))]
    if wrong:
        return Finding(f"extra [{extra}]", "note", ", ".join(wrong), f"if wanted: `pip install -e '.[{extra}]'`")
    return Finding(f"extra [{extra}]", "good", ", ".join(f"{r.name} {version(r.name)}" for r in required))


def unmet(requirement: Requirement) -> str:
    """What is wrong with a required package, or nothing."""
    name = canonicalize_name(requirement.name)
    try:
        there = version(name)
    except PackageNotFoundError:
        return f"{requirement.name} is not installed"
    if not requirement.specifier.contains(there, prereleases=True):
        return f"{requirement.name} is {there} where {requirement.specifier} is needed"
    return ""


def numbagg() -> Iterator[Finding]:
    """A note if numbagg is importable: with it, medians in xarray and dask run some 45 times slower."""
    if find_spec("numbagg"):
        yield Finding("numbagg", "note", "installed; it slows medians in xarray and dask", "`pip uninstall numbagg`")


def local_engine() -> Finding:
    """Whether the local engine answers: 1 + 2, asked through the Earth Engine client in this process."""
    try:
        ee = import_module("ee")
        engine = import_module("pipeline.engine")
        with redirect_stderr(StringIO()):  # the client greets on stderr
            engine.connect("local")
        answer = ee.Number(1).add(2).getInfo()
        engine.disconnect()
        ops = import_module("pipeline.engine.ops")
        found = f"1 + 2 = {answer}; {len(ops.available())} of Earth Engine's functions"
    except Exception as error:  # whatever stands in the way is the finding
        return Finding("local engine", "missing", f"{type(error).__name__}: {error}", "`pip install -e .`")
    if answer != 3:
        return Finding("local engine", "missing", found, "report this as a fault of minecover")
    return Finding("local engine", "good", found)


def processors() -> Finding:
    """How many processor cores this process may use."""
    return Finding("processor", "good", f"{usable_cores()} cores, {platform.machine()}")


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory(needed: int = 4 * GIB) -> Finding:
    """How much memory there is for this process, a container's limit included."""
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return Finding("memory", "note", "cannot be read on this system")
    limit = container_limit(Path("/sys/fs/cgroup/memory.max"))
    usable = min(total, limit) if limit else total
    found = f"{usable / GIB:.1f} GiB"
    if usable < needed:
        return Finding("memory", "note", found, "below 4 GiB: keep tiles small, engine.connect(…, budget=2**28)")
    return Finding("memory", "good", found)


def container_limit(path: Path) -> int | None:
    """The memory limit that a control group sets in bytes, if any."""
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def disk(folder: Path, needed: int = 5 * GIB) -> Finding:
    """Free space where exports will be written."""
    free = shutil.disk_usage(folder).free
    found = f"{free / GIB:.1f} GiB free at {folder}"
    if free < needed:
        return Finding("disk", "note", found, "one season of a Sentinel-2 tile takes about 5 GiB: free some space")
    return Finding("disk", "good", found)


def numba_cache() -> Finding:
    """Whether compiled kernels can be kept; where they cannot, each start compiles for some seconds."""
    folder = Path(os.environ.get("NUMBA_CACHE_DIR") or Path(__file__).parent / "engine" / "kernels")
    if os.access(folder, os.W_OK):
        return Finding("compiled kernels", "good", "kept between runs")
    return Finding(
        "compiled kernels", "note", f"cannot be kept: {folder} is not writable", "set NUMBA_CACHE_DIR to a folder"
    )


def gpu() -> Finding:
    """Whether there is an NVIDIA graphics processor; only the training of networks will use one."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return Finding("GPU", "good", "none; the engine does not need one")
    asked = subprocess.run([program, "-L"], capture_output=True, text=True, check=False, timeout=20)
    if asked.returncode:
        return Finding("GPU", "note", "nvidia-smi fails", "check the driver, or go on without: the engine needs none")
    return Finding("GPU", "good", asked.stdout.strip().split(" (UUID")[0] + "; the engine does not need it")
