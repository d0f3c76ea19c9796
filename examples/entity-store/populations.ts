// Three stores of the same entities: objects, pooled objects, and slots of a slab cache. All do the same arithmetic in the
// same order, so that their checksums are equal to the last bit.

import type { Heap, SlabCache } from "kmem";

/** Entities of one kind. */
export interface Population {
  /** How many there are. */
  readonly count: number;
  /** Adds one, which dies after `life` frames. */
  spawn(x: number, y: number, vx: number, vy: number, life: number): void;
  /** Moves each by one frame, turns back what leaves the unit square, and removes what has come to its end. */
  step(): void;
  /** The sum of all places. */
  checksum(): number;
}

/** An entity as an object. */
class Entity {
  x = 0;
  y = 0;
  vx = 0;
  vy = 0;
  life = 0;

  set(x: number, y: number, vx: number, vy: number, life: number): this {
    this.x = x;
    this.y = y;
    this.vx = vx;
    this.vy = vy;
    this.life = life;
    return this;
  }
}

/** An object for each entity, left to the garbage collector when it dies. */
export class ObjectPopulation implements Population {
  protected readonly entities: Entity[] = [];

  get count(): number {
    return this.entities.length;
  }

  spawn(x: number, y: number, vx: number, vy: number, life: number): void {
    this.entities.push(this.make().set(x, y, vx, vy, life));
  }

  step(): void {
    const { entities } = this;
    for (let index = 0; index < entities.length;) {
      const entity = entities[index]!;
      entity.x += entity.vx;
      entity.y += entity.vy;
      if (entity.x < 0 || entity.x > 1) entity.vx = -entity.vx;
      if (entity.y < 0 || entity.y > 1) entity.vy = -entity.vy;
      if (--entity.life > 0) index++;
      else {
        // The last one takes its place.
        const last = entities.pop()!;
        if (last !== entity) entities[index] = last;
        this.drop(entity);
      }
    }
  }

  checksum(): number {
    return this.entities.reduce((sum, { x, y }) => sum + x + y, 0);
  }

  protected make(): Entity {
    return new Entity();
  }

  protected drop(_entity: Entity): void {}
}

/** As objects, but what dies is kept and used again. */
export class PooledPopulation extends ObjectPopulation {
  private readonly pool: Entity[] = [];

  protected override make(): Entity {
    return this.pool.pop() ?? new Entity();
  }

  protected override drop(entity: Entity): void {
    this.pool.push(entity);
  }
}

// An entity in a slot: five numbers of 8 bytes.
const X = 0;
const Y = 1;
const VX = 2;
const VY = 3;
const LIFE = 4;
const WORDS = 5;

/** A slot of a slab cache for each entity: no object at all. */
export class SlabPopulation implements Population {
  count = 0;
  private readonly cache: SlabCache;
  private readonly numbers: Float64Array;
  /** Where each entity is: the index of its first number. */
  private readonly places: Uint32Array;

  /** For `most` entities at most, in a cache of `heap` with that name. */
  constructor(heap: Heap, name: string, most: number) {
    this.cache = heap.createCache({ name, objectSize: WORDS * 8 });
    this.numbers = new Float64Array(heap.buffer);
    this.places = new Uint32Array(most);
  }

  spawn(x: number, y: number, vx: number, vy: number, life: number): void {
    const { numbers } = this;
    const place = this.cache.allocate() / 8;
    numbers[place + X] = x;
    numbers[place + Y] = y;
    numbers[place + VX] = vx;
    numbers[place + VY] = vy;
    numbers[place + LIFE] = life;
    this.places[this.count++] = place;
  }

  step(): void {
    const { numbers, places } = this;
    for (let index = 0; index < this.count;) {
      const place = places[index]!;
      const x = (numbers[place + X]! += numbers[place + VX]!);
      const y = (numbers[place + Y]! += numbers[place + VY]!);
      if (x < 0 || x > 1) numbers[place + VX] = -numbers[place + VX]!;
      if (y < 0 || y > 1) numbers[place + VY] = -numbers[place + VY]!;
      if (--numbers[place + LIFE]! > 0) index++;
      else {
        places[index] = places[--this.count]!;
        this.cache.free(place * 8);
      }
    }
  }

  checksum(): number {
    const { numbers } = this;
    return this.places
      .subarray(0, this.count)
      .reduce((sum, place) => sum + numbers[place + X]! + numbers[place + Y]!, 0);
  }
}
