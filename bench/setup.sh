#!/usr/bin/env bash
# Installs what the benchmarks compare kmem with, from Debian's packages, and compiles the replay program.
# Does nothing twice; needs root (or sudo) only when a package is missing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

packages=(gcc libc6-dev libmimalloc2.0 libtcmalloc-minimal4 libjemalloc2 util-linux)
missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
  echo "bench: installing ${missing[*]}"
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

bash "$here/native/build.sh"
echo "bench: ready"
