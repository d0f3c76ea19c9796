import * as fc from "fast-check";
import { expect, test } from "vitest";
import { KeyTable } from "../../src/replay/key-table.ts";

test("does what a Map does", () => {
  // Few keys, so that they meet again; page-aligned and 53 bits wide, as the kernel's are.
  const key = fc.oneof(
    fc.nat(40).map((index) => index * 4096),
    fc.nat(40).map((index) => 2 ** 48 + 0x8881_0000_0000 + index * 4096),
    fc.nat(40).map((index) => Number.MAX_SAFE_INTEGER - index),
  );
  const step = fc.record({ key, isPut: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 600 }), (steps) => {
      const table = new KeyTable();
      const model = new Map<number, number>();
      for (const [piece, { key, isPut }] of steps.entries()) {
        const expected = model.get(key) ?? -1;
        if (isPut) {
          expect(table.put(key, piece)).toBe(expected);
          model.set(key, piece);
        } else {
          expect(table.take(key)).toBe(expected);
          model.delete(key);
        }
        expect(table.size).toBe(model.size);
      }
    }),
  );
});

test("grows, and empties again", () => {
  const table = new KeyTable();
  const keys = Array.from({ length: 20_000 }, (_, index) => 2 ** 48 + index * 64);
  for (const [piece, key] of keys.entries()) expect(table.put(key, piece)).toBe(-1);
  for (const [piece, key] of keys.entries()) expect(table.take(key)).toBe(piece);
  expect(table.size).toBe(0);
  expect(table.take(keys[0]!)).toBe(-1);
});
