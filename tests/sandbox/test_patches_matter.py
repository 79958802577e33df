"""Proves that each patch is needed: without it its tests fail. An upgrade of moto shows here what became obsolete."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from handrail.sandbox.fidelity import all_patches

HERE = Path(__file__).parent
FIDELITY = sorted(HERE.glob("test_*_fidelity.py"))


def test_every_fidelity_test_fails_without_the_patches(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-m", "patch", "-p", "no:cacheprovider", "-n", "0"]
    command.append(f"--confcutdir={HERE}")
    environ = {**os.environ, "HANDRAIL_SANDBOX_PATCHES_OFF": "all", "PYTEST_ADDOPTS": ""}
    for name in [name for name in environ if name.startswith(("PYTEST_XDIST", "COV_"))]:
        del environ[name]
    subprocess.run(
        [*command, f"--junitxml={report}", "--timeout=120", *map(str, FIDELITY)],
        env=environ,
        cwd=HERE.parents[1],
        capture_output=True,
        check=False,
    )
    cases = list(ElementTree.parse(report).iter("testcase"))
    assert len(cases) > 50
    needless = [case.get("name") for case in cases if case.find("failure") is None]
    assert needless == []


def test_every_patch_has_a_test(request: pytest.FixtureRequest) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in FIDELITY)
    untested = [patch.name for patch in all_patches() if f'patch("{patch.name}")' not in text]
    assert untested == []
    assert len({patch.name for patch in all_patches()}) == len(all_patches())
