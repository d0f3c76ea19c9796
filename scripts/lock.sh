#!/usr/bin/env bash
# Writes package-lock.json anew from the manifests alone: `npm run lock` after any change of a dependency.
#
# npm copies what it finds in node_modules into the lock file, and that has no digests and lacks the binaries
# of other platforms; so the work is done in an empty folder.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp --parents package.json .npmrc packages/*/package.json bench/package.json examples/package.json packages/lab/bin/kmem.js "$scratch"
(cd "$scratch" && npm install --package-lock-only --ignore-scripts && npm ci --dry-run --ignore-scripts >/dev/null)
cp "$scratch/package-lock.json" package-lock.json
