/**
 * Reads numbers and words out of the bytes of one line, without making strings.
 *
 * Costs: every method is one pass over the bytes that it steps over. Numbers are read as doubles, so they are
 * exact up to 2^53; a method that finds no number returns -1 and stays where it was.
 */

const TAB = 0x09;
const SPACE = 0x20;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const LETTER_A = 0x61;
const UNDERSCORE = 0x5f;
const LETTER_X = 0x78;
const LETTER_Z = 0x7a;
/** ASCII letters differ from their capitals in this bit. */
const LOWER_CASE_BIT = 0x20;
/** Digits of a 64-bit number in hexadecimal. */
const MAX_HEX_DIGITS = 16;
/** The lower 48 bits: 12 hexadecimal digits. */
const LOWER_DIGITS = 12;

/** Is this byte one of 0 to 9? */
export function isDigit(byte: number): boolean {
  return byte >= DIGIT_0 && byte <= DIGIT_9;
}

/** Is this byte part of an event's or a field's name? */
export function isWordByte(byte: number): boolean {
  const lower = byte | LOWER_CASE_BIT;
  return (lower >= LETTER_A && lower <= LETTER_Z) || isDigit(byte) || byte === UNDERSCORE;
}

/** The value of each byte as a hexadecimal digit, or -1. */
const HEX_DIGITS = new Int8Array(256).fill(-1);
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16);
  HEX_DIGITS[digit.charCodeAt(0)] = value;
  HEX_DIGITS[digit.toUpperCase().charCodeAt(0)] = value;
}

/** The ASCII bytes of a text. */
export function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A reading position in one line. One cursor serves a whole file. */
export class LineCursor {
  bytes: Uint8Array = new Uint8Array(0);
  /** First byte of the line. */
  start = 0;
  /** One past the line's last byte. */
  end = 0;
  /** The next byte to read. */
  at = 0;
  /** Upper 16 bits of the last number that `readHex64` read. */
  upper16 = 0;
  /** Digits of the last number that `readHex64` read. */
  digits = 0;

  /** Starts on another line. */
  reset(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.at = start;
  }

  /** The byte at the position, or -1 at the end of the line. */
  peek(): number {
    return this.at < this.end ? this.bytes[this.at]! : -1;
  }

  skipSpaces(): void {
    while (this.at < this.end && this.bytes[this.at] === SPACE) this.at++;
  }

  /** Skips spaces and tabs. */
  skipBlanks(): void {
    while (this.at < this.end && (this.bytes[this.at] === SPACE || this.bytes[this.at] === TAB)) this.at++;
  }

  skipToSpace(): void {
    while (this.at < this.end && this.bytes[this.at] !== SPACE) this.at++;
  }

  /** Reads a decimal number; -1 where none stands. */
  readDecimal(): number {
    const { bytes, end } = this;
    let at = this.at;
    let value = 0;
    while (at < end) {
      const digit = bytes[at]! - DIGIT_0;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      at++;
    }
    if (at === this.at) return -1;
    this.at = at;
    return value;
  }

  /** Reads a number that is hexadecimal after `0x` and decimal otherwise; -1 where none stands. */
  readDecimalOrHex(): number {
    return this.#skipHexMark() ? this.#readHexBelow2To53() : this.readDecimal();
  }

  /**
   * Reads up to 16 hexadecimal digits, with or without `0x`: returns the lower 48 bits and leaves the upper 16
   * in `upper16` and the count of digits in `digits`. -1 where no such number stands.
   */
  readHex64(): number {
    const { bytes, end } = this;
    const start = this.at;
    this.#skipHexMark();
    const first = this.at;
    let past = first;
    while (past < end && HEX_DIGITS[bytes[past]!]! >= 0) past++;
    const digits = past - first;
    if (digits === 0 || digits > MAX_HEX_DIGITS) {
      this.at = start;
      return -1;
    }
    const lowerStart = Math.max(first, past - LOWER_DIGITS);
    let upper = 0;
    for (let at = first; at < lowerStart; at++) upper = upper * 16 + HEX_DIGITS[bytes[at]!]!;
    let lower = 0;
    for (let at = lowerStart; at < past; at++) lower = lower * 16 + HEX_DIGITS[bytes[at]!]!;
    this.upper16 = upper;
    this.digits = digits;
    this.at = past;
    return lower;
  }

  /** Steps over `text` if it stands here. */
  accept(text: Uint8Array): boolean {
    if (!this.#standsAt(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  /** Moves to just after the next `text`. Stays where it is and returns false if there is none. */
  seekPast(text: Uint8Array): boolean {
    const found = this.indexOf(text);
    if (found < 0) return false;
    this.at = found + text.length;
    return true;
  }

  /** Where `text` next stands in this line, at or after the position; -1 if nowhere. */
  indexOf(text: Uint8Array): number {
    const { bytes } = this;
    const first = text[0]!;
    const last = this.end - text.length;
    for (let at = this.at; at <= last; at++) {
      if (bytes[at] === first && this.#standsAt(text, at)) return at;
    }
    return -1;
  }

  /** Up to `maxLength` characters from the position on, printable, for a message. */
  excerpt(maxLength: number): string {
    const past = Math.min(this.end, this.at + maxLength);
    let text = "";
    for (let at = this.at; at < past; at++) {
      const byte = this.bytes[at]!;
      text +=
        byte >= SPACE && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
    }
    return past < this.end ? `${text}…` : text;
  }

  #standsAt(text: Uint8Array, position: number): boolean {
    if (position + text.length > this.end) return false;
    for (let index = 0; index < text.length; index++) {
      if (this.bytes[position + index] !== text[index]) return false;
    }
    return true;
  }

  #skipHexMark(): boolean {
    const { bytes, at } = this;
    if (at + 2 >= this.end || bytes[at] !== DIGIT_0 || (bytes[at + 1]! | LOWER_CASE_BIT) !== LETTER_X)
      return false;
    this.at = at + 2;
    return true;
  }

  #readHexBelow2To53(): number {
    const lower = this.readHex64();
    // 0x1f: 48 + 5 bits are the 53 that a double holds exactly.
    return lower < 0 || this.upper16 > 0x1f ? -1 : this.upper16 * 2 ** 48 + lower;
  }
}
