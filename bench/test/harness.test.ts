/** The harness from end to end, on a workload of a few operations. What it measures is not looked at. */

import { describe, expect, it } from "vitest";
import { meansOf, type BenchmarkDocument } from "../src/harness/document.ts";
import { runBenchmarks } from "../src/harness/run.ts";
import { aimsOf } from "../src/output/aims.ts";
import { renderAsMarkdown } from "../src/output/markdown.ts";
import { plotMemory, plotTimes } from "../src/output/plot.ts";
import { fits, merged } from "../src/output/store.ts";
import { renderForTerminal } from "../src/output/terminal.ts";
import { checksumOf } from "../src/stream/layout.ts";
import { selectSubjects, SUBJECTS } from "../src/subjects/catalogue.ts";
import type { Subject } from "../src/subjects/subject.ts";
import { buildReplacement, randomSize } from "../src/workloads/replacement.ts";
import { PAIR, type Workload } from "../src/workloads/workload.ts";

const PAIR_COUNT = 500;
const LIVE_COUNT = 50;

const TINY: Workload = {
  name: "tiny/50",
  description: "50 live objects",
  target: "heap",
  unit: PAIR,
  warmupRounds: 1,
  timedRounds: 2,
  quick: true,
  build: () =>
    buildReplacement({
      target: "heap",
      liveCount: LIVE_COUNT,
      pairCount: PAIR_COUNT,
      argument: randomSize,
      seed: 1,
    }),
};

const SPREAD = { min: expect.any(Number), median: expect.any(Number), max: expect.any(Number) };

function subjectNamed(name: string): Subject {
  const subject = SUBJECTS.find((candidate) => candidate.name === name);
  if (subject === undefined) throw new Error(`no subject ${name}`);
  return subject;
}

/** The lowest block that is large enough is the last page: beyond 4 GiB. */
const WIDE: Workload = {
  ...TINY,
  name: "wide/1",
  description: "a page in a space of more than 4 GiB",
  target: "buddy",
  spaceBytes: 2 ** 32 + 2 ** 12,
  build: () =>
    buildReplacement({ target: "buddy", liveCount: 1, pairCount: PAIR_COUNT, argument: () => 0, seed: 1 }),
};

function runTiny(
  subjects: readonly Subject[],
  workloads: readonly Workload[] = [TINY],
): Promise<BenchmarkDocument> {
  const progress = { start: () => {}, step: () => {}, stop: () => {} };
  return runBenchmarks({ workloads, subjects, quick: true, processCount: 2, progress });
}

const subjects = ["kmem Heap", "loop in JavaScript", "glibc", "loop in C"].map(subjectNamed);
const glibc = await subjectNamed("glibc").locate();

/** The figures as if the workload were a real program on which kmem took no time. */
function realFigures(document: BenchmarkDocument): Pick<BenchmarkDocument, "rows" | "means"> {
  const rows = document.rows.map((row) => ({
    ...row,
    workload: "real/tiny",
    nsPerOp: row.subject === "kmem Heap" ? { min: 0.1, median: 0.1, max: 0.1 } : row.nsPerOp,
  }));
  return { rows, means: meansOf(rows) };
}

it("hands on offsets beyond 4 GiB", async () => {
  const { missing, rows } = await runTiny([subjectNamed("kmem BuddyAllocator")], [WIDE]);
  expect(missing).toEqual([]);
  expect(rows.map(({ operationCount }) => operationCount)).toEqual([1 + 2 * PAIR_COUNT]);
});

