"""Measures uploads and a long listing as programs of their own: seconds, and the peak memory of each.

Run: python bench/s3_memory.py [FOLDER]. Needs the sandbox extra and 3 GB of disk. Prints a Markdown table. What arrived
is compared with the files, their names, number and every byte, by a client that is not Handrail's.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.session import Session

from handrail.sandbox import launcher

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests")]

from wire import Wire, listing  # noqa: E402

MIB = 1 << 20
BUCKET = "bench-bucket"
PROGRAM = [sys.executable, "-m", "handrail", "--target", "sandbox"]
WATCH = (
    "import resource,subprocess,sys,time;t=time.monotonic();"
    "code=subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL).returncode;"
    "print(code,time.monotonic()-t,resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss,file=sys.stderr)"
)


def foreign_client(state: Path, endpoint: str) -> Any:
    """Return a stranger's client."""
    keys = launcher.keys_for(state, "stranger")
    session = Session()
    session.set_credentials(keys.access_key_id, keys.secret_access_key)
    return session.create_client("s3", "us-east-1", endpoint_url=endpoint)


def measure(environ: dict[str, str], *words: str, stdin: Path | None = None) -> tuple[float, float]:
    """Run the program; return seconds and MiB at its peak."""
    with (stdin or Path(os.devnull)).open("rb") as stream:
        command = [sys.executable, "-c", WATCH, *PROGRAM, *words]
        done = subprocess.run(command, env=environ, stdin=stream, stderr=subprocess.PIPE, text=True)
    code, seconds, kilobytes = done.stderr.splitlines()[-1].split()
    if code != "0":
        raise SystemExit(done.stderr)
    return float(seconds), int(kilobytes) / 1024


def copy_tree(to: Path) -> Path:
    """Copy what git keeps of this project, so that it stays as it is while it is measured."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, to / name)
    return to


def make_files(folder: Path) -> Iterator[tuple[str, list[str], Path | None]]:
    """Yield what is to be uploaded: its name, the words of the command, standard input."""
    empty = folder / "empty"
    empty.touch()
    yield "0-byte file", [str(empty)], None
    small = folder / "small"
    small.mkdir()
    for number in range(5000):
        (small / f"{number:05d}.txt").write_bytes(f"file {number}".encode() * 100)
    yield "5,000 small files", [str(small), "--prefix", "small/"], None
    yield "this project's own tree", [str(copy_tree(folder / "tree")), "--prefix", "tree/"], None
    big = folder / "big"
    block = os.urandom(MIB - 8)
    with big.open("wb") as stream:
        for number in range(1024):
            stream.write(number.to_bytes(8, "big") + block)  # no two alike, or parts could change places unseen
    yield "1 GiB file", [str(big)], None
    yield "1 GiB from standard input", ["-", "--key", "stdin"], big


def compare(client: Any, words: list[str], stdin: Path | None) -> int:
    """Compare every file with its object; return how many there were. Ends the program where one differs or lacks."""
    if stdin is not None:
        pairs = [(stdin, words[-1])]
    elif len(words) == 1:
        pairs = [(Path(words[0]), Path(words[0]).name)]
    else:
        root, prefix = Path(words[0]), words[2]
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        keys = {one["Key"] for page in pages for one in page["Contents"]}
        files = {prefix + str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file()}
        if keys != set(files):
            raise SystemExit(f"not the same files and objects: {sorted(keys ^ set(files))[:5]}")
        pairs = [(path, key) for key, path in files.items()]
    for path, key in pairs:
        body = client.get_object(Bucket=BUCKET, Key=key)["Body"]
        with path.open("rb") as stream:
            while block := stream.read(MIB):
                if body.read(len(block)) != block:
                    raise SystemExit(f"{path} differs")
            if body.read(1):
                raise SystemExit(f"{path} is longer in the bucket")
    return len(pairs)


def main() -> None:
    """Measure everything and print it."""
    folder = Path(tempfile.mkdtemp(dir=sys.argv[1] if len(sys.argv) > 1 else None))
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "USER": "bench", "LOGNAME": "bench"}
    environ |= {"HANDRAIL_STATE_DIR": str(folder / "state"), "PYTHONPATH": str(ROOT / "src")}
    try:
        measure(environ, "s3", "create", BUCKET)
        baseline = measure(environ, "s3", "objects", BUCKET)
        running = launcher.ensure(folder / "state", environ)
        client = foreign_client(folder / "state", running.endpoint)
        print("| what | seconds | peak MiB |\n| --- | ---: | ---: |")
        print(f"| an empty listing | {baseline[0]:.1f} | {baseline[1]:.0f} |")
        for name, words, stdin in make_files(folder):
            seconds, peak = measure(environ, "s3", "upload", BUCKET, *words, stdin=stdin)
            print(f"| {name} | {seconds:.1f} | {peak:.0f} |", flush=True)
            print(f"  {compare(client, words, stdin):,} compared", file=sys.stderr)
        with Wire(running.endpoint, listing(1_000_000)) as wire:
            around = {**environ, "AWS_ENDPOINT_URL": wire.endpoint}
            seconds, peak = measure(around, "s3", "objects", BUCKET, "-o", "csv")
        print(f"| 1,000,000 keys listed | {seconds:.1f} | {peak:.0f} |")
        print(f"\nServer and proxy of the listing: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")
    finally:
        subprocess.run([*PROGRAM, "sandbox", "stop"], env=environ, capture_output=True)
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
