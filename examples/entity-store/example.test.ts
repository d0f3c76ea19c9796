import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { programOf } from "../catalogue.ts";
import { readmeOutput, runExample, shapeOf } from "../shared/readme-output.ts";
import { KINDS, STORES, World } from "./world.ts";

test("all stores hold the same entities at the same places, frame by frame", () => {
  const worlds = Object.values(STORES).map(({ make }) => {
    const populations = make();
    return { populations, world: new World(populations) };
  });
  for (let frame = 0; frame < 60; frame++) {
    for (const { world, populations } of worlds) {
      world.step();
      expect(populations.map(({ count }) => count)).toEqual(KINDS.map(({ count }) => count));
    }
    const [first, ...others] = worlds.map(({ world }) => world.checksum());
    expect(others).toEqual(others.map(() => first));
  }
  expect(worlds[0]!.world.spawned).toBeGreaterThan(200_000);
});

/** The shape of an output, with each picture as long as any other. */
function shape(output: string): string[] {
  return shapeOf(output.replaceAll(/[▁▂▃▄▅▆▇█]+/g, "▁"));
}

test("prints what its README shows", () => {
  expect(shape(runExample("entity-store", "40"))).toEqual(shape(readmeOutput("entity-store")));
});

test("a wrong number of frames is refused in one line", () => {
  const { status, stderr } = spawnSync(process.execPath, [programOf("entity-store"), "many"], {
    encoding: "utf8",
  });
  expect(stderr).toBe("frames must be an integer from 1, got many\n");
  expect(status).toBe(2);
});
