/** Mutated images given to `loadHeap`: each is refused with a typed error, or opens to a heap whose check passes. */
import { AllocError, Heap } from "../../src/index.ts";
import { loadHeap, saveHeap } from "../../src/image/index.ts";
import { Random } from "../model/random.ts";
import { allocatedBy } from "./allocated.ts";
import { mutate } from "./mutate.ts";
import { makeSubject, type Subject, SUBJECT_NAMES } from "./subjects.ts";

/** Images made of one heap before the next takes its turn. */
const IMAGES_A_HEAP = 50;
/** Tables at the end of 4 GiB take 90 MB, sound image or not. */
const NAMES = SUBJECT_NAMES.filter((name) => !name.includes("4 GiB"));
/** Bytes that a heap without bytes may have by its image alone. */
const TRUSTED_SIZE = 2 ** 26;

/** What became of the images of a run. */
export interface Tally {
  images: number;
  opened: number;
  /** How many were refused for each reason: the message, with "#" for each number. */
  readonly refused: Map<string, number>;
  /** How many there were of each kind of mutation. */
  readonly kinds: Map<string, number>;
  /** The most that one image made `loadHeap` allocate beyond the tables of a heap: bytes for each byte of the image. */
  mostBytesPerByte: number;
}

function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}

/** The message, without what differs between images. */
function reasonOf({ message }: Error): string {
  return message.replace(/"[^]*"/g, '"…"').replace(/-?\d[\d.e+]*/g, "#");
}

/** Bytes of the tables of the largest heap that the arguments of `loadHeap` allow. */
function tablesOf({ bytes, options }: Subject): number {
  const source = bytes === undefined ? {} : "buffer" in bytes ? { memory: bytes } : { buffer: bytes };
  const size = options.pageSize ?? 4096;
  const maxSize = bytes === undefined ? { maxSize: options.maxSize ?? TRUSTED_SIZE } : {};
  return allocatedBy(() => void new Heap({ ...options, ...source, size, ...maxSize }));
}

/** Uses a heap that was opened: whatever it hands out or takes back, its check passes. */
function use(heap: Heap, random: Random): void {
  heap.check();
  const live = [1, 40, 700, 9000].map((most) => heap.tryMalloc(random.upTo(most)));
  for (const offset of live) if (offset >= 0) heap.free(offset);
  heap.shrink();
  heap.check();
}

/** What `loadHeap` makes of an image; undefined when it refuses it, as it should. */
function load(
  image: Uint8Array,
  { bytes, options }: Subject,
  refused: Map<string, number>,
): Heap | undefined {
  try {
    return loadHeap(image, bytes, options);
  } catch (error) {
    if (!(error instanceof AllocError) || error.code !== "INVALID_IMAGE") throw error;
    count(refused, reasonOf(error));
    return undefined;
  }
}

/** Spoils images of one heap. Throws when one has an effect that none may have. */
function spoilOne(seed: number, tally: Tally): void {
  const random = new Random(seed, "images");
  const subject = makeSubject(random.pick(NAMES), seed, random.upTo(1000));
  const sound = saveHeap(subject.heap);
  const other = saveHeap(makeSubject(random.pick(NAMES), seed, random.upTo(1000)).heap);
  const tables = tablesOf(subject);
  for (let index = 0; index < IMAGES_A_HEAP; index++) {
    const [kind, image] = mutate(random, sound, other);
    let heap: Heap | undefined;
    const bytes = allocatedBy(() => {
      heap = load(image, subject, tally.refused);
    });
    if (bytes > tables + 2 * image.length) throw new Error(`${kind}: allocated ${bytes} bytes`);
    tally.mostBytesPerByte = Math.max(tally.mostBytesPerByte, (bytes - tables) / image.length);
    tally.images++;
    count(tally.kinds, kind);
    if (heap === undefined) continue;
    tally.opened++;
    use(heap, random);
  }
}

/** Spoils images from seed `firstSeed` on, at least `images` of them, and gives them to `loadHeap`. */
export function spoilImages(firstSeed: number, images: number, progress?: (tally: Tally) => void): Tally {
  const tally: Tally = { images: 0, opened: 0, refused: new Map(), kinds: new Map(), mostBytesPerByte: 0 };
  for (let seed = firstSeed; tally.images < images; seed++) {
    try {
      spoilOne(seed, tally);
    } catch (error) {
      const again = `npm run fuzz:images -- --seed ${seed} --images ${IMAGES_A_HEAP}`;
      throw new Error(`an image of seed ${seed} is neither refused nor sound: ${again}`, { cause: error });
    }
    progress?.(tally);
  }
  return tally;
}
