/**
 * What the requirements about options claim, each broken once to see its test fail: options are read in every segment,
 * wherever they stand, past those that nobody knows; and our own take their room from the MSS.
 */
import { assertEquals } from "@std/assert";
import { TCP } from "../../src/wire/tcp.ts";
import { FAMILY, HEADERS, LAB_MTU } from "./family.ts";
import { Lab } from "./harness.ts";
import type { Seen } from "./peer.ts";
import { ALL_OPTIONS, type Fixture, reachEstablished } from "./states.ts";

/** The MSS that a host takes from a SYN with these option bytes: its largest segment then. */
function understoodMss(rawOptions: readonly number[]): number {
  const lab = new Lab({ tcp: { noDelay: true } });
  const apps = lab.listen();
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0, rawOptions });
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  peer.takeAll();
  apps[0].write(3000);
  return Math.max(...peer.takeAll().map(({ data }) => data.length));
}

/** 1,000, 0x3e8, as an MSS option. */
const MSS = [2, 4, 3, 0xe8];

for (const lead of [0, 1, 2, 3]) {
  Deno.test(`the MSS is understood ${lead} bytes beside a word boundary (MUST-64, RFC 9293 §3.1)`, () => {
    const nops = (count: number) => new Array(count).fill(1);
    assertEquals(understoodMss([...nops(lead), ...MSS, ...nops((4 - lead) % 4)]), 1000);
  });
}

Deno.test("the list ends at End of Option List, and goes on behind No-Operation (MUST-4, RFC 9293 §3.1)", () => {
  assertEquals(understoodMss([0, 0, 0, 0, ...MSS]), FAMILY.defaultMss);
  assertEquals(understoodMss([...MSS, 0, 2, 4, 5]), 1000);
  assertEquals(understoodMss([1, 1, 1, 1, ...MSS]), 1000);
  // Neither of the two has a length: what follows is not one.
  assertEquals(understoodMss([1, 2, 4, 3, 0xe8, 1, 0, 4]), 1000);
});

Deno.test("an unknown option is passed over by its length, and those behind it count (MUST-6, MUST-68, RFC 9293 §3.1)", () => {
  assertEquals(understoodMss([99, 2, 1, 1, ...MSS]), 1000);
  // What stands inside the unknown one is nobody's.
  assertEquals(understoodMss([254, 8, 2, 4, 5, 0xb4, 2, 4, ...MSS]), 1000);
  assertEquals(understoodMss([253, 6, 0, 0, 0, 0, ...MSS, 1, 1]), 1000);
});

/** Whether a SACK option in these bytes is heeded: all but the first of ten segments arrived, which is then sent again at once. */
function isHeeded(report: (fixture: Fixture) => readonly number[]): boolean {
  const fixture = reachEstablished({
    options: { mss: 1000, sackPermitted: true },
    tcp: { noDelay: true },
  });
  const { peer, app } = fixture;
  app.write(10 * 1000);
  peer.takeAll();
  for (let i = 0; i < 3; i++) peer.sends({ flags: "ACK", seq: 1, ack: 1, rawOptions: report(fixture) });
  return peer.takeAll().some(({ seq }) => seq === 1);
}

Deno.test("options of segments without SYN are read too, behind unknown ones and NOPs (MUST-5, MUST-6, MUST-4, RFC 9293 §3.1)", () => {
  const block = ({ peer }: Fixture) => peer.hostBlock(1001, 9001).flatMap((edge) => wordBytes(edge));
  assertEquals(isHeeded((fixture) => [1, 1, 5, 10, ...block(fixture)]), true);
  assertEquals(isHeeded((fixture) => [99, 3, 7, 1, 1, 1, 5, 10, ...block(fixture)]), true);
  assertEquals(isHeeded((fixture) => [0, 1, 5, 10, ...block(fixture)]), false, "behind the list's end");
});

function wordBytes(word: number): number[] {
  return [word >>> 24, (word >>> 16) & 0xff, (word >>> 8) & 0xff, word & 0xff];
}

