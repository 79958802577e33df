"""Uploads and listings as programs of their own: what arrives is byte-equal, and memory does not grow with it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from conftest import Handrail, Sandbox

sys.path.append(str(Path(__file__).resolve().parents[1] / "s3"))
from wire import Wire, listing

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


ROOT = Path(__file__).resolve().parents[2]
OWN = ("src", "tests", "docs", "bench", "tools", "pyproject.toml", "README.md")
ROOM = 1.8  # times the memory of an empty listing: what an upload may take, whatever is uploaded


def make_files(folder: Path) -> dict[str, Path]:
    """Return what is to be uploaded, by its key: this project's own tree, small files, an empty and a large one."""
    for name in OWN:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / "own" / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        else:
            shutil.copyfile(ROOT / name, folder / "own" / name)
    (folder / "small").mkdir()
    for number in range(300):
        (folder / "small" / f"{number:03d} ü.txt").write_bytes(f"file {number} ".encode() * number)
    (folder / "empty").touch()
    block = os.urandom(MIB - 8)
    (folder / "large").write_bytes(b"".join(number.to_bytes(8, "big") + block for number in range(64)))
    return {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}


def test_everything_arrives_as_it_is_in_bounded_memory(
    handrail: Handrail, sandbox: Sandbox, unique: Callable[[str], str]
) -> None:
    name = unique("bulk")
    handrail.ok("s3", "create", name)
    folder = handrail.cwd / "all"
    files = make_files(folder)
    most = peak(handrail, "s3", "objects", name) * ROOM
    assert peak(handrail, "s3", "upload", name, "all/own", "--prefix", "own/") < most
    assert peak(handrail, "s3", "upload", name, "all/small", "--prefix", "small/") < most
    assert peak(handrail, "s3", "upload", name, "all/empty", "all/large") < most

    s3 = sandbox.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=name)
    assert sorted(one["Key"] for page in pages for one in page["Contents"]) == sorted(files)
    for key, path in files.items():
        assert s3.get_object(Bucket=name, Key=key)["Body"].read() == path.read_bytes(), key


def test_a_long_listing_streams(handrail: Handrail, sandbox: Sandbox, unique: Callable[[str], str]) -> None:
    name = unique("long")
    handrail.ok("s3", "create", name)
    peaks = []
    for total in (2_000, 30_000):
        with Wire(sandbox.running.endpoint, listing(total)) as wire:
            peaks.append(peak(handrail, "s3", "objects", name, "-o", "json", AWS_ENDPOINT_URL=wire.endpoint))
            assert sum("list-type=2" in request.query for request in wire.requests) == total // 1000
    assert peaks[1] < peaks[0] + 8
