/**
 * An assembler for the little WebAssembly that `fast-path.ts` needs: functions on 32-bit words, without a stack.
 *
 * Code is an array of bytes. What yields a word is put together from what yields its operands, so code reads from the
 * outside in, as any expression does. WebAssembly Core Specification, chapter 5 (Binary Format).
 */

/** Bytes of instructions, or of any other part of a module. */
export type Code = readonly number[];

const I32 = 0x7f;

/** `value`, not negative, in LEB128. */
function unsigned(value: number): Code {
  return value < 128 ? [value] : [(value % 128) | 128, ...unsigned(Math.floor(value / 128))];
}

/** A signed word in LEB128. */
function signed(value: number): Code {
  return value >= -64 && value < 64 ? [value & 127] : [(value & 127) | 128, ...signed(value >> 7)];
}

/** Parts one behind the other, their number first. */
function vector(parts: readonly Code[]): Code {
  return [...unsigned(parts.length), ...parts.flat()];
}

/** Bytes, their number first. */
function sized(bytes: Code): Code {
  return [...unsigned(bytes.length), ...bytes];
}

function name(text: string): Code {
  return sized(Array.from(text, (letter) => letter.charCodeAt(0)));
}

/** The word `value`. */
export const constant = (value: number): Code => [0x41, ...signed(value)];
/** A parameter or local variable, by index. */
export const get = (local: number): Code => [0x20, local];
/** Stores a word in a local variable. */
export const set = (local: number, value: Code): Code => [...value, 0x21, local];
/** The same, and yields the word. */
export const tee = (local: number, value: Code): Code => [...value, 0x22, local];

/** The word at a byte address plus a constant offset, a multiple of 4 together. */
export const load = (address: Code, offset = 0): Code => [...address, 0x28, 2, ...unsigned(offset)];
/** The byte there. */
export const load8 = (address: Code, offset = 0): Code => [...address, 0x2d, 0, ...unsigned(offset)];
/** Stores a word there. */
export const store = (address: Code, value: Code, offset = 0): Code => [
  ...address,
  ...value,
  0x36,
  2,
  ...unsigned(offset),
];
/** Stores the low byte of a word there. */
export const store8 = (address: Code, value: Code, offset = 0): Code => [
  ...address,
  ...value,
  0x3a,
  0,
  ...unsigned(offset),
];

/** An instruction that takes two words. */
type Binary = (left: Code, right: Code) => Code;
const binary =
  (opcode: number): Binary =>
  (left, right) => [...left, ...right, opcode];

export const add: Binary = binary(0x6a);
export const multiply: Binary = binary(0x6c);
export const and: Binary = binary(0x71);
export const or: Binary = binary(0x72);
export const xor: Binary = binary(0x73);
export const shiftLeft: Binary = binary(0x74);
/** Shifts zeros in from the left. */
export const shiftRight: Binary = binary(0x76);
/** 1 where the left word is less, both unsigned; else 0. */
export const isBelow: Binary = binary(0x49);
/** 1 for 0, else 0. */
export const isZero = (word: Code): Code => [...word, 0x45];

/** Does `body` unless the word is 0. */
export const when = (condition: Code, body: Code): Code => [...condition, 0x04, 0x40, ...body, 0x0b];
/** Ends the function; a value that it is to have comes before. */
export const leave: Code = [0x0f];
/** Calls a function by index: imported ones come first. */
export const call = (index: number, argument: Code): Code => [...argument, 0x10, index];

/** A function of one word that returns a word, or nothing. */
export interface Signature {
  readonly name: string;
  readonly returns: boolean;
}

/** A function of the module's own, exported. */
export interface Definition extends Signature {
  /** Local variables beside the parameter, which is number 0. */
  readonly locals: number;
  readonly body: Code;
}

/** A section of a module: its number, and what it lists. */
function section(id: number, parts: readonly Code[]): Code {
  return [id, ...sized(vector(parts))];
}

/** A function's type, by its place in the section of types. */
function typeOf({ returns }: Signature): Code {
  return [returns ? 1 : 0];
}

/**
 * A module that imports from "kmem" a memory called "tables" and the functions `imported`, numbered from 0, and exports
 * `defined`, whose numbers follow.
 */
export function assemble(imported: readonly Signature[], defined: readonly Definition[]): Uint8Array {
  const magic: Code = [0x00, 0x61, 0x73, 0x6d];
  const version: Code = [1, 0, 0, 0];
  const types = section(1, [
    [0x60, 1, I32, 0],
    [0x60, 1, I32, 1, I32],
  ]);
  const imports = section(2, [
    [...name("kmem"), ...name("tables"), 0x02, 0x00, 0],
    ...imported.map((signature) => [...name("kmem"), ...name(signature.name), 0x00, ...typeOf(signature)]),
  ]);
  const functions = section(3, defined.map(typeOf));
  const exported = defined.map((own, index) => [...name(own.name), 0x00, imported.length + index]);
  const bodies = defined.map(({ locals, body }) => sized([1, locals, I32, ...body, 0x0b]));
  const parts = [magic, version, types, imports, functions, section(7, exported), section(10, bodies)];
  return Uint8Array.from(parts.flat());
}
