"""A working folder, and what PYTHON* names, runs no code: not in the program, nor in a Python that it starts."""

import json
import os
import subprocess
import sys
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path

import pytest

from conftest import FAST, clean_environ
from handrail.interpreter import isolated, own_folders, own_path, without_python_settings
from handrail.operations.demo import Program
from handrail.sandbox import launcher

OTHERS = (
    *("moto", "flask", "flask_cors", "werkzeug", "jinja2", "botocore", "boto3", "s3transfer", "awscrt", "click"),
    *("yaml", "dotenv", "platformdirs", "jmespath", "dateutil", "urllib3", "requests", "responses", "xmltodict"),
    *("cryptography", "py_partiql_parser", "simplejson", "brotli", "sitecustomize", "usercustomize", "conftest"),
)


@cache
def loaded_by(*options: str) -> frozenset[str]:
    """Return the modules that an interpreter has loaded before it comes to anything of ours."""
    said = subprocess.run([sys.executable, *options], capture_output=True, text=True, check=True, cwd="/").stdout
    return frozenset(name.partition(".")[0] for name in said.split())


def plant(folder: Path, but: Collection[str] = ()) -> Path:
    """Fill a folder with modules that leave a mark when they are imported, and return where the marks are."""
    mark = folder.parent / f"{folder.name}.ran"
    folder.mkdir(exist_ok=True)
    for name in {*sys.stdlib_module_names, *OTHERS} - {*but}:
        (folder / f"{name}.py").write_text(f"open({str(mark)!r}, 'a').write(__name__ + chr(10))\n")
    if "handrail" not in but:
        for package in ("handrail", "moto"):
            (folder / package).mkdir(exist_ok=True)
            (folder / package / "__init__.py").write_text(f"open({str(mark)!r}, 'a').write(__name__ + chr(10))\n")
    (folder / "start.py").write_text(f"open({str(mark)!r}, 'a').write('PYTHONSTARTUP')\n")
    return mark


def ran(mark: Path) -> list[str]:
    """Return which of the planted modules were imported."""
    return mark.read_text().split() if mark.exists() else []


