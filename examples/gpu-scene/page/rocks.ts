/**
 * The meshes: a rock for each cell of an endless plain, made from the cell's number alone.
 *
 * A vertex has 16 bytes: its position as three floats, and its color, shaded already, as four bytes.
 */

/** Bytes of a vertex. */
export const VERTEX_BYTES = 16;

/** The side of a cell. */
export const CELL_SIZE = 3;

/** Numbers from 0 to 1 that depend on the cell alone. */
function randomOf(x: number, z: number): () => number {
  let state = (Math.imul(x, 0x9e3779b1) ^ Math.imul(z, 0x85ebca6b)) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The shape of a rock: how many sides and rings it has, from a pebble to a pillar, and where it stands. */
interface Rock {
  readonly sides: number;
  readonly rings: number;
  readonly height: number;
  readonly radius: number;
  readonly color: readonly [number, number, number];
  readonly random: () => number;
}

function rockOf(x: number, z: number): Rock {
  const random = randomOf(x, z);
  const size = random() ** 4;
  const warmth = random();
  return {
    sides: 5 + Math.floor(size * 19),
    rings: 2 + Math.floor(size * 22),
    height: 0.3 + size * 5 + random() * 0.4,
    radius: 0.35 + size * 0.9,
    color: [0.55 + 0.25 * warmth, 0.5 + 0.1 * warmth, 0.55 - 0.15 * warmth],
    random,
  };
}

/** How many vertices the rock of a cell has. */
export function vertexCountOf(x: number, z: number): number {
  const { sides, rings } = rockOf(x, z);
  return sides * rings * 6;
}

/** Writes the vertices of a cell's rock into `bytes`, which has room for just these. */
export function writeRock(x: number, z: number, bytes: Uint8Array<ArrayBuffer>): void {
  const { sides, rings, height, radius, color, random } = rockOf(x, z);
  const floats = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const rim = Array.from({ length: (rings + 1) * sides }, () => 0.75 + 0.5 * random());
  const point = (side: number, ring: number): [number, number, number] => {
    const angle = ((side % sides) / sides) * 2 * Math.PI;
    const share = ring / rings;
    const reach = radius * Math.sqrt(1 - share * share) * rim[ring * sides + (side % sides)]!;
    return [
      (x + 0.5) * CELL_SIZE + Math.cos(angle) * reach,
      share * height,
      (z + 0.5) * CELL_SIZE + Math.sin(angle) * reach,
    ];
  };
  let vertex = 0;
  const triangle = (...corners: [number, number, number][]): void => {
    const light = shade(corners);
    for (const corner of corners) {
      floats.set(corner, vertex * 4);
      for (let channel = 0; channel < 3; channel++) {
        bytes[vertex * VERTEX_BYTES + 12 + channel] = Math.min(255, 255 * color[channel]! * light);
      }
      bytes[vertex * VERTEX_BYTES + 15] = 255;
      vertex++;
    }
  };
  for (let ring = 0; ring < rings; ring++) {
    for (let side = 0; side < sides; side++) {
      triangle(point(side, ring), point(side, ring + 1), point(side + 1, ring));
      triangle(point(side + 1, ring), point(side, ring + 1), point(side + 1, ring + 1));
    }
  }
}

/** How bright a triangle is in a light from above and one side. */
function shade([a, b, c]: [number, number, number][]): number {
  const [ux, uy, uz] = [b![0] - a![0], b![1] - a![1], b![2] - a![2]];
  const [vx, vy, vz] = [c![0] - a![0], c![1] - a![1], c![2] - a![2]];
  const normal = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
  const length = Math.hypot(...normal) || 1;
  const light = (0.35 * normal[0]! + 0.8 * normal[1]! + 0.45 * normal[2]!) / length;
  return 0.55 + 0.55 * Math.max(0, light);
}
