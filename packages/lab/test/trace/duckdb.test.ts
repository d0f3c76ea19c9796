/** The queries of docs/trace-format.md, run by DuckDB on the bundled recording and held against the lab's own counts. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { DuckDBInstance } from "@duckdb/node-api";
import { beforeAll, describe, expect, test } from "vitest";
import { loadTrace } from "../../src/files/load-trace.ts";
import { EVENT_NAMES, EventKind, NO_NAME } from "../../src/trace/event.ts";
import { FILE_COLUMNS } from "../../src/trace/file-columns.ts";
import type { Trace } from "../../src/trace/trace.ts";

const file = fileURLToPath(new URL("../../traces/small-project.parquet", import.meta.url));
const page = readFileSync(new URL("../../../../docs/trace-format.md", import.meta.url), "utf8");
const queries = [...page.matchAll(/```sql\n([^]*?)```/g)].map(([, sql]) =>
  sql!.replaceAll("trace.parquet", file),
);

type Row = Record<string, string | number | bigint | null>;

let trace: Trace;
let query: (sql: string) => Promise<Row[]>;

beforeAll(async () => {
  trace = (await loadTrace(file)).trace;
  const connection = await (await DuckDBInstance.create()).connect();
  query = async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJS() as Row[];
});

/** The rows of the events for which `matches` is true. */
function rowsWhere(matches: (row: number) => boolean): number[] {
  return Array.from({ length: trace.events.length }, (_, row) => row).filter(matches);
}

describe("DuckDB opens a trace file", () => {
  test("the columns that the page describes, and no others", async () => {
    const found = await query(`DESCRIBE SELECT * FROM '${file}'`);
    const names = FILE_COLUMNS.map(({ schema }) => schema.name);
    expect(found.map((row) => row["column_name"])).toEqual(names);
    const described = [...page.matchAll(/^\| `(\w+)` \| (?:U?INT|string)/gm)].map(([, name]) => name);
    expect(described).toEqual(names);
  });

  test("every event by kind, and the sums", async () => {
    const counts = await query(`SELECT event, count(*) AS n FROM '${file}' GROUP BY event`);
    const own = EVENT_NAMES.map((name, kind) => [name, trace.facts.countByKind[kind]!] as const);
    expect(Object.fromEntries(counts.map(({ event, n }) => [event, Number(n)]))).toEqual(
      Object.fromEntries(own.filter(([, count]) => count > 0)),
    );
    const [sums] = await query(`SELECT sum(bytes_req) AS req, sum(bytes_alloc) AS alloc FROM '${file}'`);
    expect(Number(sums!["req"])).toBe(trace.facts.bytesRequested);
    expect(Number(sums!["alloc"])).toBe(trace.facts.bytesAllocated);
  });

  test("pointers as they were", async () => {
    const row = rowsWhere((at) => trace.events.kind[at] === EventKind.KMALLOC)[0]!;
    const [found] = await query(
      `SELECT printf('%x', ptr) AS ptr FROM read_parquet('${file}', file_row_number = true) WHERE file_row_number = ${row}`,
    );
    expect(found!["ptr"]).toBe(trace.names.pointers.textOf(trace.events.key[row]!));
  });

  test("what the recording was made of", async () => {
    const [found] = await query(
      `SELECT decode(value) AS json FROM parquet_kv_metadata('${file}') WHERE decode(key) = 'kmem.trace'`,
    );
    expect(JSON.parse(String(found!["json"]))).toMatchObject({
      schema: "kmem-trace/1",
      facts: { format: "ftrace", eventCount: trace.events.length },
    });
  });
});

describe("the queries of the page", () => {
  test("there are three", () => {
    expect(queries).toHaveLength(3);
  });

  test("caches that handed out the most", async () => {
    const rows = await query(queries[0]!);
    expect(rows).toHaveLength(10);
    for (const { cache, objects, given } of rows) {
      const own = rowsWhere(
        (row) =>
          trace.events.kind[row] === EventKind.KMEM_CACHE_ALLOC &&
          trace.events.cacheIndex[row] !== NO_NAME &&
          trace.names.caches.names[trace.events.cacheIndex[row]!] === cache,
      );
      expect(Number(objects)).toBe(own.length);
      expect(Number(given)).toBe(own.reduce((sum, row) => sum + trace.events.bytesAllocated[row]!, 0));
    }
  });

  test("who still holds memory", async () => {
    const rows = await query(queries[1]!);
    expect(rows).toHaveLength(10);
    const lastOf = new Map<number, number>();
    for (const row of rowsWhere((at) => trace.events.kind[at]! <= EventKind.KMEM_CACHE_FREE)) {
      if (trace.events.key[row]! > 16) lastOf.set(trace.events.key[row]!, row);
    }
    const bytesOf = new Map<string, number>();
    for (const row of lastOf.values()) {
      if (trace.events.kind[row]! > EventKind.KMEM_CACHE_ALLOC_NODE) continue;
      const site = trace.names.callSites.names[trace.events.callSiteIndex[row]!]!;
      bytesOf.set(site, (bytesOf.get(site) ?? 0) + trace.events.bytesAllocated[row]!);
    }
    expect(rows.map(({ bytes }) => Number(bytes))).toEqual(
      [...bytesOf.values()].toSorted((a, b) => b - a).slice(0, 10),
    );
  });

  test("how long blocks live", async () => {
    const rows = await query(queries[2]!);
    const blocks = rows.map(({ order, blocks: count }) => [Number(order), Number(count)] as const);
    const own = new Map<number, number>();
    const allocated = new Map<number, boolean>();
    for (const row of rowsWhere((at) => trace.events.key[at]! >= 0)) {
      const kind = trace.events.kind[row];
      if (kind !== EventKind.MM_PAGE_ALLOC && kind !== EventKind.MM_PAGE_FREE) continue;
      const key = trace.events.key[row]!;
      const order = trace.events.order[row]!;
      if (kind === EventKind.MM_PAGE_FREE && allocated.get(key) === true) {
        own.set(order, (own.get(order) ?? 0) + 1);
      }
      allocated.set(key, kind === EventKind.MM_PAGE_ALLOC);
    }
    expect(blocks).toEqual([...own].toSorted(([a], [b]) => a - b));
  });
});
