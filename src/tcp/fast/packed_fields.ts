/**
 * Packed fields: many numbers and switches of a record in one row and one integer, behind properties that read and
 * write like fields.
 *
 * Owns: how they are stored. Must not know: what they mean.
 *
 * Why: V8 keeps a field that has ever held anything but a 32-bit integer (a sequence number above 2^31, a time, Infinity)
 * in a box of its own, 16 bytes somewhere else, and a boolean takes 8 bytes. A record of 40 such numbers and 20 switches
 * needs 1,100 bytes in 42 places; packed, 380 bytes in one. With 100,000 connections what counts is how many places
 * a segment touches. Arrays that have only ever held numbers, not all of them small integers, store plain doubles.
 */

/** What a record with packed fields owns. */
interface Packed {
  /** The numbers, in the order in which they were named. */
  readonly row: number[];
  /** The switches, a bit each, the first one named lowest. */
  bits: number;
}

/** The numbers of a table, as properties of a record. */
export type PackedNumbers<Table> = { -readonly [Name in keyof Table]: number };

/** The switches of a table, as properties of a record. */
export type PackedSwitches<Table> = { -readonly [Name in keyof Table]: boolean };

/** Most switches of one record: an integer of 31 bits is never boxed. */
const MOST_SWITCHES = 31;

/** The row of a record whose numbers have just been defined by {@link defineNumbers}: to be copied with `slice`. */
export function initialRow(fields: Readonly<Record<string, number>>): number[] {
  // The first one makes it an array of doubles; an array that begins with integers would have to change its kind.
  const row = [0.5];
  for (const value of Object.values(fields)) row.push(value);
  row.shift();
  return row;
}

/** The bits of a record whose switches have just been defined by {@link defineSwitches}. */
export function initialBits(switches: Readonly<Record<string, boolean>>): number {
  return Object.values(switches).reduce((bits, isOn, place) => isOn ? bits | (1 << place) : bits, 0);
}

/** Gives `prototype` a property for each number, in the order of `fields`, whose values are those of {@link initialRow}. */
export function defineNumbers(prototype: object, fields: Readonly<Record<string, number>>): void {
  Object.keys(fields).forEach((name, place) => {
    Object.defineProperty(prototype, name, {
      get(this: Packed): number {
        return this.row[place];
      },
      set(this: Packed, value: number) {
        this.row[place] = value;
      },
    });
  });
}

/** Gives `prototype` a property for each switch. Throws where there are too many. */
export function defineSwitches(prototype: object, switches: Readonly<Record<string, boolean>>): void {
  const names = Object.keys(switches);
  if (names.length > MOST_SWITCHES) {
    throw new RangeError(`At most ${MOST_SWITCHES} switches, not ${names.length}`);
  }
  names.forEach((name, place) => {
    const mask = 1 << place;
    Object.defineProperty(prototype, name, {
      get(this: Packed): boolean {
        return (this.bits & mask) !== 0;
      },
      set(this: Packed, value: boolean) {
        this.bits = value ? this.bits | mask : this.bits & ~mask;
      },
    });
  });
}
