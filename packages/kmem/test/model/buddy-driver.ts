/** Random operations on a `BuddyAllocator`, each foretold by the page model. */
import {
  BuddyAllocator,
  type BuddyOptions,
  externalFragmentationIndex,
  NONE,
  OutOfMemoryError,
} from "../../src/index.ts";
import {
  type Driver,
  expectArgumentError,
  expectRefusal,
  fail,
  NOT_INTEGERS,
  same,
  checkSome,
} from "./driver.ts";
import { PageModel } from "./page-model.ts";
import type { Random } from "./random.ts";

interface Piece {
  id: number;
  page: number;
  pageCount: number;
}

const STEPS = { misuse: 4, size: 4, piece: 92 };
const ALLOCATIONS = { block: 40, range: 20, run: 30, at: 8, reserve: 8 };
const MISUSES = { place: 8, number: 3, order: 1, count: 1, size: 1, align: 1 };

function randomOptions(random: Random, pageLimit: number): BuddyOptions {
  const pageSize = 2 ** random.below(21);
  const size = random.upTo(pageLimit) * pageSize;
  const options: BuddyOptions = { size, pageSize };
  if (random.chance(0.6)) options.base = random.upTo(2 ** random.between(1, 30)) * pageSize;
  if (random.chance(0.5)) options.maxSize = size + random.upTo(pageLimit) * pageSize;
  if (random.chance(0.3)) options.maxOrder = random.below(8);
  return options;
}

export class BuddyDriver implements Driver {
  readonly description: string;
  readonly code: readonly string[];
  readonly names: Readonly<Record<string, object>>;
  readonly #random: Random;
  readonly #options: BuddyOptions;
  readonly #buddy: BuddyAllocator;
  readonly #model: PageModel;
  readonly #pieces: Piece[] = [];
  readonly #checkInterval: number;
  #operation = 0;
  #lastId = 0;
  /** The share of operations that allocate: it swings, so that the space fills up and drains. */
  #pressure = 0.6;

