// The lock file must install the same tree on every machine: no addresses of one registry, no paths of one
// machine, and an entry for every platform's binary (npm refuses `npm ci` when one is missing).

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly optionalDependencies?: Record<string, string>;
}

const text = readFileSync(new URL("../../package-lock.json", import.meta.url), "utf8");
const { packages } = JSON.parse(text) as { packages: Record<string, LockedPackage> };
const installed = Object.entries(packages).filter(([path]) => path.includes("node_modules/"));

test("no address of a registry is recorded", () => {
  const resolved = Object.values(packages).flatMap((entry) => entry.resolved ?? []);
  expect(resolved.filter((address) => !/^(packages\/|bench$|examples$)/.test(address))).toEqual([]);
});

test("no path of one machine is recorded", () => {
  expect(text).not.toMatch(/"(file:)?\/|[A-Z]:\\\\/);
});

test("every installed package is held by its digest", () => {
  const loose = installed.filter(([, entry]) => !entry.link && !entry.integrity).map(([path]) => path);
  expect(loose).toEqual([]);
});

test("every optional dependency of every package is locked", () => {
  const names = new Set(installed.map(([path]) => path.slice(path.lastIndexOf("node_modules/") + 13)));
  const missing = Object.values(packages)
    .flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}))
    .filter((name) => !names.has(name));
  expect(missing).toEqual([]);
});
