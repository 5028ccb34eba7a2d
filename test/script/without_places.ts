/** Scripts compared: what is the same but for the places where it stands. */

/** The value without its places; octets as numbers. */
export function withoutPlaces(value: unknown): unknown {
  if (value instanceof Uint8Array) return ["octets", ...value];
  if (Array.isArray(value)) return value.map(withoutPlaces);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([name]) => name !== "place");
  return Object.fromEntries(entries.map(([name, part]) => [name, withoutPlaces(part)]));
}
