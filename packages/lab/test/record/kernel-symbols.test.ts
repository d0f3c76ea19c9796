import { describe, expect, test } from "vitest";
import { KernelSymbols } from "../../src/record/kernel-symbols.ts";

const symbols = new KernelSymbols(
  [
    "ffffffff81000000 T _text",
    "ffffffff81000000 T startup_64",
    "ffffffff81000200 t secondary",
    "ffffffffc0001000 t helper\t[a_module]",
    "ffffffffc0001080 t last\t[a_module]",
    "",
  ].join("\n"),
);
const at = (lower32: number): string => symbols.textOf(0xffff * 2 ** 32 + lower32);

describe("names of addresses in the kernel", () => {
  test("the symbol, the place in it, its length", () => {
    expect(at(0x8100_01ff)).toBe("_text+0x1ff/0x200");
    expect(at(0x8100_0200)).toBe("secondary+0x0/0x3f000e00");
  });

  test("the first of several symbols of one address", () => {
    expect(at(0x8100_0000)).toBe("_text+0x0/0x200");
  });

  test("the module", () => {
    expect(at(0xc000_1008)).toBe("helper+0x8/0x80 [a_module]");
  });

  test("an address outside all symbols stays a number", () => {
    expect(at(0x80ff_ffff)).toBe("0xffff80ffffff");
    expect(at(0xc000_1080)).toBe("0xffffc0001080");
  });

  test("a reader who may not see addresses gets none", () => {
    const hidden = new KernelSymbols("0000000000000000 T _text\n0000000000000000 T next\n");
    expect(hidden.textOf(16)).toBe("0x10");
  });
});
