/**
 * Mutated images of heaps given to `loadHeap`: each is refused with a typed error, or opens to a heap whose check passes.
 *
 *     npm run fuzz:images -- [--seed N] [--images N]
 *
 * Prints how many were refused for which reason, and how many opened. A failure prints the command that does it again.
 */
import { parseArgs } from "node:util";
import { spoilImages, type Tally } from "../test/image/mutated-images.ts";

const DEFAULT_IMAGES = 100_000;

function show(value: number): string {
  return value.toLocaleString("en").padStart(8);
}

/** The most frequent first. */
function byCount(map: Map<string, number>): [string, number][] {
  return [...map].sort((a, b) => b[1] - a[1]);
}

function showProgress({ images }: Tally): void {
  process.stderr.write(`\r${show(images)} images`);
}

function report(tally: Tally, firstSeed: number, seconds: number): void {
  console.log(`${show(tally.images)} mutated images, of heaps from seed ${firstSeed} on`);
  for (const [kind, images] of byCount(tally.kinds)) console.log(`  ${show(images)}  by ${kind}`);
  console.log(`${show(tally.opened)} opened to heaps whose check() passes`);
  console.log(`${show(tally.images - tally.opened)} refused, for these reasons:`);
  for (const [reason, images] of byCount(tally.refused)) console.log(`  ${show(images)}  ${reason}`);
  console.log(
    `at most ${tally.mostBytesPerByte.toFixed(2)} bytes allocated for each byte of an image, beside a heap's tables`,
  );
  console.log(`${seconds.toFixed(0)} s`);
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0 && value < 2 ** 32) return value;
  throw new RangeError(`--${name} must be a positive integer, got "${text}"`);
}

function main(): void {
  const { values } = parseArgs({ options: { seed: { type: "string" }, images: { type: "string" } } });
  const firstSeed = positive("seed", values.seed ?? "1");
  const images = positive("images", values.images ?? String(DEFAULT_IMAGES));
  const start = performance.now();
  const tally = spoilImages(firstSeed, images, process.stderr.isTTY ? showProgress : undefined);
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  report(tally, firstSeed, (performance.now() - start) / 1000);
}

try {
  main();
} catch (error) {
  console.error((error as Error).message);
  console.error((error as Error).cause ?? "");
  process.exitCode = 1;
}
