"""A file whose absence has a meaning is read, or the command stops, whatever stands in its place."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conftest import Done, Handrail, clean_environ

Form = Callable[[Path], None]


def dangling(path: Path) -> None:
    path.symlink_to("gone")


def circle(path: Path) -> None:
    path.symlink_to(path.name)


def folder(path: Path) -> None:
    path.mkdir()


def pipe(path: Path) -> None:
    os.mkfifo(path)


def listening(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the address of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(here)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def broken(path: Path) -> None:
    path.symlink_to("/proc/self/mem")


def locked(path: Path) -> None:
    path.write_text("")
    path.chmod(0)


def under_a_file(path: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))
    path.parent.write_text("")


def under_nothing(path: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))
    path.parent.symlink_to("gone")


def under_lock(path: Path) -> None:
    path.parent.chmod(0o600)


FORMS = (dangling, circle, folder, pipe, listening, endless, broken, locked)
ABOVE = (under_a_file, under_nothing, under_lock)

OWN = {"policy.toml": "config/handrail", "handrail.toml": "config/handrail", "settings.toml": "config/handrail"}
CASES = [
    *((form, where, name) for form in (*FORMS, *ABOVE) for name, where in OWN.items()),
    *((form, where, "handrail.toml") for form in FORMS for where in ("work", "work/deep")),
    *((form, "work/deep", ".env") for form in FORMS),
]


@contextmanager
def bound_by_modes(home: Path) -> Iterator[None]:
    """Run as a user whom modes bind, if these tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    for folder in (home, *home.parents):
        if folder.stat().st_mode & 0o001 == 0:
            folder.chmod(folder.stat().st_mode | 0o011)
    for path in (home, *home.rglob("*")):
        os.chown(path, 65534, 65534, follow_symlinks=False)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def person(tmp_path: Path) -> Handrail:
    """Return the program in a folder below another, with a config folder of its own, and no sandbox yet."""
    deep, config, home = tmp_path / "work" / "deep", tmp_path / "config", tmp_path / "home"
    for folder in (deep, config / "handrail", home):
        folder.mkdir(parents=True)
    environ = clean_environ(home, XDG_CONFIG_HOME=str(config), HANDRAIL_STATE_DIR=str(tmp_path / "state"))
    return Handrail(environ, deep)


def stopped(person: Handrail, tmp_path: Path, form: Form, *words: str, **environ: str) -> Done:
    """Return what a command came to that must stop before it starts a sandbox."""
    if form in (locked, under_lock):
        with bound_by_modes(tmp_path):
            done = person("ec2", "list", *words, "-o", "json", **environ)
    else:
        done = person("ec2", "list", *words, "-o", "json", **environ)
    assert done.code == 2, done.err
    assert done.error["hint"]
    assert not (tmp_path / "state").exists()
    return done


@pytest.mark.parametrize(
    ("form", "where", "name"), CASES, ids=[f"{name} in {where}: {form.__name__}" for form, where, name in CASES]
)
def test_it_is_read_or_the_command_stops(person: Handrail, tmp_path: Path, form: Form, where: str, name: str) -> None:
    path = tmp_path / where / name
    form(path)
    said = stopped(person, tmp_path, form).error["message"]
    if form is under_lock:
        path.parent.chmod(0o700)
    assert str(path.parent if form in ABOVE else path) in said


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
@pytest.mark.parametrize("said", ["--policy", "HANDRAIL_POLICY"])
def test_a_policy_that_is_named_is_read_or_the_command_stops(
    person: Handrail, tmp_path: Path, form: Form, said: str
) -> None:
    path = tmp_path / "named.toml"
    form(path)
    if said == "--policy":
        done = stopped(person, tmp_path, form, "--policy", str(path))
    else:
        done = stopped(person, tmp_path, form, HANDRAIL_POLICY=str(path))
    assert str(path) in done.error["message"]
    assert said in done.error["hint"]


def test_what_is_not_there_is_not_missed_and_an_environment_of_python_named_env_is_none_of_ours(
    person: Handrail,
) -> None:
    person.ok("policy", "show")
    (person.cwd / ".env").mkdir()
    (person.cwd / ".env" / "pyvenv.cfg").write_text("")
    person.ok("policy", "check")