describe("a run with kmem and, where a C compiler is, glibc", async () => {
  const document = await runTiny(subjects);
  const names = document.rows.map(({ subject }) => subject);

  it("has a row for each subject, or names it as missing", () => {
    const missing = glibc.available ? [] : ["glibc", "loop in C"];
    expect(document.missing.map(({ subject }) => subject)).toEqual(missing);
    expect([...names, ...missing].toSorted()).toEqual(subjects.map(({ name }) => name).toSorted());
  });

  it("carried out the same operations everywhere", () => {
    expect(document.workloads).toEqual([
      {
        name: TINY.name,
        description: TINY.description,
        op: PAIR.name,
        opsPerRound: PAIR_COUNT,
        checksum: checksumOf(TINY.build()),
        commit: document.commit,
      },
    ]);
    for (const row of document.rows) expect(row.operationCount).toBe(LIVE_COUNT + 2 * PAIR_COUNT);
  });

  it("reports time and memory of each subject", () => {
    for (const row of document.rows) {
      expect(row).toMatchObject({
        workload: TINY.name,
        writesFirstWord: true,
        nsPerOp: SPREAD,
        nsPerOpPlain: SPREAD,
      });
      expect(row.nsPerOp.median).toBeGreaterThan(0);
      expect(row.peakPayloadBytes).toBe(TINY.build().peakPayloadBytes);
      if (row.isBaseline) expect(row.peakFootprintBytes).toBeNull();
      else expect(row.peakFootprintBytes).toBeGreaterThan(row.peakPayloadBytes);
    }
  });

  it("is the same after a way through JSON, and can be shown", () => {
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
    for (const text of [renderForTerminal(document), renderAsMarkdown(document, "results/x.json")]) {
      for (const name of names) expect(text).toContain(name);
    }
  });

  it("is drawn, with a row for each subject", () => {
    for (const svg of [plotTimes(document, "tiny"), plotMemory(document, "tiny")]) {
      expect(svg).toMatch(/^<svg /);
      for (const name of names.filter((each) => !each.startsWith("loop")))
        expect(svg).toContain(`>${name}</text>`);
    }
  });

  it("takes the place of an earlier run's figures for the same workload, and keeps the others", () => {
    const rename = (name: string): BenchmarkDocument => ({
      ...document,
      workloads: document.workloads.map((workload) => ({ ...workload, name })),
      rows: document.rows.map((row) => ({ ...row, workload: name })),
    });
    const both = merged(rename("tiny/other"), document);
    expect(both.workloads.map(({ name }) => name)).toEqual(["tiny/other", TINY.name]);
    expect(merged(both, document)).toEqual(both);
    const later = { ...document, date: "2099-01-01T00:00:00.000Z" };
    expect(merged(both, later).date).toBe(document.date);
    expect(merged(document, later)).toBe(later);
  });

  it("is kept beside runs of the same machine and settings only", () => {
    const { machine, settings } = document;
    expect(fits(document, { ...document, date: "2001-01-01T00:00:00.000Z" })).toBe(true);
    expect(fits(document, { ...document, machine: { ...machine, processor: "another" } })).toBe(false);
    expect(fits(document, { ...document, machine: { ...machine, caches: ["L1d 1K"] } })).toBe(false);
    expect(fits(document, { ...document, settings: { ...settings, processCount: 99 } })).toBe(false);
  });

  it("is held against aims, and says which it has no figures for", () => {
    const aims = aimsOf({ ...document, ...realFigures(document) });
    const reached = (aim: string): boolean | undefined => aims.find((each) => each.aim === aim)?.reached;
    expect(reached("real programs and kernel objects, kmem Heap over glibc")).toBe(
      glibc.available ? true : undefined,
    );
    expect(reached("real programs and kernel objects, kmem Heap over mimalloc")).toBeUndefined();
  });
});

describe("a run that is interrupted", () => {
  const workloads = ["first", "second", "third"].map((name) => ({ ...TINY, name }));
  const interruptedAt = (when: (label: string) => boolean): Promise<BenchmarkDocument> => {
    const interruption = new AbortController();
    const { signal } = interruption;
    const progress = {
      start: () => {},
      step: (label: string) => {
        if (when(label)) interruption.abort();
      },
      stop: () => {},
    };
    const chosen = [subjectNamed("kmem Heap")];
    return runBenchmarks({ workloads, subjects: chosen, quick: true, processCount: 2, progress, signal });
  };

  it.each(["second, kmem Heap, 1 of 2", "second, kmem Heap, memory"])(
    "has what was measured before %s",
    async (label) => {
      const document = await interruptedAt((each) => each === label);
      expect(document.workloads.map(({ name }) => name)).toEqual(["first"]);
      expect(document.rows.map(({ workload }) => workload)).toEqual(["first"]);
      expect(document.missing).toEqual([]);
    },
  );
});

