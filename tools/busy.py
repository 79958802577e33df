"""Runs a command while so many processes do nothing but keep the machine busy: `tools/busy.py 5 -- make test`."""

import subprocess
import sys

SPIN = "while True: pass"


def main() -> int:
    """Run the command; return its exit code."""
    number, dashes, *command = sys.argv[1:]
    if not number.isdigit() or dashes != "--" or not command:
        sys.exit(__doc__)
    busy = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(int(number))]
    try:
        return subprocess.run(command, check=False).returncode
    finally:
        for one in busy:
            one.kill()


if __name__ == "__main__":
    sys.exit(main())
