import { expect, test } from "vitest";
import { readmeOutput, runExample, shapeOf } from "../shared/readme-output.ts";
import { StringLru } from "./string-lru.ts";

/** Strings of one to four bytes a character, short and long. */
const TEXTS = ["", "a", "é", "日本語", "🦊🦊", "x".repeat(5000), "y".repeat(300)];

test("holds what a model holds, newest first, through random calls that fill it again and again", () => {
  const cache = new StringLru(65536, 64);
  // A Map keeps the order of insertion: the newest entry is its last.
  const model = new Map<string, string>();
  let state = 7;
  const below = (count: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % count;
  };
  let dropped = 0;
  for (let step = 0; step < 20_000; step++) {
    const key = `${TEXTS[below(5)]}${below(60)}`;
    const action = below(10);
    const value = model.get(key);
    if (action < 5) {
      expect(cache.get(key)).toBe(value);
    } else if (action < 9) {
      const fresh = TEXTS[below(TEXTS.length)]! + step;
      expect(cache.set(key, fresh)).toBe(true);
      model.delete(key);
      model.set(key, fresh);
      // What was dropped to make room is the model's oldest, in that order.
      for (const oldest of model.keys()) {
        if (model.size === cache.size) break;
        model.delete(oldest);
        dropped++;
      }
    } else {
      expect(cache.delete(key)).toBe(value !== undefined);
      model.delete(key);
    }
    if (action < 5 && value !== undefined) {
      model.delete(key);
      model.set(key, value);
    }
    expect(cache.size).toBe(model.size);
  }
  expect([...cache.keys()]).toEqual([...model.keys()].toReversed());
  expect(dropped).toBeGreaterThan(1000);
});

test("refuses what no buffer of its size could hold, and keeps working", () => {
  const cache = new StringLru(65536, 64);
  cache.set("a", "1");
  expect(cache.set("a", "z".repeat(70_000))).toBe(false);
  expect(cache.get("a")).toBe(undefined);
  expect(cache.set("b", "2")).toBe(true);
  expect(cache.get("b")).toBe("2");
});

test("prints what its README shows", () => {
  expect(shapeOf(runExample("string-lru", "300000"))).toEqual(shapeOf(readmeOutput("string-lru")));
});
