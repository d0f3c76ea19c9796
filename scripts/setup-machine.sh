#!/usr/bin/env bash
# Installs from Debian's packages what tests and benchmarks need of the machine, and only what is missing.
#
#   npm run setup                      everything
#   npm run setup -- browser model     only the named parts
#
# A part is what one kind of test needs; a test that finds its part missing says so, naming this command.
# Needs root (or sudo) only when a package is missing.
set -euo pipefail

declare -A PARTS=(
  [browser]="chromium fonts-dejavu-core libvulkan1" # pages in a real browser, WebGPU by SwiftShader
  [model]="spin gcc libc6-dev"           # the model of the shared heap's protocol
  [kernel]="trace-cmd tmux"              # recording a running kernel, programs in a real terminal
  [rivals]="gcc libc6-dev libmimalloc2.0 libtcmalloc-minimal4 libjemalloc2 util-linux" # what the benchmarks compare with
  [programs]="heaptrack"                 # recordings of programs, and the figures they are held against
  [wasm]="emscripten binaryen clang lld wasi-libc libclang-rt-dev-wasm32 make tcl xz-utils bzip2" # C compiled to WebAssembly
  [rust]="rustc libstd-rust-dev-wasm32 lld" # Rust compiled to WebAssembly
)

wanted=("$@")
[ ${#wanted[@]} -gt 0 ] || wanted=("${!PARTS[@]}")

missing=()
for part in "${wanted[@]}"; do
  if [ -z "${PARTS[$part]-}" ]; then
    echo "setup: no part \"$part\" (there are: ${!PARTS[*]})" >&2
    exit 2
  fi
  for package in ${PARTS[$part]}; do
    state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
  done
done

if [ ${#missing[@]} -gt 0 ]; then
  echo "setup: installing ${missing[*]}"
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
echo "setup: ready (${wanted[*]})"
