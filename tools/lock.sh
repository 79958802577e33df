#!/bin/sh
# Writes requirements-dev.txt (the lock: every extra and everything for development) and requirements.txt, its part for
# running from a checkout. Pins that still fit stay as they are; `make lock ARGS=--upgrade` takes the newest that fit.
set -eu
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet 'uv>=0.9,<1'

# For every Python and platform at once; hashes only, so that it does not matter where the files come from.
compile() {
  "$tmp/venv/bin/uv" pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-header "$@"
}
compile --all-extras --group dev --output-file requirements-dev.txt ${ARGS:-}
compile --extra sandbox --group build --constraints requirements-dev.txt --output-file requirements.txt
