// Sources of programs as Debian ships them: fetched once with apt, checked by it, and unpacked into the cache.
//
// Machines rarely list where sources are. So apt is given lists of its own, in the cache, made from the machine's: the
// same archive, asked for sources.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const MACHINE_LISTS = "/etc/apt/sources.list.d/debian.sources";
const OLD_MACHINE_LIST = "/etc/apt/sources.list";

const cacheFolder = join(import.meta.dirname, "..", "..", ".cache", "debian");

function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = process.env,
): void {
  execFileSync(command, args, { cwd, env, stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" });
}

/** Writes apt's settings and lists for sources, reads the archive's index, and returns the settings' path. */
function aptForSources(): string {
  const apt = join(cacheFolder, "apt");
  const settings = join(apt, "apt.conf");
  if (existsSync(settings)) return settings;
  const scratch = `${apt}-new`;
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(join(scratch, "lists"), { recursive: true });
  // One file or the other holds the machine's lists, each in a form of its own.
  const modern = existsSync(MACHINE_LISTS);
  const lists = readFileSync(modern ? MACHINE_LISTS : OLD_MACHINE_LIST, "utf8");
  const sources = modern
    ? lists.replaceAll(/^Types: .*$/gm, "Types: deb-src")
    : lists.replaceAll(/^deb /gm, "deb-src ");
  const file = modern ? "debian.sources" : "sources.list";
  writeFileSync(join(scratch, file), sources);
  const conf = (folder: string): string =>
    `Dir::Etc::sourcelist "${folder}/${file}";\nDir::Etc::sourceparts "-";\nDir::State::lists "${folder}/lists";\n`;
  writeFileSync(join(scratch, "apt.conf"), conf(scratch));
  run("apt-get", ["update", "-qq"], scratch, { ...process.env, APT_CONFIG: join(scratch, "apt.conf") });
  // Whole or not at all: what stopped halfway is made anew.
  writeFileSync(join(scratch, "apt.conf"), conf(apt));
  rmSync(apt, { recursive: true, force: true });
  renameSync(scratch, apt);
  return settings;
}

/** The folder of a Debian source package, as its authors released it: fetched and unpacked if that was not done before. */
export function debianSource(packageName: string): string {
  const place = join(cacheFolder, packageName);
  if (!existsSync(place)) {
    const settings = aptForSources();
    const scratch = `${place}-new`;
    rmSync(scratch, { recursive: true, force: true });
    mkdirSync(scratch);
    const env = { ...process.env, APT_CONFIG: settings };
    run("apt-get", ["source", "--download-only", "-qq", packageName], scratch, env);
    const archive = readdirSync(scratch).find((name) => /[.]orig[.]tar[.][a-z0-9]+$/.test(name));
    if (archive === undefined) throw new Error(`Debian's source of ${packageName} holds no released archive`);
    run("tar", ["--extract", "--file", archive], scratch);
    renameSync(scratch, place);
  }
  const folder = readdirSync(place, { withFileTypes: true }).find((entry) => entry.isDirectory());
  return join(place, folder!.name);
}
