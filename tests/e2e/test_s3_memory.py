"""Uploads and listings as programs of their own: what arrives is byte-equal, and memory does not grow with it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from conftest import Handrail, Sandbox

sys.path.append(str(Path(__file__).resolve().parents[1] / "s3"))
from wire import listing, wired

MIB = 1 << 20
WATCH = (
    "import resource,subprocess,sys;"
    "code=subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL).returncode;"
    "print(code,resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss//1024,file=sys.stderr)"
)


def peak(handrail: Handrail, *words: str, **environ: str) -> int:
    """Run the program as a process of its own; return its peak memory in MiB."""
    program = [sys.executable, "-c", WATCH, sys.executable, "-m", "handrail", "--target", "sandbox", *words]
    around = {**handrail.environ, **environ}
    done = subprocess.run(program, env=around, cwd=handrail.cwd, stderr=subprocess.PIPE, text=True)
    code, size = done.stderr.splitlines()[-1].split()
    assert code == "0", done.stderr
    return int(size)


def test_many_and_large_files_arrive_in_bounded_memory(
    handrail: Handrail, sandbox: Sandbox, unique: Callable[[str], str]
) -> None:
    name = unique("bulk")
    handrail.ok("s3", "create", name)
    root = Path(__file__).resolve().parents[2] / "src"
    large = handrail.cwd / "large.bin"
    large.write_bytes(os.urandom(MIB) * 96)
    little = peak(handrail, "s3", "objects", name)
    tree = peak(handrail, "s3", "upload", name, str(root), "--exclude", "*__pycache__")
    assert peak(handrail, "s3", "upload", name, str(large)) < little + 64, "96 MiB are sent, and never held"
    assert tree < little + 64

    s3 = sandbox.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=name)
    keys = {one["Key"] for page in pages for one in page["Contents"]}
    files = {
        str(path.relative_to(root)): path
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert keys == {*files, "large.bin"}
    for key, path in {**files, "large.bin": large}.items():
        assert s3.get_object(Bucket=name, Key=key)["Body"].read() == path.read_bytes(), key


def test_a_long_listing_streams(handrail: Handrail, sandbox: Sandbox, unique: Callable[[str], str]) -> None:
    name = unique("long")
    handrail.ok("s3", "create", name)
    peaks = []
    for total in (2_000, 30_000):
        with wired(sandbox.running.endpoint, listing(total)) as wire:
            peaks.append(peak(handrail, "s3", "objects", name, "-o", "json", AWS_ENDPOINT_URL=wire.endpoint))
            assert sum("list-type=2" in request.query for request in wire.requests) == total // 1000
    assert peaks[1] < peaks[0] + 8
