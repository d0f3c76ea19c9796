import { describe, expect, test } from "vitest";
import { constantOf, FlagNames } from "../../src/record/flag-names.ts";

describe("constant expressions of C", () => {
  test.each([
    ["42", 42],
    ["0x1fUL", 31],
    ["(((1UL))) << (10)", 1024],
    ["( unsigned long)(( gfp_t)((((1UL))) << (3)))", 8],
    ["1 | 2 & 3", 3],
    ["1 + 2 << 1", 6],
    ["7 - 2 - 1", 4],
    ["(( gfp_t)((1UL << (4))|(1UL << (5)))) & ~(( gfp_t)(1UL << (4)))", 32],
    ["~0", 0xffff_ffff],
  ])("%s is %d", (expression, value) => {
    expect(constantOf(expression)).toBe(value);
  });

  test.each(["", "1 +", "(1", "1 2", "name", "f(1)", '"text"', "1 ? 2 : 3", "(type)"])(
    "%j is none",
    (expression) => {
      expect(constantOf(expression)).toBe(null);
    },
  );
});

describe("names of flags", () => {
  const names = new FlagNames(
    'REC->flags ? __print_flags(REC->flags, "|", {( unsigned long)((( gfp_t)(1UL << 1))|(( gfp_t)(1UL << 2))), "BOTH"}, ' +
      '{( unsigned long)(( gfp_t)(1UL << 1)), "ONE"}, {( unsigned long)(1UL << (31)), "TOP"}, {( unsigned long)(( gfp_t)0), "NULL"}, { 0, ((void *)0) } ) : "none"',
  );

  test.each([
    [0, "none"],
    [6, "BOTH"],
    [2, "ONE"],
    [4, "0x4"],
    [0x8000_0006, "BOTH|TOP"],
    [0x4a, "ONE|0x48"],
  ])("%d is %s", (flags, text) => {
    expect(names.textOf(flags)).toBe(text);
    expect(names.textOf(flags), "the second time").toBe(text);
  });

  test("a format without names gives numbers", () => {
    expect(new FlagNames('"pfn=%lu", REC->pfn').textOf(0xcc0)).toBe("0xcc0");
  });
});
