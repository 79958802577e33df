"""A pytest plugin: a test may be skipped only if `tests/skips.txt` names it; any other skip fails the run.

Loaded by `-p skip_list` in pyproject.toml, so that it also sees what is skipped while tests are collected.
"""

from pathlib import Path

import pytest

LIST = Path(__file__).with_name("skips.txt")


def allowed_skips() -> dict[str, str]:
    """Return the reason of each test that may be skipped, by node id. A line is `node id  # reason`."""
    rows = (line.partition("#") for line in LIST.read_text(encoding="utf-8").splitlines())
    return {node.strip(): reason.strip() for node, _, reason in rows if node.strip()}


class SkipList:
    """Collects what is skipped, on the side that reports (with xdist: the controller)."""

    def __init__(self) -> None:
        self.allowed = allowed_skips()
        self.unlisted: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """See a test that was skipped; an expected failure is none."""
        if report.skipped and not hasattr(report, "wasxfail"):
            self._judge(report.nodeid, _reason(report))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """See a whole module that was skipped."""
        if report.skipped:
            self._judge(report.nodeid, _reason(report))

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Fail a run that would have passed."""
        if self.unlisted and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name the skips that nobody agreed to."""
        if self.unlisted:
            terminalreporter.section("skips that tests/skips.txt does not list", red=True, bold=True)
            for node, reason in self.unlisted.items():
                terminalreporter.line(f"{node}  # {reason}")

    def _judge(self, node: str, reason: str) -> None:
        if node not in self.allowed:
            self.unlisted[node] = reason


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    # Of a skip, longrepr is (path, line, reason).
    found = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
    return found.removeprefix("Skipped: ")


def pytest_configure(config: pytest.Config) -> None:
    """Watch the run."""
    config.pluginmanager.register(SkipList(), "handrail-skip-list")
