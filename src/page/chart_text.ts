/**
 * What stands at a chart's axes and in its heading: times and bytes, short.
 *
 * Owns: units and digits. Must not know: which chart it is.
 */

/** A time on the axis, to three digits, or so that it is told from one `step` seconds later. */
export function secondsText(seconds: number, step?: number): string {
  const size = Math.abs(seconds);
  if (size === 0) return "0";
  const [unit, name] = size < 0.001 ? [1e-6, "µs"] : size < 1 ? [1e-3, "ms"] : [1, "s"];
  return `${digits(seconds / unit, step === undefined ? step : step / unit)} ${name}`;
}

/** A duration that is told in milliseconds. */
export function millisecondsText(ms: number): string {
  return secondsText(ms / 1000);
}

/** Bytes, or a position in a stream, to three digits, or so that it is told from one `step` further. */
export function bytesText(bytes: number, step?: number): string {
  const size = Math.abs(bytes);
  if (size < 10_000) return String(Math.round(bytes));
  const [unit, name] = size < 1e6 ? [1e3, "k"] : size < 1e9 ? [1e6, "M"] : [1e9, "G"];
  return `${digits(bytes / unit, step === undefined ? step : step / unit)} ${name}`;
}

function digits(value: number, step: number | undefined): string {
  if (step === undefined) return String(Number(value.toPrecision(value >= 1000 ? 4 : 3)));
  // A step of 2.5 has one digit more than its size says.
  const places = Math.min(12, Math.max(0, 1 - Math.floor(Math.log10(step))));
  return String(Number(value.toFixed(places)));
}
