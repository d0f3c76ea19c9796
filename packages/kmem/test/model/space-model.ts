/** The plainest model of a space: an array with a cell for each unit of it, which holds its owner's number. */
import { fail } from "./driver.ts";

/** Who has which part of a space; 0 is nobody. Positions are offsets in bytes, as the allocator gives them. */
export class SpaceModel {
  readonly base: number;
  readonly unitBytes: number;
  readonly cells: Int32Array;

  constructor(base: number, byteLength: number, unitBytes: number) {
    this.base = base;
    this.unitBytes = unitBytes;
    this.cells = new Int32Array(Math.ceil(byteLength / unitBytes));
  }

  /** Gives bytes `offset` to `offset + byteLength` to `owner`; fails when they are another's or outside. */
  claim(offset: number, byteLength: number, owner: number): void {
    const start = (offset - this.base) / this.unitBytes;
    const end = start + Math.ceil(byteLength / this.unitBytes);
    if (!Number.isInteger(start) || start < 0 || end > this.cells.length) {
      fail(`offset ${offset} with ${byteLength} bytes is not in the space`);
    }
    for (let cell = start; cell < end; cell++) {
      if (this.cells[cell] !== 0) {
        fail(`offset ${offset} with ${byteLength} bytes overlaps object ${this.cells[cell]}`);
      }
    }
    this.cells.fill(owner, start, end);
  }

  /** Makes bytes `offset` to `offset + byteLength` nobody's. */
  release(offset: number, byteLength: number): void {
    const start = (offset - this.base) / this.unitBytes;
    this.cells.fill(0, start, start + Math.ceil(byteLength / this.unitBytes));
  }

  /** The owner of the byte at `offset`, 0 for nobody. */
  ownerOf(offset: number): number {
    return this.cells[Math.floor((offset - this.base) / this.unitBytes)] ?? 0;
  }
}
