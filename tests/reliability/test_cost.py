"""What the ledger costs a create: the calls that it adds, and the time, by pairs with and without it."""

import os
import statistics
import time
from collections import Counter
from pathlib import Path

import pytest

from conftest import FAST, Handrail, clean_environ, start_sandbox
from handrail.sandbox import launcher
from ledger.proxies import Watched

from .page import check_table, write_figures

PAIRS = int(os.environ.get("HANDRAIL_PAIRS", "3"))


def test_what_the_ledger_costs_per_create(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two accounts that are served as AWS is, under a policy that needs no ledger: one of them has one."""
    calls, times = {}, {}
    for kind in ("without", "with"):
        folder = tmp_path / kind
        sandbox = start_sandbox(folder / "state", HANDRAIL_SANDBOX_PENDING="0")
        proxy = Watched(sandbox.running.endpoint)
        (folder / "home").mkdir()
        (folder / "open.toml").write_text('preset = "open"\n')
        keys = launcher.keys_for(sandbox.state_dir, "dev-1")
        environ = {
            **FAST,
            **clean_environ(folder / "home"),
            "HANDRAIL_TARGET": "aws",
            "HANDRAIL_POLICY": str(folder / "open.toml"),
            "AWS_ENDPOINT_URL": proxy.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": keys.access_key_id,
            "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        }
        for name, value in environ.items():
            if name.startswith("AWS_"):
                monkeypatch.setenv(name, value)
        handrail = Handrail(environ, folder)
        if kind == "with":
            handrail.ok("init")
        handrail.ok("ec2", "create", "--name", "first", "--no-wait")
        spent = []
        for number in range(PAIRS):
            proxy.calls.clear()
            started = time.perf_counter()
            handrail.ok("ec2", "create", "--name", f"web-{number}", "--no-wait")
            spent.append(time.perf_counter() - started)
        calls[kind], times[kind] = Counter(call.name for call in proxy.calls), statistics.median(spent)
        proxy.close()
        launcher.stop(sandbox.state_dir)
    names = sorted({*calls["with"], *calls["without"]})
    cells = [(name, f"{kind} a ledger", str(calls[kind][name])) for name in names for kind in calls]
    cells += [("all", f"{kind} a ledger", str(calls[kind].total())) for kind in calls]
    check_table("calls per create", ["call", "without a ledger", "with a ledger"], cells, [*names, "all"])
    write_figures(
        "time per create",
        f"Median of {PAIRS} creates against the sandbox, both on one machine: {1000 * times['without']:.0f} ms without "
        f"a ledger, {1000 * times['with']:.0f} ms with one.",
    )
