/** Programs to begin with; two of them are the pictures of a lecture on these allocators. */
import type { Program } from "./program.ts";

/** A program with its story. */
export interface Preset {
  readonly name: string;
  readonly title: string;
  readonly text: string;
  readonly program: Program;
  /** How many blocks of the tower are broken, used and free after the last step: the text says it, a test holds it. */
  readonly counts: { readonly broken: number; readonly used: number; readonly free: number };
}

/** The programs that the page offers. */
export const PRESETS: readonly Preset[] = [
  {
    name: "lecture-buddy",
    title: "Buddy allocator: nine free lists",
    text:
      "256 pages, so nine sizes from 2⁰ to 2⁸ pages and nine free lists. The lists of 2⁸ and 2⁷ are empty: the whole " +
      "and both its halves had to be broken. Every smaller list has a block, that of 2² has two. 14 blocks are broken " +
      "(black), 7 are used (coloured), 8 are free (white).",
    counts: { broken: 14, used: 7, free: 8 },
    program: {
      space: { kind: "pages", pageSize: 4096, pageCount: 256 },
      steps: [
        "a = block 0",
        "b = block 6",
        "c = block 5",
        "d = block 5",
        "e = block 2",
        "f = block 2",
        "g = block 3",
        "h = block 4",
        "i = block 5",
        "free b",
        "free e",
      ],
    },
  },
  {
    name: "lecture-slabs",
    title: "Slabs on a buddy allocator",
    text:
      "Two caches and a large object share 32 pages. Each slab is a block of the buddy allocator, cut into slots of one size; " +
      "a slab's bitmap says which slots are objects. 8 blocks are broken, 5 used (three slabs, and two that make up the run of 5 pages), 4 free.",
    counts: { broken: 8, used: 5, free: 4 },
    program: {
      space: { kind: "heap", pageSize: 4096, pageCount: 32 },
      steps: [
        "cache inode 600",
        "cache dentry 192",
        "i1 = inode",
        "i2 = inode",
        "d1 = dentry",
        "big = malloc 20000",
        "i3 = inode",
        "i4 = inode",
        "i5 = inode",
        "i6 = inode",
        "i7 = inode",
        "d2 = dentry",
        "d3 = dentry",
        "free i2",
        "free d1",
      ],
    },
  },
  {
    name: "worst-case",
    title: "Half free, and nothing large to be had",
    text: "Every second page is freed. Half of the space is free, but no two free pages are buddies: a request for two pages fails. 15 blocks are broken, 8 used, 8 free.",
    counts: { broken: 15, used: 8, free: 8 },
    program: {
      space: { kind: "pages", pageSize: 4096, pageCount: 16 },
      steps: [
        ...Array.from({ length: 16 }, (_, index) => `p${index} = block 0`),
        ...Array.from({ length: 8 }, (_, index) => `free p${2 * index + 1}`),
        "x = block 1",
      ],
    },
  },
];
