import { expect, test } from "vitest";
import * as format from "../../src/cli/format.ts";
import { plainStyle } from "../../src/cli/style.ts";
import { renderTable } from "../../src/cli/text-table.ts";

test("numbers as people read them", () => {
  expect(format.formatCount(1_234_567)).toBe("1,234,567");
  expect(format.formatCounted(1, "event")).toBe("1 event");
  expect(format.formatCounted(0, "event")).toBe("0 events");
  expect(format.formatKib(1)).toBe("1");
  expect(format.formatKib(4096)).toBe("4");
  expect(format.formatSize(0)).toBe("0 bytes");
  expect(format.formatSize(1023)).toBe("1,023 bytes");
  expect(format.formatSize(1536)).toBe("1.5 KiB");
  expect(format.formatSize(2 ** 32)).toBe("4.0 GiB");
  expect(format.formatSize(2 ** 53)).toBe("8,192.0 TiB");
  expect(format.formatPercent(1, 3)).toBe("33.3 %");
  expect(format.formatPercent(0, 0)).toBe("-");
  expect(format.formatSeconds(0.0042)).toBe("4.2 ms");
  expect(format.formatSeconds(0.42)).toBe("420 ms");
  expect(format.formatSeconds(4.2)).toBe("4.20 s");
  expect(format.formatRate(999_999)).toBe("999,999/s");
  expect(format.formatRate(4_310_000)).toBe("4.31 million/s");
  expect(format.formatThousandths(-1000)).toBe("-1.000");
  expect(format.formatThousandths(62)).toBe("0.062");
});

test("a table: titles, rule, rows, rule, footer; numbers stand right", () => {
  const columns = [
    { title: "COUNT", align: "right" as const },
    { title: "NAME", align: "left" as const },
  ];
  const rows = [
    ["1", "one"],
    ["1,000", "a thousand"],
  ];
  expect(renderTable(columns, rows, { style: plainStyle, footer: [["1,001", "both"]] })).toBe(
    [
      "  COUNT  NAME",
      "  ─────  ──────────",
      "      1  one",
      "  1,000  a thousand",
      "  ─────  ──────────",
      "  1,001  both",
      "",
    ].join("\n"),
  );
});
