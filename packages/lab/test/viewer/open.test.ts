// The start page, files that are dropped, and files that are something else.

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { Heap } from "kmem";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { blocksOfSnapshot } from "./truth.ts";
import { hasBrowser, ViewerBrowser } from "./browser.ts";

const BUNDLED = readFileSync(new URL("../../traces/small-project.parquet", import.meta.url));

/** A few lines as `cat trace` prints them. */
const FTRACE = `# tracer: nop
#
# entries-in-buffer/entries-written: 4/4   #P:1
#
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
              sh-1    [000] .....     1.000001: kmalloc: call_site=a+0x1/0x2 ptr=ffff888100873890 bytes_req=11 bytes_alloc=16 gfp_flags=GFP_KERNEL node=-1 accounted=true
              sh-1    [000] .....     1.000002: kmem_cache_alloc: call_site=b+0x1/0x2 ptr=ffff888102a40000 name=inode bytes_req=600 bytes_alloc=608 gfp_flags=GFP_KERNEL node=-1 accounted=true
              sh-1    [000] .....     1.000003: kfree: call_site=c+0x1/0x2 ptr=ffff888100873890
              sh-1    [000] .....     1.000004: kmalloc: call_site=d+0x1/0x2 ptr=ffff888100873000 bytes_req=70000 bytes_alloc=131072 gfp_flags=GFP_KERNEL node=-1 accounted=true
`;

describe.runIf(hasBrowser())("opening", () => {
  let viewer: ViewerBrowser;
  beforeAll(async () => {
    viewer = await ViewerBrowser.start();
  });
  afterEach(() => expect(viewer.faults).toEqual([]));
  afterAll(() => viewer.stop());

  test("begins with a start page that offers recordings and programs", async () => {
    await viewer.shot("start");
    expect(await viewer.page.locator(".card").count()).toBeGreaterThanOrEqual(5);
  });

  /** Waits for the film of what was dropped. Before the page has read a file, it is as idle as it is afterwards. */
  async function filmOfLength(length: number): Promise<void> {
    await viewer.page.waitForFunction((wanted) => window.kmemViewer!.length() === wanted, length);
    await viewer.filmed();
  }

  test("a dropped trace file is replayed", async () => {
    await viewer.drop("small-project.parquet", BUNDLED);
    await filmOfLength(104_199);
    await viewer.shot("map");
  });

  test("dropped ftrace text is replayed, gzipped too", async () => {
    for (const bytes of [Buffer.from(FTRACE), gzipSync(FTRACE)]) {
      await viewer.drop("four.txt", bytes);
      await filmOfLength(4);
      await viewer.goTo(4);
      const drawn = await viewer.page.evaluate(() => window.kmemViewer!.drawn());
      expect(drawn.filter(({ owner }) => owner === "inode" || owner === "large objects")).toHaveLength(2);
    }
  });

  test("a dropped snapshot is drawn as it is", async () => {
    const heap = new Heap({ size: 128 * 4096 });
    for (let bytes = 10; bytes < 30_000; bytes *= 1.3) heap.malloc(Math.floor(bytes));
    const snapshot = heap.snapshot();
    await viewer.drop("heap.json", Buffer.from(JSON.stringify(snapshot)));
    await viewer.page.locator(".source", { hasText: "heap.json" }).waitFor();
    await viewer.filmed();
    expect(await viewer.page.evaluate(() => window.kmemViewer!.drawn())).toEqual(blocksOfSnapshot(snapshot));
    await viewer.show("Tower");
    await viewer.page.locator(".cell").first().waitFor();
    await viewer.show("Map");
  });

  const BAD: readonly (readonly [name: string, bytes: Uint8Array, said: RegExp])[] = [
    ["empty.parquet", new Uint8Array(0), /empty\.parquet is empty.*Expected a trace file of kmem/],
    ["photo.png", Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "latin1"), /is a PNG picture.*Expected/],
    ["paper.pdf", Buffer.from("%PDF-1.7\n\0\0\u0001\u0002"), /is a PDF document.*Expected/],
    ["program", Buffer.from("\x7fELF\x02\x01\x01\0\0\0", "latin1"), /is a program \(ELF\).*Expected/],
    ["other.json", Buffer.from('{"name": "x"}'), /is JSON, but no snapshot.*Expected/],
    ["broken.json", Buffer.from('{"format": "kmem-heap", '), /begins as JSON but is not.*Expected/],
    ["letter.txt", Buffer.from("Dear Sir,\nthis is no trace.\n"), /letter\.txt.*Expected/],
    ["cut.parquet", BUNDLED.subarray(0, 5000), /cut\.parquet.*Expected/],
    ["cut.gz", gzipSync(FTRACE).subarray(0, 60), /gzipped, but damaged or cut short.*Expected/],
    ["zeros", new Uint8Array(4096), /binary data of a kind that is not known.*Expected/],
  ];

  test.each(BAD)(
    "%s is refused with a word on what it is, and the page goes on",
    async (name, bytes, said) => {
      await viewer.drop(name, bytes);
      const alert = viewer.page.locator(".failure p");
      await alert.waitFor();
      expect((await alert.textContent())!.replaceAll("\n", " ")).toMatch(said);
      if (name === "photo.png") await viewer.shot("bad-file");
      // What was open still is.
      expect(await viewer.page.evaluate(() => window.kmemViewer!.moment())).toBeGreaterThanOrEqual(0);
      await viewer.page.getByRole("button", { name: "Close the message" }).click();
      expect(await viewer.page.locator(".failure").count()).toBe(0);
    },
  );

  test("a damaged trace file is told of, not drawn", async () => {
    const damaged = Uint8Array.from(BUNDLED);
    damaged[20_000] = damaged[20_000]! ^ 0xff;
    await viewer.drop("damaged.parquet", damaged);
    const alert = viewer.page.locator(".failure p");
    await alert.waitFor();
    expect(await alert.textContent()).toMatch(/damaged\.parquet is damaged in row group 1.*Expected/);
    await viewer.page.keyboard.press("Escape");
    await viewer.drop("small-project.parquet", BUNDLED);
    await filmOfLength(104_199);
  });
});
