#!/usr/bin/env bash
# Compiles tlsf.as to tlsf.wasm in the current folder. The source has another ending than AssemblyScript wants,
# since it is no TypeScript to the tools of this repository.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cp "$here/tlsf.as" tlsf.ts
node "$here/../../node_modules/assemblyscript/bin/asc.js" tlsf.ts --optimize --noAssert --runtime minimal \
  --importMemory --maximumMemory 65536 --outFile tlsf.wasm
