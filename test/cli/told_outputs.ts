/**
 * What must hold of every file and of every ladder that is made of a connection, whatever was in the capture.
 *
 * Owns: these demands. Must not know: where the connection comes from.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type LadderPage, ladderText } from "../../src/observe/ladder_text.ts";
import { ladderSvg } from "../../src/observe/ladder_svg.ts";
import { packetdrillScript } from "../../src/script/script_of_connection.ts";
import { qlogText } from "../../src/observe/qlog.ts";
import type { ConnectionStory } from "../../src/story/connection_story.ts";
import { ladderOf } from "../../src/story/ladder.ts";
import { storedSource, storeStory } from "../../src/story/stored_story.ts";
import { END_NAMES } from "../../src/story/story_segment.ts";
import { demandWellFormed } from "../observe/well_formed_svg.ts";

const SOURCE = "damaged.pcap";
/** More than a capture of these has, none, and so few that the middle is left out. */
const STORED_ROWS = [4160, 0, 5];

/** Demands all of it. */
export function assertOutputs(connection: ConnectionStory): void {
  const ladder = ladderOf(connection);
  const page: LadderPage = { width: 80, color: false, isUtf8: false };
  const text = textOf(connection, page);
  assertPlain(text);
  // deno-lint-ignore no-control-regex
  assertMatch(text, /^[\x00-\x7f]*$/);
  assertPlain(textOf(connection, { ...page, isUtf8: true, left: "server" }));
  const svg = ladderSvg(ladder, { title: SOURCE });
  demandWellFormed(svg);
  assertWords(svg);
  for (const side of END_NAMES) {
    assertScript(packetdrillScript(connection, { side, source: SOURCE }));
    assertQlog(connection, qlogText([connection], { side, source: SOURCE }));
  }
  for (const rows of STORED_ROWS) assertStored(connection, { rows, page, text });
}

function textOf(source: Parameters<typeof ladderOf>[0], page: LadderPage): string {
  const { head, body, legend } = ladderText(ladderOf(source), page);
  return [...head, ...body, ...legend].join("\n");
}

/** Nothing in it is a command for a terminal, or a value that nobody put in words. */
export function assertPlain(text: string): void {
  // deno-lint-ignore no-control-regex
  assert(/^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f]*$/.test(text));
  assertWords(text);
}

function assertWords(text: string): void {
  const slip = /.*(undefined|NaN|Infinity|\[object).*/.exec(text);
  assertEquals(slip?.[0], undefined);
}

const TIME = String.raw`(?:\+(?:0|\d+|\d*\.\d{1,6})|0)`;
const OPTION = String
  .raw`(?:nop|mss \d+|sackOK|wscale \d+|TS val \d+ ecr \d+|sack \d+:\d+(?: \d+:\d+)*|FO(?:EXP)?(?: (?:[0-9a-f]{2})+)?|\.\.\.)`;
const SEGMENT = String
  .raw`[<>] (?:[FSRPUEW.]+|-) \d+:\d+\(\d+\)(?: ack \d+)?(?: win \d+)?(?: <${OPTION}(?:,${OPTION})*>)?(?:  // .+)?`;
const CALL = String.raw`[a-z]+\(.*\) = -?\d+(?: EINPROGRESS \(Operation now in progress\))?`;
/** A line of a script: nothing, a comment, a setting, a command, a call, a segment. */
const LINE = new RegExp(
  String.raw`^(?:|//.*|--[a-z_]+=\w+|\`sysctl -q .*\`|${TIME} (?:${SEGMENT}|${CALL}))$`,
);

function assertScript(script: string): void {
  assertPlain(script);
  assert(script.endsWith("\n"));
  for (const line of script.split("\n")) {
    assertMatch(line, LINE);
    for (const [number] of line.replace(/\/\/.*|^\S+|FO(?:EXP)? [0-9a-f]+/g, "").matchAll(/\d{10,}/g)) {
      assert(Number(number) <= 0xffffffff, line);
    }
    const [, start, end, length] = /[<>] \S+ (\d+):(\d+)\((\d+)\)/.exec(line) ?? [];
    if (start === undefined) continue;
    // Positions have 32 bits, and no segment lies across their end: the language has no way to say it.
    assertEquals(Number(start) + Number(length), Number(end), line);
    assert(Number(length) <= 0xffff, line);
  }
}

function assertQlog(connection: ConnectionStory, text: string): void {
  const { traces } = JSON.parse(text);
  // JSON makes null of what is no number, and a trace has no other.
  const withoutNull = (value: unknown): boolean =>
    value !== null && (typeof value !== "object" || Object.values(value).every(withoutNull));
  assert(withoutNull(traces), text);
  const [{ events }] = traces;
  const packets = events.filter(({ name }: { name: string }) => name.startsWith("transport:packet_"));
  assertEquals(packets.length, connection.segmentRows().length);
  for (const { time } of events) assert(time >= 0);
}

/** What comes out of the document is what went in. */
function assertStored(
  connection: ConnectionStory,
  { rows, page, text }: { readonly rows: number; readonly page: LadderPage; readonly text: string },
): void {
  const stored = storeStory(connection, rows);
  const again: typeof stored = JSON.parse(JSON.stringify(stored));
  const kept = stored.first.length + stored.last.length;
  const all = connection.segmentRows().length;
  assertEquals(kept, Math.min(all, rows));
  assertEquals(kept + (stored.between?.count ?? 0), all);
  const told = textOf(storedSource(again), page);
  if (rows >= all) assertEquals(told, text);
  else assertPlain(told);
}