  /** check(), and the walks over the whole model, come once in `checkInterval` operations. */
  constructor(random: Random, pageLimit: number, checkInterval: number) {
    this.#random = random;
    this.#checkInterval = checkInterval;
    this.#options = randomOptions(random, pageLimit);
    this.description = `BuddyAllocator ${JSON.stringify(this.#options)}`;
    this.code = [`const buddy = new BuddyAllocator(${JSON.stringify(this.#options)});`];
    this.#buddy = new BuddyAllocator(this.#options);
    this.names = { buddy: this.#buddy };
    this.#model = new PageModel(this.#buddy);
  }

  step(): void {
    const random = this.#random;
    if (this.#operation++ % 128 === 0) this.#pressure = random.pick([0.35, 0.5, 0.6, 0.75]);
    const isThorough = this.#operation % this.#checkInterval === 0;
    const kind = random.weighted(STEPS);
    if (kind === "misuse") this.#misuse(isThorough);
    else if (kind === "size") this.#changeSize();
    else if (random.chance(this.#pressure)) this.#allocateSomehow(isThorough);
    else if (this.#pieces.length > 0) this.#changePiece();
    checkSome(this.#operation, (step) => this.#buddy.check(step));
    if (isThorough) this.#compare();
  }

  finish(): void {
    while (this.#pieces.length > 0) this.#free(this.#pieces.length - 1);
    this.#compare();
    const size = this.#buddy.size;
    const fresh = new BuddyAllocator({ ...this.#options, size, maxSize: this.#buddy.maxSize });
    same(
      "freeBlocks after freeing all",
      this.#buddy.stats().freeBlocks.join(),
      fresh.stats().freeBlocks.join(),
    );
    this.#buddy.shrinkTo();
    same("size after cutting the free tail", this.#buddy.size, this.#buddy.pageSize);
  }

  #allocateSomehow(isThorough: boolean): void {
    const kind = this.#random.weighted(ALLOCATIONS);
    if (kind === "block") this.#allocateBlock(isThorough);
    else if (kind === "range") this.#allocateWithin(isThorough);
    else if (kind === "run") this.#allocateRun(isThorough);
    else if (kind === "at") this.#allocateAt();
    else this.#reserve();
  }

  #randomOrder(): number {
    return Math.min(this.#buddy.maxOrder, this.#random.below(2 + this.#random.below(6)));
  }

  #allocateBlock(isThorough: boolean): void {
    const order = this.#randomOrder();
    const expected = isThorough ? this.#model.placeFor(order) : undefined;
    const offset = this.#attempt(2 ** order, order, this.#random.chance(0.5), {
      plain: () => this.#buddy.allocate(order),
      trying: () => this.#buddy.tryAllocate(order),
    });
    this.#expectPlace(`allocate(${order})`, offset, expected);
    if (offset !== NONE) this.#take(offset, 2 ** order, 2 ** order);
  }

  #allocateWithin(isThorough: boolean): void {
    const random = this.#random;
    const order = this.#randomOrder();
    const { base, size, pageSize } = this.#buddy;
    const from = random.chance(0.2) ? undefined : Math.max(0, base + random.between(-pageSize, size));
    const to = random.chance(0.2)
      ? undefined
      : Math.max(from ?? 0, base + random.between(0, size + pageSize));
    const highest = random.chance(0.5);
    const range = {
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      ...(highest ? { highest } : {}),
    };
    const expected = isThorough
      ? this.#model.placeWithin(order, from ?? base, to ?? base + size, highest)
      : undefined;
    const offset = this.#buddy.tryAllocate(order, range);
    this.#expectPlace(`allocate(${order}, ${JSON.stringify(range)})`, offset, expected);
    if (offset === NONE) return;
    if (offset < (from ?? 0) || offset + 2 ** order * pageSize > (to ?? Infinity)) {
      fail(`allocate(${order}, ${JSON.stringify(range)}) gave ${offset}, outside the range`);
    }
    this.#take(offset, 2 ** order, 2 ** order);
  }

  #allocateRun(isThorough: boolean): void {
    const random = this.#random;
    const count = random.upTo(Math.max(2, this.#model.pageCount >> random.below(4)));
    const alignPages = random.chance(0.4) ? 2 ** random.below(6) : undefined;
    const align =
      alignPages === undefined
        ? undefined
        : Math.max(1, alignPages * this.#buddy.pageSize * random.pick([1, 0.5]));
    const options = align === undefined ? undefined : { align };
    const neededPages = Math.max(1, (align ?? 1) / this.#buddy.pageSize);
    const isPossible = isThorough ? this.#model.hasRun(count, neededPages) : undefined;
    const order = Math.ceil(Math.log2(count));
    const offset = this.#attempt(count, order, random.chance(0.5), {
      plain: () => this.#buddy.allocatePages(count, options),
      trying: () => this.#buddy.tryAllocatePages(count, options),
    });
    if (isPossible !== undefined)
      same(`allocatePages(${count}, ${align}) succeeds`, offset !== NONE, isPossible);
    if (offset !== NONE) this.#take(offset, count, neededPages);
  }

  #allocateAt(): void {
    const order = this.#randomOrder();
    const page = this.#random.below(this.#model.pageCount);
    const offset = this.#model.offsetOf(page);
    const call = (): number => this.#buddy.allocateAt(offset, order);
    const isInside = page + 2 ** order <= this.#model.pageCount;
    if (!isInside || !this.#model.isAligned(page, 2 ** order)) {
      expectArgumentError("offset", call, this.#state);
    } else if (this.#model.isFree(page, 2 ** order)) {
      same("allocateAt", call(), offset);
      this.#take(offset, 2 ** order, 2 ** order);
    } else expectRefusal("allocateAt on used pages", ["NOT_FREE"], call, this.#state);
  }

  #reserve(): void {
    const random = this.#random;
    const { base, size, pageSize } = this.#buddy;
    const offset = base + random.below(size);
    const byteLength = Math.min(base + size - offset, random.upTo(4 * pageSize));
    const page = Math.floor(this.#model.pageOf(offset));
    const count = Math.floor(this.#model.pageOf(offset + byteLength - 1)) - page + 1;
    const call = (): void => this.#buddy.reserve(offset, byteLength);
    if (this.#model.isFree(page, count)) {
      call();
      this.#take(this.#model.offsetOf(page), count, 1);
    } else expectRefusal("reserve on used pages", ["NOT_FREE"], call, this.#state);
  }

  #changePiece(): void {
    const index = this.#random.below(this.#pieces.length);
    if (this.#random.chance(0.8)) this.#free(index);
    else this.#resize(this.#pieces[index]!);
  }

  #free(index: number): void {
    const piece = this.#pieces[index]!;
    const offset = this.#model.offsetOf(piece.page);
    same("sizeOf", this.#buddy.sizeOf(offset), piece.pageCount * this.#buddy.pageSize);
    if (this.#random.chance(0.3)) this.#buddy.freePages(offset);
    else this.#buddy.free(offset);
    this.#model.set(piece.page, piece.pageCount, 0);
    this.#pieces[index] = this.#pieces.at(-1)!;
    this.#pieces.pop();
    if (this.#random.chance(0.02)) {
      expectRefusal("double free", ["DOUBLE_FREE"], () => this.#buddy.free(offset), this.#state);
    }
  }

  #resize(piece: Piece): void {
    const count = this.#random.chance(0.5)
      ? this.#random.upTo(piece.pageCount)
      : piece.pageCount + this.#random.upTo(8);
    const grown = count - piece.pageCount;
    const expected = grown <= 0 || this.#model.isFree(piece.page + piece.pageCount, grown);
    same("resizePages", this.#buddy.resizePages(this.#model.offsetOf(piece.page), count), expected);
    if (!expected) return;
    this.#model.set(piece.page, piece.pageCount, 0);
    this.#model.set(piece.page, count, piece.id);
    piece.pageCount = count;
  }

  #changeSize(): void {
    const random = this.#random;
    const model = this.#model;
    const { pageSize, maxSize, size } = this.#buddy;
    if (random.chance(0.05)) {
      this.#buddy.reset();
      model.owners.fill(0);
      model.begun.clear();
      this.#pieces.length = 0;
    } else if (random.chance(0.5)) {
      const pageCount = random.between(size / pageSize, maxSize / pageSize);
      this.#buddy.grow(pageCount * pageSize);
      while (model.pageCount < pageCount) model.owners.push(0);
    } else {
      const tail = model.owners.findLastIndex((owner) => owner !== 0) + 1;
      const wanted = random.chance(0.3) ? undefined : random.between(1, model.pageCount);
      const call = (): number => this.#buddy.shrinkTo(wanted === undefined ? undefined : wanted * pageSize);
      if (wanted !== undefined && wanted < tail) {
        expectRefusal("shrinkTo into used pages", ["NOT_FREE"], call, this.#state);
        return;
      }
      const pageCount = wanted ?? Math.max(1, tail);
      same("shrinkTo", call(), pageCount * pageSize);
      model.owners.length = pageCount;
      for (const page of model.begun) if (page >= pageCount) model.begun.delete(page);
    }
    same("size", this.#buddy.size, model.pageCount * pageSize);
  }

  #misuse(isThorough: boolean): void {
    const random = this.#random;
    const model = this.#model;
    const page = random.below(model.pageCount);
    const wrong = random.pick(NOT_INTEGERS);
    const state = isThorough ? this.#state : this.#cheapState;
    const kind = random.weighted(MISUSES);
    if (kind === "number") {
      // A fraction is a place inside a page; everything else lies outside the space.
      const offset = wrong + (Number.isInteger(wrong) ? 0 : this.#buddy.base);
      expectRefusal(`free(${offset})`, ["INVALID_FREE"], () => this.#buddy.free(offset), state);
      same(`isAllocated(${offset})`, this.#buddy.isAllocated(offset), false);
    } else if (kind === "order") {
      const order = random.pick([...NOT_INTEGERS, this.#buddy.maxOrder + 1, 32]);
      expectArgumentError("order", () => this.#buddy.tryAllocate(order), state);
    } else if (kind === "count") {
      expectArgumentError(
        "count",
        () => this.#buddy.tryAllocatePages(random.pick([...NOT_INTEGERS, 0])),
        state,
      );
    } else if (kind === "align") {
      expectArgumentError(
        "align",
        () => this.#buddy.tryAllocatePages(1, { align: random.pick([0, 3, NaN]) }),
        state,
      );
    } else if (kind === "size") {
      const size = random.pick([...NOT_INTEGERS, this.#buddy.maxSize + this.#buddy.pageSize, 0]);
      expectArgumentError("newSize", () => this.#buddy.grow(size), state);
    } else {
      const offset = model.offsetOf(page) + (random.chance(0.3) ? this.#buddy.pageSize / 2 : 0);
      const isHead = this.#pieces.some((piece) => piece.page === page);
      if (isHead && offset === model.offsetOf(page)) return;
      const isOnceBegun =
        model.owners[page] === 0 && model.begun.has(page) && offset === model.offsetOf(page);
      const codes = isOnceBegun ? (["DOUBLE_FREE", "INVALID_FREE"] as const) : (["INVALID_FREE"] as const);
      expectRefusal(`free(${offset})`, codes, () => this.#buddy.free(offset), state);
      expectRefusal(`sizeOf(${offset})`, ["NOT_ALLOCATED"], () => this.#buddy.sizeOf(offset), state);
      expectRefusal("resizePages", ["NOT_ALLOCATED"], () => this.#buddy.resizePages(offset, 1), state);
    }
  }

  /** Calls the plain or the `try` form; the plain one's error must tell the state of the moment. */
  #attempt(
    pageCount: number,
    order: number,
    isPlain: boolean,
    forms: { plain: () => number; trying: () => number },
  ): number {
    if (!isPlain) return forms.trying();
    const { freeBlocks, largestFreeBytes } = this.#buddy.stats();
    try {
      return forms.plain();
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
      same("requestedBytes", error.requestedBytes, pageCount * this.#buddy.pageSize);
      same("freeBytes", error.freeBytes, this.#buddy.freeBytes);
      same("largestFreeBytes", error.largestFreeBytes, largestFreeBytes);
      same("fragmentationIndex", error.fragmentationIndex, externalFragmentationIndex(freeBlocks, order));
      return NONE;
    }
  }

  #expectPlace(what: string, offset: number, page: number | undefined): void {
    if (page !== undefined) same(what, offset, page < 0 ? NONE : this.#model.offsetOf(page));
  }

  #take(offset: number, pageCount: number, alignPages: number): void {
    const page = this.#model.pageOf(offset);
    if (!this.#model.isAligned(page, alignPages))
      fail(`offset ${offset} is not aligned to ${alignPages} pages`);
    if (!this.#model.isFree(page, pageCount)) fail(`offset ${offset}: its ${pageCount} pages are not free`);
    const id = ++this.#lastId;
    this.#model.set(page, pageCount, id);
    this.#pieces.push({ id, page, pageCount });
  }

  #compare(): void {
    const buddy = this.#buddy;
    buddy.check();
    const blocks = this.#model.freeBlocks();
    const counts = Array.from({ length: buddy.maxOrder + 1 }, () => 0);
    for (const { order } of blocks) counts[order]!++;
    const stats = buddy.stats();
    same("freeBlocks", stats.freeBlocks.join(), counts.join());
    same("freePages", stats.freePages, this.#model.freePages);
    const free = [...buddy.blocks()].filter((block) => block.free);
    const places = blocks.map(({ page, order }) => `${this.#model.offsetOf(page)}/${order}`);
    same("free blocks", free.map(({ offset, order }) => `${offset}/${order}`).join(), places.join());
    const largest = Math.max(-1, ...blocks.map(({ order }) => order));
    same("largestFreeBytes", stats.largestFreeBytes, largest < 0 ? 0 : 2 ** largest * buddy.pageSize);
  }

  readonly #cheapState = (): string => JSON.stringify(this.#buddy.stats());
  readonly #state = (): string => this.#cheapState() + JSON.stringify([...this.#buddy.blocks()]);
}
