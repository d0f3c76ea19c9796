#!/usr/bin/env bash
# Compiles replay.c to bench/build/replay. The allocator under test comes in at run time by LD_PRELOAD,
# so the compiler must not know malloc and free as built-ins: it could drop or merge calls.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$here/../build"
"${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -Werror -fno-builtin \
  -o "$here/../build/replay" "$here/replay.c" -ldl
