#!/usr/bin/env bash
# Installs what the benchmarks compare kmem with, from Debian's packages, and compiles the replay program.
# Does nothing twice; needs root (or sudo) only when a package is missing: see scripts/setup-machine.sh.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

bash "$here/../scripts/setup-machine.sh" rivals
bash "$here/native/build.sh"
echo "bench: ready"
