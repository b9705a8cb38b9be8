"""``ppt2v doctor``: what is installed, what is broken, and how to mend it."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from ppt2v.cache import default_folder
from ppt2v.environment import versions
from ppt2v.environment.homes import can_be_written
from ppt2v.environment.openvino import unreported
from ppt2v.environment.shipped import PACKAGE
from ppt2v.environment.threads import cores
from ppt2v.environment.versions import PADDLES, version_of
from ppt2v.errors import InputError
from ppt2v.language import translated, words
from ppt2v.models.sources import catalogue, downloads, locate
from ppt2v.version import __version__

# Modules by the name of their distribution, where the two differ.
_MODULES = {
    "Jinja2": "jinja2",
    "opencv-contrib-python-headless": "cv2",
    "Pillow": "PIL",
    "PyYAML": "yaml",
    "paddlepaddle": "paddle",
    "paddlepaddle-gpu": "paddle",
    "scikit-image": "skimage",
}
# Needed on every Python; where pip could not install what they ask for, ppt2v's metadata leaves them to the README.
_NEEDED_EVERYWHERE = {"paddlenlp", "ppdiffusers"}

# What an import fails with, and what mends it; the first match counts.
_REMEDIES = (
    (
        r"libGL\.so|libgthread",
        "pip uninstall -y opencv-python; pip install --force-reinstall --no-deps opencv-contrib-python-headless",
    ),
    (r"No module named 'pkg_resources'", 'pip install "setuptools<81"'),
    (r"libgomp\.so", "apt-get install libgomp1"),
    (r"GLIBCXX|GLIBC_", "use a newer Linux distribution: this one's C library is older than the package needs"),
)
_ONE_PADDLE = "pip uninstall -y paddlepaddle; pip install --force-reinstall --no-deps paddlepaddle-gpu"
_AGAIN = "ppt2v doctor   (look again)"
_NEW_CACHE = "export PPT2V_CACHE=/a/folder/with/room"
_REINSTALL = 'pip install --force-reinstall --no-deps ".[cpu]"   (in the source folder of ppt2v)'


class Finding(NamedTuple):
    """One thing that was looked at. remedy: what to do about it; None where it is in order."""

    subject: str
    found: str
    remedy: str | None = None


def examine() -> list[Finding]:
    """Looks at Python, the packages, the device, the threads, video and the embedded model; takes some seconds."""
    requirements = _requirements()
    modules = [_module(requirement) for requirement in requirements]
    trials = _try([*modules, *_TRIALS])
    unmet = any(_unmet(requirement) for requirement in requirements)
    packages = [_package(requirement, trials[module], unmet) for requirement, module in zip(requirements, modules)]
    if all(map(version_of, PADDLES)):
        packages.append(Finding("paddle", translated("two builds over each other"), _ONE_PADDLE))
    broken = any(package.remedy for package in packages)
    others = [_trial(name, trials[name], broken) for name in _TRIALS]
    return [_python(), _ppt2v(), *packages, *others, _threads(), _cache(), _embedded(), *_damaged()]


def show(findings: list[Finding]) -> None:
    """Prints a table, and below it what to do, ready to be copied."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False)
    for finding in findings:
        broken = finding.remedy is not None
        state = Text(translated("broken" if broken else "ok"), "bold red" if broken else "green")
        table.add_row(Text(translated(finding.subject)), Text(finding.found), state)
    console = Console()
    console.print(table)
    remedies = sorted(
        {finding.remedy: None for finding in findings if finding.remedy}, key=_AGAIN.__eq__
    )  # that one last
    console.print(translated("To mend it:" if remedies else "All is well."))
    for remedy in remedies:
        console.print(Text(f"  {translated(remedy)}"), soft_wrap=True)


# The packages


def _requirements() -> list:
    """What ppt2v needs, by its own metadata: the Paddle that is installed (else its CPU build), then the others."""
    from packaging.requirements import Requirement

    try:
        every = [Requirement(line) for line in metadata.requires("ppt2v") or []]
    except metadata.PackageNotFoundError:
        return []
    paddle = versions.paddle()
    engines = {"openvino"} if paddle == "paddlepaddle" else set()
    chosen = [requirement for requirement in every if requirement.name in {paddle, *engines}]
    return chosen + [each for each in every if each.name in _NEEDED_EVERYWHERE or _asked_for(each)]


