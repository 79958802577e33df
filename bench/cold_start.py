"""Times cold commands against `aws`: paired, interleaved in one run, in a sandbox of its own. Ratios, never limits.

make bench                runs 11 rounds
make bench ARGS=5         runs 5

One round runs every command once, in an order that is shuffled anew: whatever else the machine does falls on them all.
"""

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

BIN = Path(sys.executable).parent
ROUNDS = 11


@dataclass
class Contender:
    """A command line and the times that it took, in milliseconds."""

    name: str
    command: Sequence[str]
    times: list[float] = field(default_factory=list)

    def run(self, environ: Mapping[str, str], cwd: Path) -> None:
        """Run it once and keep the time. Raises CalledProcessError if it fails: a failure is no measurement."""
        begin = time.perf_counter()
        subprocess.run(self.command, env=environ, cwd=cwd, capture_output=True, check=True)
        self.times.append((time.perf_counter() - begin) * 1000)


def contenders() -> list[Contender]:
    """Return what is compared; the one that the ratios refer to stands last."""
    handrail, aws = str(BIN / "handrail"), [sys.executable, str(BIN / "aws")]
    return [
        Contender("python -c pass", [sys.executable, "-c", "pass"]),
        Contender("handrail --help", [handrail, "--help"]),
        Contender("handrail ec2 list", [handrail, "ec2", "list"]),
        Contender("handrail ec2 list -o json", [handrail, "ec2", "list", "-o", "json"]),
        Contender("aws ec2 describe-instances", [*aws, "ec2", "describe-instances"]),
    ]


def surroundings(folder: Path) -> dict[str, str]:
    """Return an environment in which `handrail` and `aws` speak to one sandbox in this folder, which it starts."""
    handrail = str(BIN / "handrail")
    plain = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "USER": "bench",
        "HANDRAIL_STATE_DIR": str(folder / "sandbox"),
    }
    exports = subprocess.run([handrail, "sandbox", "env"], env=plain, capture_output=True, text=True, check=True).stdout
    lines = (line.removeprefix("export ").partition("=") for line in exports.splitlines() if line.startswith("export "))
    return {**plain, **{name: value.strip("'") for name, _, value in lines}}


def report(rows: Sequence[Contender]) -> str:
    """Return a table: minimum, median and maximum of each, and what its median is to that of the last."""
    reference = statistics.median(rows[-1].times)
    lines = [f"{'ms':28}{'min':>8}{'median':>8}{'max':>8}{'ratio':>8}"]
    for row in rows:
        middle = statistics.median(row.times)
        figures = (f"{figure:8.0f}" for figure in (min(row.times), middle, max(row.times)))
        lines.append(f"{row.name:28}{''.join(figures)}{middle / reference:8.2f}")
    return "\n".join(lines)


def main(argv: Sequence[str]) -> None:
    """Measure and print."""
    rounds = int(argv[0]) if argv else ROUNDS
    rows = contenders()
    with tempfile.TemporaryDirectory(prefix="handrail-bench-") as name:
        folder = Path(name)
        environ = surroundings(folder)
        handrail = str(BIN / "handrail")
        try:
            for made in ("web", "api"):
                subprocess.run(
                    [handrail, "ec2", "create", "--name", made],
                    env=environ,
                    cwd=folder,
                    capture_output=True,
                    check=True,
                )
            for number in range(rounds + 1):
                for row in random.sample(rows, len(rows)):
                    row.run(environ, folder)
                    if number == 0:
                        row.times.clear()  # the first round fills the caches of the disk
        finally:
            subprocess.run([handrail, "sandbox", "stop"], env=environ, cwd=folder, capture_output=True, check=True)
    print(f"{rounds} rounds, interleaved; Python {sys.version.split()[0]}, {os.cpu_count()} cores, two instances")
    print(report(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
