/**
 * Setting: one name of a kernel's settings, and what its values mean here.
 *
 * Owns: the shape of such a row, and the kinds that occur often. Must not know: names.
 */
import type { TcpConfig } from "../tcp/config.ts";
import type { SettingChanges, SettingsSoFar } from "./settings.ts";

/** One that changes something. */
export interface ChangingSetting {
  /** What a value changes; null where it is no value of this setting, or one that is not there. */
  change(value: string, soFar: SettingsSoFar): SettingChanges | null;
  /** The value now; absent where it is not asked for. */
  read?(soFar: SettingsSoFar): string;
}

/** One without influence here. */
export interface IdleSetting {
  readonly reason: string;
  /** Only these values are without influence; absent: all. */
  readonly values?: readonly string[];
}

/** See the file's comment. */
export type Setting = ChangingSetting | IdleSetting;

type NamesOf<Value> = {
  [Name in keyof TcpConfig]-?: TcpConfig[Name] extends Value ? (Value extends TcpConfig[Name] ? Name : never)
    : never;
}[keyof TcpConfig];

/** A whole number; null for anything else. */
export function wholeNumber(value: string): number | null {
  if (!/^(?:\d+|0x[0-9a-f]+)$/i.test(value)) return null;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : null;
}

/** Whole numbers behind one another. */
export function wholeNumbers(value: string, count: number): number[] | null {
  const numbers = value.trim().split(/\s+/).map(wholeNumber);
  const whole = numbers.filter((number) => number !== null);
  return whole.length === count && numbers.length === count ? whole : null;
}

/** 0 or 1 for a switch of the machine. */
export function onOff(name: NamesOf<boolean>): ChangingSetting {
  return {
    change: (value) => value === "0" || value === "1" ? { tcp: { [name]: value === "1" } } : null,
    read: ({ tcp }) => tcp[name] ? "1" : "0",
  };
}

/** A number of the machine's, of which the kernel's unit is `unit` of ours. */
export function numberOf(
  name: NamesOf<number>,
  { unit = 1, least = 0 }: { readonly unit?: number; readonly least?: number } = {},
): ChangingSetting {
  return {
    change: (value) => {
      const number = wholeNumber(value);
      return number === null || number < least ? null : { tcp: { [name]: number * unit } };
    },
    read: ({ tcp }) => String(tcp[name] / unit),
  };
}

/** Values by their text. */
export function oneOf<Name extends keyof TcpConfig>(
  name: Name,
  values: Readonly<Record<string, TcpConfig[Name]>>,
): ChangingSetting {
  return {
    change: (value) => {
      const meant = new Map(Object.entries(values)).get(value);
      if (meant === undefined) return null;
      const tcp: Partial<TcpConfig> = {};
      tcp[name] = meant;
      return { tcp };
    },
    read: ({ tcp }) => Object.entries(values).find(([, meant]) => meant === tcp[name])?.[0] ?? "",
  };
}

/** Without influence, and why. */
export function idle(reason: string, values?: readonly string[]): IdleSetting {
  return values === undefined ? { reason } : { reason, values };
}
