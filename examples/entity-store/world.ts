// A world of ships, which are many and stay long, and of shots, which are more and soon gone.

import { Heap } from "kmem";
import { ObjectPopulation, PooledPopulation, type Population, SlabPopulation } from "./populations.ts";
import { randomNumbers } from "../shared/random.ts";

/** A kind of entity: how many there are at any time, and the frames that one lives. */
interface Kind {
  readonly name: string;
  readonly count: number;
  readonly leastLife: number;
  readonly mostLife: number;
}

/** The kinds of the world. */
export const KINDS: readonly Kind[] = [
  { name: "ships", count: 20_000, leastLife: 200, mostLife: 400 },
  { name: "shots", count: 100_000, leastLife: 20, mostLife: 40 },
];

const HEAP_BYTES = 16 * 2 ** 20;

/** How entities can be stored. Each makes a population for each kind. */
export const STORES: Readonly<Record<string, { title: string; make: () => Population[] }>> = {
  objects: { title: "objects", make: () => KINDS.map(() => new ObjectPopulation()) },
  pooled: { title: "pooled objects", make: () => KINDS.map(() => new PooledPopulation()) },
  slabs: {
    title: "slab caches",
    make: () => {
      const heap = new Heap({ buffer: new ArrayBuffer(HEAP_BYTES) });
      return KINDS.map(({ name, count }) => new SlabPopulation(heap, name, count));
    },
  },
};

/** The entities, and what happens to them in a frame. */
export class World {
  /** Entities that were added. */
  spawned = 0;
  private readonly populations: readonly Population[];
  private readonly random = randomNumbers(1);

  /** A full world. */
  constructor(populations: readonly Population[]) {
    this.populations = populations;
    this.fill();
  }

  /** Moves everything by one frame; for each entity that dies, another comes. */
  step(): void {
    for (const population of this.populations) population.step();
    this.fill();
  }

  /** A sum that is the same for all stores after as many frames. */
  checksum(): number {
    return this.populations.reduce((sum, population) => sum + population.checksum(), 0);
  }

  private fill(): void {
    const { random } = this;
    for (const [index, { count, leastLife, mostLife }] of KINDS.entries()) {
      const population = this.populations[index]!;
      while (population.count < count) {
        const life = Math.floor(leastLife + random() * (mostLife - leastLife));
        population.spawn(random(), random(), (random() - 0.5) / 100, (random() - 0.5) / 100, life);
        this.spawned++;
      }
    }
  }
}