describe("a smoke run of every subject", async () => {
  const progress = { start: () => {}, step: () => {}, stop: () => {} };
  const quick = { ...TINY, hasLatency: true };
  const document = await runBenchmarks({
    workloads: [quick],
    subjects: SUBJECTS,
    quick: true,
    processCount: 1,
    progress,
  });
  const wanted = SUBJECTS.filter(({ targets }) => targets.includes(TINY.target)).map(({ name }) => name);

  it("has a row for each, or names it as missing", () => {
    const seen = [...document.rows, ...document.missing].map(({ subject }) => subject);
    expect(seen.toSorted()).toEqual(wanted.toSorted());
  });

  it("ran kmem's, npm's and the collector's, which need nothing of the machine", () => {
    const rows = document.rows.map(({ subject }) => subject);
    const own = ["kmem Heap", "kmem Heap, inlined", "kmem Heap, variable"];
    const always = [...own, "@thi.ng/malloc", "malloc (npm)", "new Uint8Array"];
    expect(rows).toEqual(expect.arrayContaining(always));
  });

  it("timed single operations", () => {
    const row = document.rows.find(({ subject }) => subject === "kmem Heap");
    const { p50Ns = 0, p99Ns = 0, p9999Ns = 0, maxNs = 0 } = row?.latency ?? {};
    expect(p50Ns).toBeGreaterThan(0);
    expect([p50Ns, p99Ns, p9999Ns, maxNs].toSorted((a, b) => a - b)).toEqual([p50Ns, p99Ns, p9999Ns, maxNs]);
  });
});

describe("the choice of subjects", () => {
  const namesOf = (...names: string[]): string[] => selectSubjects(names).map(({ name }) => name);

  it("goes by the beginning of a name, or of what follows a comma, and adds the loops to hold them against", () => {
    expect(namesOf("MIMALLOC")).toEqual(["mimalloc", "loop in C"]);
    expect(namesOf("inlined", "variable")).toEqual([
      "kmem Heap, inlined",
      "kmem Heap, variable",
      "loop in JavaScript",
    ]);
    expect(namesOf("kmem Heap")).toContain("kmem Heap, in Wasm");
  });

  it("refuses a name that fits none", () => {
    expect(() => namesOf("mimalloc", "umalloc")).toThrow("no subject umalloc; there are: kmem Heap, ");
  });
});

describe("a subject that cannot be trusted", () => {
  const loop = subjectNamed("loop in JavaScript");

  it("is named as missing when it is not installed", async () => {
    const absent: Subject = { ...loop, locate: async () => ({ available: false, reason: "not installed" }) };
    const document = await runTiny([absent]);
    expect(document.missing).toEqual([
      { subject: "loop in JavaScript", workload: null, reason: "not installed" },
    ]);
    expect(document.rows).toEqual([]);
  });

  it("is named as missing on a workload where its process fails", async () => {
    const failing: Subject = {
      ...loop,
      name: "failing",
      time: (run) => loop.time({ ...run, streamPath: "/no/such/stream" }),
    };
    const document = await runTiny([loop, failing]);
    expect(document.missing).toEqual([
      { subject: "failing", workload: TINY.name, reason: expect.stringMatching(/^Error: ENOENT/) },
    ]);
    expect(document.rows.map(({ subject }) => subject)).toEqual(["loop in JavaScript"]);
  });

  it("fails the run when it did other operations", async () => {
    const wrong: Subject = {
      ...loop,
      time: async (run) => ({ ...(await loop.time(run)), checksum: 1 }),
    };
    await expect(runTiny([wrong])).rejects.toThrow(
      /^loop in JavaScript on tiny\/50: checksum 1, expected \d+$/,
    );
  });
});
