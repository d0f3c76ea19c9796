import { describe, expect, test } from "vitest";
import { BitTree, bitTreeWordCount } from "../../src/bits/bit-tree.ts";

/** Lengths on both sides of where a level fills a word, and where a level more begins. */
const LENGTHS = [1, 2, 31, 32, 33, 63, 64, 65, 1023, 1024, 1025, 1056, 1057, 2048, 32767, 32768, 32769];

/** Words around a tree that it must leave alone. */
const MARGIN = 3;
const FILL = 0x5a5a5a5a;

/** A tree in the midst of words that are not its own. */
function treeOf(length: number): { tree: BitTree; words: Int32Array } {
  const count = bitTreeWordCount(length);
  const words = new Int32Array(count + 2 * MARGIN).fill(FILL);
  words.fill(0, MARGIN, MARGIN + count);
  return { tree: new BitTree(words, MARGIN, length), words };
}

/** Members that lie where words and levels end, and some between. */
function membersUpTo(length: number): number[] {
  const wanted = new Set<number>();
  for (const edge of [0, 32, 64, 1024, 2048, 32768, length]) {
    for (let member = edge - 2; member <= edge + 1; member++) wanted.add(member);
  }
  for (let member = 5; member < length; member = member * 3 + 1) wanted.add(member);
  return [...wanted].filter((member) => member >= 0 && member < length).sort((a, b) => a - b);
}

/** Compares every question that a tree answers with a plain set. */
function expectSame(tree: BitTree, model: Set<number>, length: number): void {
  const sorted = [...model].sort((a, b) => a - b);
  if (sorted.length > 0) expect(tree.first()).toBe(sorted[0]);
  for (const place of membersUpTo(length)) {
    expect(tree.has(place), `has(${place})`).toBe(model.has(place));
    expect(tree.next(place), `next(${place})`).toBe(sorted.find((member) => member >= place) ?? -1);
    expect(tree.previous(place), `previous(${place})`).toBe(
      sorted.findLast((member) => member <= place) ?? -1,
    );
  }
}

describe.each(LENGTHS)("a tree for %i members", (length) => {
  test("is empty at first", () => {
    expectSame(treeOf(length).tree, new Set(), length);
  });

  test("agrees with a set while members at every edge come and go", () => {
    const { tree } = treeOf(length);
    const model = new Set<number>();
    const members = membersUpTo(length);
    for (const member of members) {
      tree.insert(member);
      model.add(member);
      expectSame(tree, model, length);
    }
    // Every second one first, so that gaps stay open between neighbours.
    for (const member of [
      ...members.filter((_, index) => index % 2 === 0),
      ...members.filter((_, index) => index % 2 === 1),
    ]) {
      tree.remove(member);
      model.delete(member);
      expectSame(tree, model, length);
    }
  });

  test("holds each single member, and finds it from both ends", () => {
    const { tree } = treeOf(length);
    for (const member of membersUpTo(length)) {
      tree.insert(member);
      expect([tree.first(), tree.next(0), tree.previous(length - 1)]).toEqual([member, member, member]);
      expect(tree.next(member + 1)).toBe(-1);
      if (member > 0) expect(tree.previous(member - 1)).toBe(-1);
      tree.remove(member);
      expect(tree.next(0)).toBe(-1);
    }
  });

  test("inserting twice and removing twice are as once", () => {
    const { tree, words } = treeOf(length);
    tree.insert(length - 1);
    const once = words.slice();
    tree.insert(length - 1);
    expect(words).toEqual(once);
    expect([tree.remove(length - 1), tree.remove(length - 1)]).toEqual([true, false]);
    expect(tree.next(0)).toBe(-1);
  });

  test("full, counts every member in order", () => {
    const { tree } = treeOf(length);
    for (let member = 0; member < length; member++) tree.insert(member);
    let count = 0;
    for (let member = tree.first(); member >= 0; member = tree.next(member + 1))
      count += member === count ? 1 : 0;
    expect(count).toBe(length);
    for (
      let member = tree.previous(length - 1);
      member >= 0;
      member = member === 0 ? -1 : tree.previous(member - 1)
    ) {
      count--;
    }
    expect(count).toBe(0);
  });

  test("finds nothing past its end", () => {
    const { tree } = treeOf(length);
    tree.insert(length - 1);
    for (const from of [length, length + 1, length + 31, length + 32, length + 1024, length * 2 + 32768]) {
      expect(tree.next(from), `next(${from})`).toBe(-1);
    }
  });

  test("writes no word but its own, and leaves them zero when emptied", () => {
    const { tree, words } = treeOf(length);
    for (const member of membersUpTo(length)) tree.insert(member);
    const outside = [...words.subarray(0, MARGIN), ...words.subarray(words.length - MARGIN)];
    expect(outside).toEqual(Array.from({ length: 2 * MARGIN }, () => FILL));
    for (const member of membersUpTo(length)) tree.remove(member);
    expect(words.subarray(MARGIN, -MARGIN).every((word) => word === 0)).toBe(true);
  });
});

test("a tree takes a word per 32 members of each level, up to one root", () => {
  expect([0, 1, 32, 33, 1024, 1025, 32768, 32769].map(bitTreeWordCount)).toEqual([
    1,
    1,
    1,
    2 + 1,
    32 + 1,
    33 + 2 + 1,
    1024 + 32 + 1,
    1025 + 33 + 2 + 1,
  ]);
});
