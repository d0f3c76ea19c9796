// A cache of strings in one buffer beside the lru-cache package: speed, memory, and pauses of the garbage collector.
//
//   npm run example -- string-lru [requests]      2,000,000 requests unless told otherwise

import { LRUCache } from "lru-cache";
import { withPauses, type Pauses } from "../shared/collector.ts";
import { liveBytes, measureAlone } from "../shared/own-process.ts";
import { StringLru } from "./string-lru.ts";
import { randomNumbers } from "../shared/random.ts";

const CACHE_BYTES = 64 * 2 ** 20;
const BUCKETS = 2 ** 19;
/** Keys that may be asked for; the lower a key's number, the oftener. */
const KEY_COUNT = 2_000_000;

interface Cache {
  readonly size: number;
  get(key: string): string | undefined;
  set(key: string, value: string): unknown;
}

interface Result {
  readonly requestsPerSecond: number;
  readonly hitRate: number;
  readonly entries: number;
  readonly bytes: number;
  readonly pauses: Pauses;
}

/** Bytes that V8 takes for an entry beside its characters: two strings' headers, and words in the package's tables. */
const OBJECT_BYTES = 64;

/** The package, told to hold about as many bytes: it counts what its user says that an entry takes. */
function lruCache(): LRUCache<string, string> {
  return new LRUCache({
    maxSize: CACHE_BYTES,
    sizeCalculation: (value, key) => value.length + key.length + OBJECT_BYTES,
  });
}

const SUBJECTS: Record<string, { title: string; make: () => Cache }> = {
  buffer: { title: "StringLru, one buffer", make: () => new StringLru(CACHE_BYTES, BUCKETS) },
  objects: { title: "lru-cache, objects of JavaScript", make: lruCache },
};

/** Asks for keys; what is not held is made and stored, as a server would with the answer of its database. */
function serve(cache: Cache, requests: number): number {
  const random = randomNumbers(1);
  let hits = 0;
  for (let request = 0; request < requests; request++) {
    const number = Math.floor(KEY_COUNT * random() ** 4);
    const key = `user:${number}:profile`;
    const found = cache.get(key);
    if (found === undefined) cache.set(key, valueOf(number));
    else hits++;
  }
  return hits;
}

/** 50 to 450 characters that tell which key they belong to. */
function valueOf(number: number): string {
  return `{"id":${number},"text":"${"lorem ipsum ".repeat(4 + (number % 33))}"}`;
}

async function measure(subject: string, requests: number): Promise<Result> {
  const before = liveBytes();
  const cache = SUBJECTS[subject]!.make();
  let hits = 0;
  const { totalMs, pauses } = await withPauses(() => {
    hits = serve(cache, requests);
  });
  return {
    requestsPerSecond: (1000 * requests) / totalMs,
    hitRate: hits / requests,
    entries: cache.size,
    bytes: liveBytes() - before,
    pauses,
  };
}

function print(title: string, { requestsPerSecond, hitRate, entries, bytes, pauses }: Result): void {
  console.log(title);
  console.log(`  requests a second   ${Math.round(requestsPerSecond).toLocaleString("en")}`);
  console.log(`  found               ${(100 * hitRate).toFixed(1)} %`);
  console.log(`  entries             ${entries.toLocaleString("en")} in ${(bytes / 2 ** 20).toFixed(0)} MiB`);
  console.log(
    `  collector           ${pauses.totalMs.toFixed(0)} ms in all, longest pause ${pauses.longestMs.toFixed(1)} ms`,
  );
}

const [argument = "2000000", subjectRequests] = process.argv.slice(2);
if (argument in SUBJECTS) {
  console.log(JSON.stringify(await measure(argument, Number(subjectRequests))));
} else {
  const requests = Number(argument);
  if (!(requests > 0)) throw new RangeError(`requests must be a positive number, got ${argument}`);
  console.log(`${requests.toLocaleString("en")} requests to a cache of ${CACHE_BYTES / 2 ** 20} MiB\n`);
  for (const [subject, { title }] of Object.entries(SUBJECTS)) {
    print(title, measureAlone<Result>(import.meta.filename, subject, String(requests)));
  }
}
