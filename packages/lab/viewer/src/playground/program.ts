/**
 * A program for the playground: a space, and steps in words of one line each. As text it stands in the page's URL.
 *
 *     a = block 3         a block of 2^3 pages                (a space of pages)
 *     b = pages 5         a run of 5 pages                    (a space of pages)
 *     c = malloc 100      100 bytes                           (a heap)
 *     cache inode 600     a cache of objects of 600 bytes     (a heap)
 *     d = inode           an object of that cache             (a heap)
 *     free a              what a names goes back
 */

/** What a program runs on. */
export interface Space {
  readonly kind: "pages" | "heap";
  readonly pageSize: number;
  readonly pageCount: number;
}

/** A space and what is done in it. */
export interface Program {
  readonly space: Space;
  readonly steps: readonly string[];
}

/** What a step says. */
export type Command =
  | { readonly kind: "block"; readonly name: string; readonly order: number }
  | { readonly kind: "pages"; readonly name: string; readonly count: number }
  | { readonly kind: "malloc"; readonly name: string; readonly bytes: number }
  | { readonly kind: "cache"; readonly name: string; readonly objectSize: number }
  | { readonly kind: "object"; readonly name: string; readonly cache: string }
  | { readonly kind: "free"; readonly name: string };

/** A step or space that cannot be read; the message says what is allowed. */
export class ProgramError extends Error {
  override readonly name = "ProgramError";
}

const NAME = "[A-Za-z][\\w-]{0,23}";
const ASSIGNMENT = new RegExp(`^(${NAME})\\s*=\\s*(${NAME})(?:\\s+(\\d{1,15}))?$`);
const CACHE = new RegExp(`^cache\\s+(${NAME})\\s+(\\d{1,15})$`);
const FREE = new RegExp(`^free\\s+(${NAME})$`);
const WORDS = new Set(["block", "pages", "malloc", "cache", "free"]);

/** The most pages of a playground: as many as a tower shows. */
const MAX_PAGES = 512;
/** The most steps of a program. */
export const MAX_STEPS = 400;
/** The smallest and largest page, in bytes. A heap's pages have 256 at least, to hold slots. */
const PAGE_SIZES = { least: 16, leastOfHeap: 256, most: 65_536 };

/** Reads a step. Throws a ProgramError. */
export function parseStep(text: string, { kind }: Space): Command {
  const line = text.trim();
  const [, freed] = FREE.exec(line) ?? [];
  if (freed !== undefined) return { kind: "free", name: freed };
  const [, cacheName, objectSize] = CACHE.exec(line) ?? [];
  if (cacheName !== undefined && kind === "heap")
    return { kind: "cache", name: named(cacheName), objectSize: Number(objectSize) };
  const [, name, word, number] = ASSIGNMENT.exec(line) ?? [];
  if (name !== undefined && word !== undefined) {
    named(name);
    const value = Number(number);
    if (kind === "pages" && word === "block" && number !== undefined)
      return { kind: "block", name, order: value };
    if (kind === "pages" && word === "pages" && number !== undefined)
      return { kind: "pages", name, count: value };
    if (kind === "heap" && word === "malloc" && number !== undefined)
      return { kind: "malloc", name, bytes: value };
    if (kind === "heap" && !WORDS.has(word) && number === undefined)
      return { kind: "object", name, cache: word };
  }
  const allowed =
    kind === "pages"
      ? "“a = block 3”, “a = pages 5” or “free a”"
      : "“a = malloc 100”, “cache inode 600”, “a = inode” or “free a”";
  throw new ProgramError(`“${line}” is no step here. Allowed are ${allowed}.`);
}

function named(name: string): string {
  if (WORDS.has(name)) throw new ProgramError(`“${name}” is a word of the language and cannot be a name.`);
  return name;
}

/** Checks a space. Throws a ProgramError. */
export function checkSpace({ kind, pageSize, pageCount }: Space): void {
  const least = kind === "heap" ? PAGE_SIZES.leastOfHeap : PAGE_SIZES.least;
  if (!Number.isInteger(Math.log2(pageSize)) || pageSize < least || pageSize > PAGE_SIZES.most) {
    throw new ProgramError(
      `A page has ${least} to ${PAGE_SIZES.most} bytes, a power of two; ${pageSize} is not.`,
    );
  }
  if (!Number.isInteger(pageCount) || pageCount < 1 || pageCount > MAX_PAGES) {
    throw new ProgramError(`A playground has 1 to ${MAX_PAGES} pages; ${pageCount} is not.`);
  }
}

/** A program as the part of a URL behind the "#". */
export function programToHash({ space, steps }: Program): string {
  const fields = new URLSearchParams({
    view: "playground",
    space: space.kind,
    page: String(space.pageSize),
    pages: String(space.pageCount),
    steps: steps.join(";"),
  });
  return `#${fields.toString()}`;
}

/** The program in a URL's hash, or null when there is none. Throws a ProgramError for one that is no good. */
export function programFromHash(hash: string): Program | null {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const kind = fields.get("space");
  if (fields.get("view") !== "playground" || kind === null) return null;
  if (kind !== "pages" && kind !== "heap")
    throw new ProgramError(`A space is “pages” or “heap”; “${kind}” is not.`);
  const space: Space = { kind, pageSize: Number(fields.get("page")), pageCount: Number(fields.get("pages")) };
  checkSpace(space);
  const steps = (fields.get("steps") ?? "").split(";").filter((step) => step.trim() !== "");
  if (steps.length > MAX_STEPS)
    throw new ProgramError(`A program has at most ${MAX_STEPS} steps; this has ${steps.length}.`);
  for (const step of steps) parseStep(step, space);
  return { space, steps };
}
