/**
 * Stories written by hand: segments in a short notation, and what was made of them.
 *
 * Owns: the notation. `C S 0` is a SYN of the client at its position 0; `S SA 0 1` the SYN, ACK of the server that
 * acknowledges position 1 of the client; `C A 1 1 len=100 at=0.5 win=0 ts=7/9 sack=201-301 wscale=7 id=5 ttl=64 urg=1`. Positions become numbers on
 * the wire by the ISNs given, so that any story can be told far into a stream.
 */
import { PacketStory } from "../../src/story/from_packets.ts";
import { Story, type StoryOptions } from "../../src/story/story.ts";
import type { ConnectionStory } from "../../src/story/connection_story.ts";
import type { EndName, SegmentRow } from "../../src/story/story_segment.ts";
import { FLAG } from "../../src/wire/tcp.ts";

const LETTERS: Readonly<Record<string, number>> = {
  S: FLAG.SYN,
  F: FLAG.FIN,
  R: FLAG.RST,
  P: FLAG.PSH,
  A: FLAG.ACK,
  U: FLAG.URG,
  E: FLAG.ECE,
  W: FLAG.CWR,
};

/** Where the story happens. */
export interface Place extends StoryOptions {
  readonly clientIsn?: number;
  readonly serverIsn?: number;
}

/** A story told, its last connection and all rows of that. */
export interface Told {
  readonly story: Story;
  readonly connection: ConnectionStory;
  readonly rows: SegmentRow[];
}

/** Tells a story; one line a segment, numbered from 1, 10 ms apart where no time is given. */
export function tell(text: string, place: Place = {}): Told {
  const { clientIsn = 1000, serverIsn = 5000, ...options } = place;
  const story = new Story(options);
  const packets = new PacketStory(story);
  const isn: Record<EndName, number> = { client: clientIsn, server: serverIsn };
  let time = 100;
  let connection: ConnectionStory | null = null;
  for (const [index, line] of text.trim().split("\n").entries()) {
    const [who, flags, seq, ...rest] = line.trim().split(/\s+/);
    const from: EndName = who === "C" ? "client" : "server";
    const to: EndName = who === "C" ? "server" : "client";
    const ack = rest.find((word) => /^-?\d+$/.test(word));
    const named = new Map(
      rest.filter((word) => word.includes("=")).map((word) => {
        const [name, value] = word.split("=");
        return [name, value] as const;
      }),
    );
    const number = (name: string, otherwise: number) => Number(named.get(name) ?? otherwise);
    time = named.has("at") ? 100 + number("at", 0) : time + 0.01;
    const ts = named.get("ts")?.split("/").map(Number);
    const sack = named.get("sack")?.split(",").map((block) => {
      const [left, right] = block.split("-").map((position) => (isn[to] + Number(position)) >>> 0);
      return [left, right] as const;
    });
    const bits = [...flags].reduce((sum, letter) => sum | (LETTERS[letter] ?? 0), 0);
    const checksum = named.get("sum");
    ({ connection } = packets.add({
      number: index + 1,
      time,
      source: from === "client" ? "10.0.0.2:40000" : "10.0.0.1:80",
      destination: from === "client" ? "10.0.0.1:80" : "10.0.0.2:40000",
      flags: bits,
      seq: (isn[from] + number("isn", 0) + Number(seq)) >>> 0,
      ack: ack === undefined ? 0 : (isn[to] + Number(ack)) >>> 0,
      window: number("win", 1000),
      length: number("len", 0),
      options: {
        ...(named.has("mss") ? { mss: number("mss", 0) } : {}),
        ...(named.has("wscale") ? { windowScale: number("wscale", 0) } : {}),
        ...(named.has("sackok") ? { sackPermitted: true as const } : {}),
        ...(sack === undefined ? {} : { sack }),
        ...(ts === undefined ? {} : { timestamps: { value: ts[0], echo: ts[1] } }),
      },
      ...(named.has("urg") ? { header: "\0".repeat(19) + String.fromCharCode(number("urg", 0)) } : {}),
      ...(named.has("id") ? { ipId: number("id", 0) } : {}),
      ...(named.has("ttl") ? { ttl: number("ttl", 0) } : {}),
      ...(checksum === "wrong" || checksum === "correct" || checksum === "partial" ? { checksum } : {}),
    }));
  }
  if (connection === null) throw new Error("A story without a segment");
  return { story, connection, rows: connection.segmentRows() };
}

/** `SYN_SENT#1 ESTABLISHED#3`, each with `?` where it is implied and `??` where it is unknown. */
export function pathText(connection: ConnectionStory, end: EndName): string {
  return connection.pathOf(end).map(({ state, number, grade }) =>
    `${state}#${number}${grade === "proven" ? "" : grade === "implied" ? "?" : "??"}`
  ).join(" ");
}

/** `3 retransmission-fast(2)`, for each row with marks. */
export function marksText(rows: readonly SegmentRow[]): string[] {
  return rows.filter(({ marks }) => marks.length > 0).map(({ segment, marks }) =>
    `${segment.number} ${
      marks.map(({ kind, of, confidence }) =>
        `${kind}${of === undefined ? "" : `(${of})`}${confidence === "likely" ? "?" : ""}`
      ).join(" ")
    }`
  );
}

/** A handshake, in three lines. */
export const HANDSHAKE = `C S 0
  S SA 0 1
  C A 1 1`;

/** A handshake with everything: scale 2, SACK, timestamps. */
export const FULL_HANDSHAKE = `C S 0 mss=1000 wscale=2 sackok=1 ts=1/0
  S SA 0 1 mss=1000 wscale=2 sackok=1 ts=501/1
  C A 1 1 ts=2/501`;