Deno.test("an option with an illegal length ends the list; what stands before it counts (MUST-7, RFC 9293 §3.1)", () => {
  for (const broken of [[99, 0], [99, 1], [99, 40], [2, 5]]) {
    assertEquals(understoodMss([...MSS, ...broken, 1, 1]), 1000);
    assertEquals(understoodMss([...broken, 1, 1, ...MSS]), FAMILY.defaultMss);
  }
});

/** The kinds of the options in a segment of ours, in order; demands lengths that fit, and zeros behind an end of list. */
function kindsOf(seen: Seen): number[] {
  const header = seen.packet.payload;
  const bytes = header.subarray(TCP.HEADER_BYTES, (header[TCP.DATA_OFFSET] >>> 4) * 4);
  const kinds: number[] = [];
  for (let at = 0; at < bytes.length;) {
    const kind = bytes[at];
    if (kind === 0) {
      assertEquals([...bytes.subarray(at)].filter((byte) => byte !== 0), [], "padding");
      break;
    }
    kinds.push(kind);
    if (kind === 1) at++;
    else at += LENGTHS[kind]?.includes(bytes[at + 1]) ? bytes[at + 1] : NaN;
    if (!(at <= bytes.length)) throw new Error(`option ${kind} at ${at} of ${bytes}`);
  }
  return kinds.filter((kind) => kind !== 1);
}

/** Lengths that each kind may have: MSS, window scale, SACK permitted, SACK, timestamps. */
const LENGTHS: Readonly<Record<number, readonly number[]>> = {
  2: [4],
  3: [3],
  4: [2],
  5: [10, 18, 26, 34],
  8: [10],
};

for (const timestamps of [true, false]) {
  for (const sack of [true, false]) {
    for (const windowScaling of [true, false]) {
      const name = `timestamps ${timestamps}, SACK ${sack}, scale ${windowScaling}`;
      Deno.test(`our options have their lengths, and padding is zero: ${name} (MUST-68, MUST-69, RFC 9293 §3.1)`, () => {
        const tcp = { timestamps, sack, windowScaling };
        const expected = [2, ...(sack ? [4] : []), ...(timestamps ? [8] : []), ...(windowScaling ? [3] : [])];
        const lab = new Lab({ tcp });
        lab.listen();
        const peer = lab.peer();
        peer.sends({ flags: "SYN", seq: 0, options: ALL_OPTIONS });
        assertEquals(kindsOf(peer.expects({ flags: "SYN ACK" })).sort(), expected.sort());
        const called = lab.peer({ hostPort: 9999 });
        lab.connect(called);
        assertEquals(kindsOf(called.expects({ flags: "SYN" })).sort(), expected.sort());
      });
    }
  }
}

for (const [timestamps, most] of [[false, 4], [true, 3]] as const) {
  const name = timestamps ? "beside timestamps" : "alone";
  Deno.test(`SACK blocks ${name}: ${most} at most, the newest first, and data beside them is less by as much (MUST-16, RFC 2018 §3, RFC 6691 §2)`, () => {
    const options = timestamps ? ALL_OPTIONS : { mss: 1460, sackPermitted: true };
    const { peer, app, lab } = reachEstablished({ options, tcp: { noDelay: true } });
    const own = timestamps ? 12 : 0;
    for (let holes = 1; holes <= 6; holes++) {
      const blocks = Math.min(holes, most);
      const left = 1 + 200 * holes;
      peer.sends({ flags: "ACK", seq: left, ack: peer.seen, data: 100 });
      const newest = Array.from(
        { length: blocks },
        (_, i) => [left - 200 * i, left - 200 * i + 100] as const,
      );
      const ack = peer.expects({ flags: "ACK", ack: 1, sack: newest });
      assertEquals(ack.packet.packetBytes, HEADERS + own + 4 + 8 * blocks);
      app.write(1460);
      const sent = peer.takeAll();
      assertEquals(sent.map(({ data }) => data.length), [1460 - own - 4 - 8 * blocks, own + 4 + 8 * blocks]);
      assertEquals(sent[0].packet.packetBytes, LAB_MTU);
      assertEquals(peer.sackOf(sent[0]), newest.map(([from, to]) => [from, to]));
      peer.sends({ flags: "ACK", seq: left + 100, ack: peer.seen });
      lab.pass(1000);
      peer.expectsSilence();
    }
  });
}
