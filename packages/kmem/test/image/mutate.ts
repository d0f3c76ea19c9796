/** Spoils images: at random, most of them with the checksum made right again, so that what lies behind it is met. */
import { crc32 } from "node:zlib";
import type { Random } from "../model/random.ts";

/** The bytes before those that the checksum is about, and where it stands. */
const CHECKED_FROM = 12;
const CHECKSUM_AT = 8;

/** Makes the checksum right. */
export function reseal(image: Uint8Array): Uint8Array {
  if (image.length < CHECKED_FROM) return image;
  const view = new DataView(image.buffer, image.byteOffset);
  view.setUint32(CHECKSUM_AT, crc32(image.subarray(CHECKED_FROM)), true);
  return image;
}

/** The words of an image whose length may be any. */
function wordsOf(image: Uint8Array): Uint32Array {
  return new Uint32Array(image.buffer, 0, image.length >>> 2);
}

function concat(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** A place in the words: as often in the head and the caches as anywhere. */
function place(random: Random, words: Uint32Array): number {
  return random.below(random.chance(0.5) ? Math.min(words.length, 48) : words.length);
}

/** A word near the one there is, or one that bounds are tried with. */
function word(random: Random, before: number): number {
  return random.pick([
    before + 1,
    before - 1,
    before * 2,
    before >>> 1,
    before ^ (1 << random.below(32)),
    random.below(64),
    0,
    2 ** random.below(32),
    2 ** random.below(32) - 1,
    2 ** 32 - 1 - random.below(4),
    random.below(2 ** 32),
  ]);
}

/** The ways to spoil a copy of `image`; `other` is another sound image. */
const MUTATIONS: Record<string, (random: Random, image: Uint8Array, other: Uint8Array) => Uint8Array> = {
  bits(random, image) {
    for (let left = random.upTo(32); left > 0; left--) {
      image[random.below(image.length)]! ^= 1 << random.below(8);
    }
    return image;
  },
  truncate: (random, image) => image.slice(0, random.below(image.length) & (random.chance(0.8) ? -4 : -1)),
  field(random, image) {
    const words = wordsOf(image);
    for (let left = random.upTo(3); left > 0; left--) {
      const at = place(random, words);
      words[at] = word(random, words[at]!);
    }
    return image;
  },
  words(random, image) {
    const words = wordsOf(image);
    const at = place(random, words);
    const end = Math.min(words.length, at + random.upTo(64));
    for (let index = at; index < end; index++) words[index] = random.below(2 ** 32);
    return image;
  },
  append(random, image) {
    const more = Uint32Array.from({ length: random.upTo(64) }, () => word(random, random.below(256)));
    return concat(image, new Uint8Array(more.buffer));
  },
  splice(random, image, other) {
    const donor = random.pick([image, other]);
    const [from, to] = [4 * random.below(donor.length >> 2), 4 * random.below(image.length >> 2)];
    const inserted = donor.subarray(from, from + 4 * random.upTo(32));
    const removed = random.pick([0, inserted.length, 4 * random.upTo(32)]);
    return concat(image.subarray(0, to), inserted, image.subarray(Math.min(image.length, to + removed)));
  },
  swap(random, image) {
    const words = wordsOf(image);
    const [first, second] = [place(random, words), place(random, words)];
    [words[first], words[second]] = [words[second]!, words[first]!];
    return image;
  },
};

/** The name of a way to spoil an image, and a spoilt copy of `image`, never the same as it. */
export function mutate(random: Random, image: Uint8Array, other: Uint8Array): [kind: string, Uint8Array] {
  const kind = random.pick(Object.keys(MUTATIONS));
  for (;;) {
    const mutated = MUTATIONS[kind]!(random, image.slice(), other);
    // The head stays in half of them: else most would fail there.
    if (random.chance(0.5) && mutated.length >= CHECKED_FROM + 8) mutated.set(image.subarray(0, 20));
    if (random.chance(0.9)) reseal(mutated);
    if (mutated.length !== image.length || mutated.some((byte, at) => byte !== image[at]))
      return [kind, mutated];
  }
}
