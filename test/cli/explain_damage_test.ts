/**
 * Damaged captures told to the end: cut at every length, bits turned, of random segments. Nothing throws, and what is told holds together:
 * paths are made of rows of the table, frames are those of the file, numbers are numbers, nothing in the text is for a terminal; and so it is
 * with ladders, pictures, scripts, qlogs and pages (told_outputs.ts).
 */
import { assert, assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { SegmentReader } from "../../src/cli/capture_segments.ts";
import { explainedList } from "../../src/observe/explain_list.ts";
import { explainedText } from "../../src/observe/explain_text.ts";
import type { ConnectionStory } from "../../src/story/connection_story.ts";
import type { ExplainedConnection } from "../../src/story/explain_json.ts";
import { PacketStory } from "../../src/story/from_packets.ts";
import { Story } from "../../src/story/story.ts";
import { TRANSITIONS } from "../../src/tcp/transitions.ts";
import { CaptureFile } from "../../src/wire/capture_file.ts";
import { SAMPLES } from "../wire/capture_samples.ts";
import { assertOutputs, assertPlain } from "./told_outputs.ts";

const ROWS = new Map<string, readonly [string, string]>(
  TRANSITIONS.map(({ id, from, to }) => [id, [from, to]]),
);
const FIXTURES = ["tcp_bare", "tcp_loss", "tcp_offload", "ipv6", "vlan"].map((name) => ({
  name,
  file: Deno.readFileSync(new URL(`../wire/fixtures/${name}.pcap`, import.meta.url)),
}));

/** All that is told of a file, after looking at it. */
function assertTold(file: Uint8Array): readonly ExplainedConnection[] {
  const capture = new CaptureFile();
  const reader = new SegmentReader();
  const story = new Story();
  const packets = new PacketStory(story);
  capture.push(file);
  capture.end();
  let last = 0;
  for (let packet = capture.next(); packet !== null; packet = capture.next()) {
    last = packet.number;
    const segment = reader.take(packet);
    if (segment !== null) packets.add(segment);
  }
  const told = story.explained();
  for (const one of told) assertSound(one, last);
  assertLessOrEqual(told.length, reader.segments);
  const page = { width: 80, color: false };
  assertPlain(told.map((one) => explainedText(one, page)).join("\n"));
  assertPlain(explainedList(told, page));
  for (const connection of story.connections()) assertMade(connection, told);
  return told;
}

/** Local choice: files are made of one in so many connections, which takes as long as telling them all. */
const MADE_OF = 8;
/** What has been seen already: of the same rows the same is made. */
const seen = new Set<string>();

function assertMade(connection: ConnectionStory, told: readonly ExplainedConnection[]): void {
  const key = JSON.stringify([connection.segmentRows(), told.find(({ id }) => id === connection.id)]);
  if (seen.has(key)) return;
  seen.add(key);
  if (seen.size % MADE_OF === 1) assertOutputs(connection);
}

function assertSound(one: ExplainedConnection, last: number): void {
  assertFinite(one, "");
  assert(one.firstFrame >= 1 && one.firstFrame <= one.lastFrame && one.lastFrame <= last);
  for (const { states } of [one.ends.client, one.ends.server]) {
    states.forEach(({ state, row, frame, provenBy }, i) => {
      if (i === 0) assertEquals(row, undefined);
      else assertEquals(ROWS.get(row ?? ""), [states[i - 1].state, state]);
      assert(frame >= one.firstFrame && frame <= one.lastFrame, `${state} at ${frame}`);
      assert(provenBy === undefined || (provenBy >= one.firstFrame && provenBy <= one.lastFrame));
    });
  }
  for (const { kind, frames, text } of one.findings) {
    assert(text !== "" && !/undefined|NaN|Infinity/.test(text), `${kind}: ${text}`);
    for (const frame of frames) assert(frame >= 1 && frame <= last, `${kind} at ${frame}`);
  }
}

/** JSON makes null of what is no number. */
function assertFinite(value: unknown, path: string): void {
  if (typeof value === "number") assert(Number.isFinite(value), path);
  else if (typeof value === "object" && value !== null) {
    for (const [key, part] of Object.entries(value)) assertFinite(part, `${path}.${key}`);
  }
}

Deno.test("the captures as they are: connections with states", () => {
  for (const { name, file } of [...FIXTURES, ...SAMPLES]) {
    assertGreater(assertTold(file).length, 0, name);
  }
});

Deno.test("cut at every length: what was before is told", () => {
  for (const { file } of [...FIXTURES, ...SAMPLES]) {
    for (let length = 0; length <= file.length; length++) assertTold(file.subarray(0, length));
  }
});

Deno.test("bits turned, one at a time: nothing throws, and what is told holds together", () => {
  for (const { file } of [...FIXTURES, ...SAMPLES]) {
    // All of the small ones; of others one in so many, each bit of a byte in its turn.
    const step = file.length < 1000 ? 1 : 37;
    for (let bit = 0; bit < file.length * 8; bit += step) {
      const damaged = file.slice();
      damaged[bit >>> 3] ^= 1 << (bit & 7);
      assertTold(damaged);
    }
  }
});

Deno.test("a time stamp that has become Fast Open's option, of either kind, is told in each output", () => {
  let changed = 0;
  for (const { file } of FIXTURES) {
    for (let at = 0; at + 6 < file.length; at++) {
      // Two NOPs, then kind 8 with its length (RFC 7323 §3.2); kind 34, or the experiment that came before it (RFC 7413 §4.1.1).
      if (file[at] !== 1 || file[at + 1] !== 1 || file[at + 2] !== 8 || file[at + 3] !== 10) continue;
      for (const octets of [[34, 10], [254, 10, 0xf9, 0x89]]) {
        const damaged = file.slice();
        damaged.set(octets, at + 2);
        assertTold(damaged);
        changed++;
      }
    }
  }
  assertGreater(changed, 20);
});

Deno.test("property: many bytes changed at once", () => {
  const changes = fc.array(fc.tuple(fc.nat(0xffff), fc.nat(255)), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(fc.constantFrom(...FIXTURES), changes, ({ file }, list) => {
      const damaged = file.slice();
      for (const [at, value] of list) damaged[at % damaged.length] = value;
      assertTold(damaged);
    }),
    { numRuns: 2000 },
  );
});
