/**
 * Segments that nobody would send: any flags with any numbers get what RFC 9293 §3.10.7 says, as the oracle of the
 * matrix has it; any bytes get no exception, and no answer that the RFC forbids.
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { IP_PROTOCOL } from "../../src/wire/ipv4.ts";
import { FLAG, flagNames, TCP } from "../../src/wire/tcp.ts";
import { HOST_IP } from "./family.ts";
import { craftPacket } from "./frame_craft.ts";
import { Lab } from "./harness.ts";
import { faultOf, MAX_SND_WND, rowName, ROWS, WINDOW_BYTES } from "./matrix_cells.ts";
import { ALL_OPTIONS, REACH, reachEstablished } from "./states.ts";
import { HOST_PORT, SECOND_US } from "./wire_ends.ts";

/** A number near one of the places where a comparison can go wrong, or anywhere. */
function near(places: readonly number[]): fc.Arbitrary<number> {
  return fc.oneof(
    ...places.map((place) => fc.integer({ min: -3, max: 3 }).map((off) => place + off)),
    fc.integer({ min: -0x4000_0000, max: 0x4000_0000 }),
  );
}

for (const row of ROWS) {
  Deno.test(`any flags, any numbers, ${rowName(row)}: what RFC 9293 §3.10.7 says, and silence`, () => {
    const window = row.after?.[0] === "window shut" ? 0 : WINDOW_BYTES;
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0x3f }),
        near([row.rcv, row.rcv + window, row.rcv + 1000]),
        near([row.una, row.nxt, row.una - MAX_SND_WND]),
        fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 5 }), fc.constant(1460)),
        (bits, seq, ackNumber, text) => {
          // FIN with RST or SYN, and URG, are what they are; the oracle looks at SYN, ACK, RST and FIN.
          const flags = flagNames(bits).join(" ");
          const fault = faultOf({ row, flags, seq: () => seq, ackNumber, text, about: "" });
          assert(fault === null, fault ?? "");
        },
      ),
      { numRuns: 60 },
    );
  });
}

Deno.test("any bytes as a segment, in any state: no exception, no RST for a RST, and what leaves is well formed", () => {
  const states = Object.values(REACH);
  fc.assert(
    fc.property(
      fc.nat(states.length - 1),
      fc.boolean(),
      fc.uint8Array({ minLength: 0, maxLength: 80 }),
      fc.boolean(),
      (state, hasOptions, bytes, isForConnection) => {
        const { lab, peer } = states[state](hasOptions ? { options: ALL_OPTIONS } : {});
        const segment = bytes.slice();
        if (isForConnection && segment.length >= TCP.HEADER_BYTES) {
          writePort(segment, TCP.SOURCE_PORT, peer.port);
          writePort(segment, TCP.DESTINATION_PORT, peer.hostPortSeen);
        }
        lab.ingest(craftPacket(lab.routeFrom(peer.address), {
          protocol: IP_PROTOCOL.TCP,
          length: segment.length,
          fill: (frame, at, pseudoSum) => {
            frame.set(segment, at);
            sealChecksum(frame.subarray(at, at + segment.length), pseudoSum);
          },
        }));
        const isReset = segment.length > TCP.FLAGS && (segment[TCP.FLAGS] & FLAG.RST) !== 0;
        const answers = [...peer.takeAll().map(({ flags }) => flags), ...strayFlags(lab)];
        assert(!isReset || !answers.some((flags) => flags.includes("RST")), "a RST in answer to a RST");
        lab.pass(SECOND_US / 100);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("any bytes as a frame: no exception, no answer but ARP's", () => {
  const { lab, peer, app } = reachEstablished();
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 0, maxLength: 1600 }), (frame) => {
      lab.ingest(frame);
    }),
    { numRuns: 300 },
  );
  peer.expectsSilence();
  assertEquals(app.state, "ESTABLISHED");
});

Deno.test("impossible flags do not wake a listener but by SYN alone (RFC 9293 §3.10.7.2)", () => {
  for (let bits = 0; bits < 0x40; bits++) {
    const lab = new Lab();
    const apps = lab.listen();
    lab.peer().sends({ flags: flagNames(bits).join(" "), seq: 0, ack: 5 });
    const opens = (bits & FLAG.SYN) !== 0 && (bits & (FLAG.RST | FLAG.ACK)) === 0;
    assertEquals(apps.length, opens ? 1 : 0, flagNames(bits).join(" "));
  }
});

Deno.test("a segment of a peer to itself, and from our own address, is no connection (RFC 1122 §3.2.1.3)", () => {
  const lab = new Lab();
  const apps = lab.listen();
  const land = lab.peer({ address: HOST_IP, port: HOST_PORT });
  land.sends({ flags: "SYN", seq: 0 });
  for (let i = 0; i < 10; i++) lab.pass(SECOND_US);
  assert(apps.length <= 1);
  assert(apps.every(({ state }) => state !== "ESTABLISHED"));
});

function writePort(segment: Uint8Array, at: number, port: number): void {
  segment[at] = port >>> 8;
  segment[at + 1] = port & 0xff;
}

/** Makes the checksum right, where there is one, so that the bytes get beyond it. */
function sealChecksum(segment: Uint8Array, pseudoSum: number): void {
  if (segment.length < TCP.CHECKSUM + 2) return;
  segment[TCP.CHECKSUM] = 0;
  segment[TCP.CHECKSUM + 1] = 0;
  let sum = pseudoSum;
  for (let i = 0; i < segment.length; i += 2) sum += (segment[i] << 8) | (segment[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  writePort(segment, TCP.CHECKSUM, ~sum & 0xffff);
}

function strayFlags(lab: Lab): string[] {
  return lab.strays.splice(0).map(({ segment }) =>
    segment === null ? "" : flagNames(segment.flags).join(" ")
  );
}