def _asked_for(requirement: Any) -> bool:
    """Whether pip installs it with ppt2v on this Python."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _module(requirement: Any) -> str:
    return _MODULES.get(requirement.name, requirement.name.replace("-", "_"))


def _unmet(requirement: Any) -> str | None:
    """What is wrong with the installed version, None where it is in the range."""
    version = version_of(requirement.name)
    if version is None:
        return translated("not installed")
    in_range = requirement.specifier.contains(version, prereleases=True)
    if in_range:
        return None
    return str(words("{version}, but ppt2v needs {needed}", version=version, needed=requirement.specifier))


def _package(requirement: Any, trial: dict[str, str], others_unmet: bool) -> Finding:
    name, version = requirement.name, version_of(requirement.name)
    unmet = _unmet(requirement)
    if unmet:
        alone = "--no-deps " if name in _NEEDED_EVERYWHERE and not _asked_for(requirement) else ""
        return Finding(name, unmet, f'pip install {alone}"{name}{requirement.specifier}"')
    if "found" in trial:
        return Finding(name, str(version))
    # A package outside its range breaks those that need it, and they need no mending of their own.
    again = _AGAIN if others_unmet else f'pip install --force-reinstall --no-deps "{name}=={version}"'
    found = words("{version}, does not import: {reason}", version=version, reason=trial["error"])
    return Finding(name, str(found), _remedy(trial["error"]) or again)


def _remedy(error: str) -> str | None:
    return next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, error)), None)


# What has to be tried out, in a process of its own: a broken binary package may end the process that imports it.


def _try(names: list[str]) -> dict[str, dict[str, str]]:
    """Tries each in turn: {"found": ...} where it works, {"error": ...} where not."""
    trials: dict[str, dict[str, str]] = {}
    code = "import sys; from ppt2v.cli.doctor import try_out; try_out(*sys.argv[1:])"
    while remaining := [name for name in names if name not in trials]:
        with tempfile.TemporaryDirectory() as folder:
            results = Path(folder) / "results"
            results.touch()
            command = [sys.executable, "-W", "ignore", "-c", code, str(results), *remaining]
            ended = subprocess.run(command, capture_output=True, cwd=folder).returncode
            done = dict(json.loads(line) for line in results.read_text(encoding="utf-8").splitlines())
        trials |= done
        if len(done) < len(remaining):
            trials[remaining[len(done)]] = {"error": f"it ends the process, with code {ended}"}
    return trials


def try_out(results: str, *names: str) -> None:
    """Tries each of ``_TRIALS`` or modules in turn and appends a line of JSON to the file ``results`` after each."""
    for name in names:
        try:
            outcome = {"found": _TRIALS[name]() if name in _TRIALS else _import(name)}
        except Exception as error:
            outcome = {"error": " ".join(f"{type(error).__name__}: {error}".split())[:300]}
        with open(results, "a", encoding="utf-8") as file:
            file.write(json.dumps([name, outcome]) + "\n")


def _import(name: str) -> str:
    with unreported():
        return str(getattr(importlib.import_module(name), "__version__", ""))


def _device() -> str:
    import paddle

    from ppt2v.environment.devices import device_name

    device = device_name(None)
    paddle.set_device(device)
    numbers = paddle.ones([64, 64])
    if (numbers @ numbers).numpy()[0, 0] != 64:
        raise ArithmeticError(f"a matrix product is wrong on {device}")
    if device == "cpu":
        blind = paddle.is_compiled_with_cuda()
        return f"cpu ({translated('a GPU build that sees no GPU' if blind else 'a CPU build of Paddle')})"
    count = paddle.device.cuda.device_count()
    return ", ".join(f"cuda:{number} {paddle.device.cuda.get_device_name(number)}" for number in range(count))


def _encoding() -> str:
    import numpy as np

    from ppt2v import video

    frames = np.full((4, 64, 64, 3), 128, np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        read = video.read(video.write(frames, Path(folder) / "trial.mp4", 4, {})).frames
    if read.shape != frames.shape or abs(read.astype(int) - 128).max() > 8:
        raise RuntimeError("a video comes back other than it was written")
    return translated("H.264 is written and read")


def _precision() -> str:
    from ppt2v.engine.choice import ROWS, choose
    from ppt2v.environment.devices import device_name

    choice = choose("auto", device := device_name(None), None)
    if choice.engine != "openvino":
        obstacle = f"; OpenVINO: {ROWS['openvino'].obstacle(device)}" if device == "cpu" else ""
        return f"{choice.precision} ({choice.engine}{obstacle})"
    from ppt2v.engine import precisions

    table = ", ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in precisions.measured().items())
    return str(words("{precision} (openvino; measured: {table})", precision=choice.precision, table=table))


_TRIALS: dict[str, Callable[[], str]] = {"device": _device, "video": _encoding, "precision": _precision}
_TRIAL_REMEDIES = {
    "device": "mend the GPU's driver, or hide the GPU: export CUDA_VISIBLE_DEVICES=",
    "video": "pip install --force-reinstall --no-deps av decord",
    "precision": "pip install --force-reinstall --no-deps openvino",
}


def _trial(name: str, trial: dict[str, str], packages_broken: bool) -> Finding:
    if "found" in trial:
        return Finding(name, trial["found"])
    return Finding(name, trial["error"], _AGAIN if packages_broken else _TRIAL_REMEDIES[name])


# The rest


def _python() -> Finding:
    return Finding("Python", f"{platform.python_version()}, {sys.executable}")


def _ppt2v() -> Finding:
    found = f"{__version__}, {PACKAGE}"
    if version_of("ppt2v") and importlib.util.find_spec("ppt2v.pipelines"):
        return Finding("ppt2v", found)
    return Finding("ppt2v", str(words("{found}, but not installed with pip", found=found)), _REINSTALL)


def _threads() -> Finding:
    threads = os.environ.get("OMP_NUM_THREADS", "1")  # what importing ppt2v sets unless the user did
    advice = words(" (OMP_NUM_THREADS says so; unset it to use all)") if threads != str(cores()) else ""
    found = words("{threads} for {cores} cores{advice}", threads=threads, cores=cores(), advice=advice)
    return Finding("threads", str(found))


def _cache() -> Finding:
    folder = default_folder()
    if can_be_written(folder):
        return Finding("cache", str(folder))
    found = words("{folder} cannot be written: networks are prepared anew in each process", folder=folder)
    return Finding("cache", str(found), _NEW_CACHE)


def _embedded() -> Finding:
    try:
        folder = locate.locate(catalogue.EMBEDDED)
        locate.check(folder)
    except InputError as error:
        return Finding("embedded model", str(error), _REINSTALL)
    return Finding("embedded model", str(folder))


def _damaged() -> list[Finding]:
    """The models in the caches of downloads that are passed over."""
    damaged = [each for source in downloads.PREFIXES for each in downloads.broken_folders(source)]
    return [
        Finding(
            "downloaded model",
            str(words("damaged: {why}", why=why)),
            str(words("rm -r {folder}   (it is downloaded again)", folder=shlex.quote(str(folder)))),
        )
        for folder, why in damaged
    ]
