/**
 * Frees that wait for the GPU.
 *
 * All that is given before the running code ends or awaits forms one batch, which waits once for the queue: as many
 * promises as batches, not as frees.
 */
import type { QueueLike } from "./device.ts";

/** Batches of items, each released when its queue is done. */
export class DeferredFrees<Item> {
  /** Items that wait. */
  count = 0;
  private readonly open = new Map<QueueLike, Item[]>();
  private readonly release: (item: Item) => void;
  private last: Promise<unknown> = Promise.resolve();

  /** Calls `release` for each item in its time. */
  constructor(release: (item: Item) => void) {
    this.release = release;
  }

  /** Has `item` released when what is submitted to `queue` up to the end of the running code is done. O(1). */
  add(item: Item, queue: QueueLike): void {
    this.count++;
    const batch = this.open.get(queue);
    if (batch !== undefined) batch.push(item);
    else this.last = Promise.all([this.last, this.run([item], queue)]);
  }

  /** Resolves when everything given so far is released. */
  async settled(): Promise<void> {
    await this.last;
  }

  private async run(batch: Item[], queue: QueueLike): Promise<void> {
    this.open.set(queue, batch);
    await undefined;
    this.open.delete(queue);
    // A lost device does no more work: nothing is left to wait for.
    await queue.onSubmittedWorkDone().catch(() => {});
    this.count -= batch.length;
    for (const item of batch) this.release(item);
  }
}
