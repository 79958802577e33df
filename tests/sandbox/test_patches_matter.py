"""Proves that each patch is needed: without it its tests fail. An upgrade of moto shows here what became obsolete."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

from handrail.sandbox.fidelity import all_patches

from .playing import GIVEN_UP_AFTER

HERE = Path(__file__).parent
FIDELITY = sorted(HERE.glob("test_*_fidelity.py"))
EC2 = HERE / "test_ec2_fidelity.py"  # its patches are taken out one by one


def test_every_fidelity_test_fails_without_the_patches(tmp_path: Path) -> None:
    files = [file for file in FIDELITY if file != EC2]
    cases = run_spoilt(tmp_path / "report.xml", files, HANDRAIL_SANDBOX_PATCHES_OFF="all")
    assert len(cases) > 20
    assert [case.get("name") for case in cases if case.find("failure") is None] == []


def test_every_ec2_test_fails_without_the_one_patch_that_it_names(tmp_path: Path) -> None:
    cases = run_spoilt(tmp_path / "report.xml", [EC2], HANDRAIL_TEST_EACH_PATCH="1")
    assert len(cases) > 50
    assert [case.get("name") for case in cases if case.find("failure") is None] == []


def run_spoilt(report: Path, files: Sequence[Path], **settings: str) -> list[ElementTree.Element]:
    """Run the tests of patches with these settings, and return what became of each."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "patch", "-p", "no:cacheprovider", "-n", "0"]
    command.append(f"--confcutdir={HERE}")
    environ = {**os.environ, **settings, GIVEN_UP_AFTER: "5", "PYTEST_ADDOPTS": ""}
    for name in [name for name in environ if name.startswith(("PYTEST_XDIST", "COV_"))]:
        del environ[name]
    subprocess.run(
        [*command, f"--junitxml={report}", *map(str, files)],
        env=environ,
        cwd=HERE.parents[1],
        capture_output=True,
        check=False,
    )
    return list(ElementTree.parse(report).iter("testcase"))


def test_every_patch_has_a_test(request: pytest.FixtureRequest) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in FIDELITY)
    untested = [patch.name for patch in all_patches() if f'patch("{patch.name}")' not in text]
    assert untested == []
    assert len({patch.name for patch in all_patches()}) == len(all_patches())