def run(command: Sequence[str], cwd: Path, home: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the program as a process, its sandbox in the home."""
    around = {**clean_environ(home), **FAST, "HANDRAIL_STATE_DIR": str(home / "sandbox"), **environ}
    return subprocess.run([*command], cwd=cwd, env=around, capture_output=True, text=True)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return an empty home."""
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_what_is_planted_does_run_where_it_may(tmp_path: Path) -> None:
    mark = plant(tmp_path / "repo")
    subprocess.run([sys.executable, "-c", "import secrets, moto, handrail"], cwd=tmp_path / "repo", check=True)
    assert {"secrets", "moto", "handrail"} <= {*ran(mark)}


@pytest.mark.parametrize("how", ["program", "module", "named", "empty", "startup"])
def test_a_cloned_repository_runs_nothing(how: str, tmp_path: Path, home: Path) -> None:
    """In the working folder and on PYTHONPATH, whichever way the program is started; the first command starts all."""
    repo = tmp_path / "repo"
    program = [str(Path(sys.executable).parent / "handrail")]
    environ = {
        "named": {"PYTHONPATH": str(repo)},
        "empty": {"PYTHONPATH": os.pathsep},
        "startup": {"PYTHONSTARTUP": str(repo / "start.py"), "PYTHONUSERBASE": str(repo), "PYTHONINSPECT": ""},
    }.get(how, {})
    # What the interpreter itself, its -m or the installed script look up first is over before any of our code runs.
    before: Collection[str] = ()
    if how == "module":
        program = [sys.executable, "-m", "handrail"]
        before = {*loaded_by("-c", "import runpy, pkgutil, sys; print(*sys.modules)"), "handrail"}
    elif how in ("named", "empty"):
        before = {*loaded_by("-c", "import re, sys; print(*sys.modules)"), "sitecustomize", "usercustomize", "handrail"}
    mark = plant(repo, before)
    try:
        done = run([*program, "ec2", "list"], repo, home, **environ)
        assert (done.returncode, ran(mark)) == (0, []), done.stderr
    finally:
        launcher.stop(home / "sandbox")
    if how == "program":
        done = run([*program, "policy", "show", "-o", "yaml"], repo, home)
        assert (done.returncode, ran(mark)) == (0, []), done.stderr


def test_the_tour_and_the_sandbox_hand_nothing_of_python_on(tmp_path: Path) -> None:
    mark = plant(tmp_path / "repo")
    names = ("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONPYCACHEPREFIX", "PYTHONPLATLIBDIR")
    hostile = dict.fromkeys(names, str(tmp_path / "repo"))
    hostile |= {"PYTHONSTARTUP": str(tmp_path / "repo" / "start.py"), "PYTHONINSPECT": "1"}
    (tmp_path / "world").mkdir()
    said: list[str] = []
    program = Program(tmp_path / "world", {**os.environ, **hostile})
    assert (program.run(("ec2", "list"), said.append), ran(mark)) == (0, []), said
    program.stop_sandbox()
    launcher.ensure(tmp_path / "sandbox", {**os.environ, **FAST, **hostile})
    launcher.stop(tmp_path / "sandbox")
    assert ran(mark) == []


def test_a_python_of_ours_has_the_folders_of_the_installation_and_no_other(tmp_path: Path) -> None:
    shown = "import json, os, sys; print(json.dumps([sys.path, os.getcwd(), sys.argv, sys.flags.no_site]))"
    command = isolated(shown, ["a word", "--all"], tmp_path)
    environ = without_python_settings({**os.environ, "PYTHONPATH": str(tmp_path), "__PYVENV_LAUNCHER__": "x"})
    bare = subprocess.run(
        [sys.executable, "-I", "-S", "-c", shown], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True, cwd=tmp_path)
    path, folder, words, no_site = json.loads(done.stdout)
    assert path == json.loads(bare.stdout)[0] + own_folders()
    assert (folder, words, no_site) == (str(tmp_path.resolve()), ["-c", "a word", "--all"], 1)


def make_package(folder: Path, *names: str) -> str:
    """Make importable names in a folder, and return it."""
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("")
    return str(folder)


def test_which_folders_belong_to_the_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = tmp_path / "work"
    own = make_package(work / "src", "handrail")
    needs = ("click", "botocore", "platformdirs", "dotenv")
    site = make_package(work / ".venv" / "site-packages", *needs)
    rest = make_package(tmp_path / "rest", "yaml")
    evil = make_package(tmp_path / "evil", "moto", "click", "awscrt")
    (work / "click.py").write_text("")
    monkeypatch.chdir(work)
    (tmp_path / "link").symlink_to(work)

    def kept(*path: str, pythonpath: Sequence[str] = ()) -> list[str]:
        return own_path(path, {"PYTHONPATH": os.pathsep.join(pythonpath)}, os.path.realpath(own))

    # The working folder under any name, relative folders and PYTHONPATH go; a checkout with its .venv stays.
    assert kept("", ".", "lib", str(work), str(tmp_path / "link"), own, site) == [own, site]
    assert kept(evil, own, site, pythonpath=[evil, ""]) == [own, site]
    # `pip install --target` and PYTHONPATH: what Handrail itself was loaded from stays where it is.
    assert kept(own, evil, site, pythonpath=[own, evil]) == [own, site]
    # What it can't do without stays too, behind everything else.
    assert kept(rest, own, site, pythonpath=[rest]) == [own, site, rest]
    monkeypatch.chdir(work / "src")
    assert kept("", str(work / "src"), site) == [own, site]
    monkeypatch.chdir(site)
    assert kept("", site, own) == [own, site]
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert kept("", own, site) == [own, site]
