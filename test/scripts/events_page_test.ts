/**
 * docs/events.md is what the schema says, and the schema says what the lines hold.
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { eventsPage, eventsPagePath } from "../../scripts/write_events_page.ts";
import { eventToJson } from "../../src/observe/event_json.ts";
import { EVENT_FIELDS, FIELD_NAMES } from "../../src/tcp/event_fields.ts";
import { anyEvent } from "../observe/sample_events.ts";

Deno.test("docs/events.md is what the schema says (deno task events)", async () => {
  assertEquals(await Deno.readTextFile(eventsPagePath()), eventsPage());
});

Deno.test("every line holds fields of the schema alone, in its order, all that are not optional, of its types", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(anyEvent, (event) => {
      const { event: kind, time: _time, ...rest } = JSON.parse(eventToJson(event));
      seen.add(kind);
      const names = FIELD_NAMES.get(event.event) ?? [];
      assertEquals(Object.keys(rest), names.filter((name) => name in rest));
      const fields: ReadonlyMap<string, { type: string; optional: boolean }> = new Map(
        Object.entries(EVENT_FIELDS[event.event].fields),
      );
      for (const [name, { type, optional }] of fields) {
        assert(optional || name in rest, `${kind} lacks ${name}`);
        if (name in rest) assertType(type, rest[name], `${kind}.${name}`);
      }
    }),
    { numRuns: 1000 },
  );
  assertEquals([...seen].sort(), Object.keys(EVENT_FIELDS).sort());
});

function assertType(type: string, value: unknown, what: string): void {
  switch (type) {
    case "flags":
    case "list of strings":
      assert(Array.isArray(value) && value.every((item) => typeof item === "string"), what);
      return;
    case "flags or null":
      assert(value === null || Array.isArray(value), what);
      return;
    case "options":
    case "counters":
      assert(typeof value === "object" && value !== null && !Array.isArray(value), what);
      return;
    default:
      assertEquals(typeof value, type, what);
  }
}
