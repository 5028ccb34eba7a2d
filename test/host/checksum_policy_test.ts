/**
 * `partial`, `strict` and `ignore`: which TCP sums are taken (MUST-3), counted and told. A SYN to a port where nobody
 * listens shows it: taken, it draws a reset.
 */
import { assertEquals } from "@std/assert";
import { ethernet, icmp, internetSum, ipv4, tcp, two } from "./hand_frames.ts";
import { OUR_IP, OUR_MAC, PEER_IP, PEER_MAC, segmentFrame, WireHost } from "./wire_host.ts";

type Policy = "partial" | "strict" | "ignore";

const SYN = 2;
const TCP_SUM_AT = 14 + 20 + 16;

/** What a SYN with number 1000 to nobody gets (RFC 9293 §3.10.7.1). */
const RESET = ethernet(
  { to: PEER_MAC, from: OUR_MAC },
  ipv4(
    { source: OUR_IP, target: PEER_IP, protocol: 6, dontFragment: true },
    tcp({
      source: OUR_IP,
      target: PEER_IP,
      sourcePort: 80,
      targetPort: 4000,
      seq: 0,
      ack: 1001,
      flags: 0x14,
    }),
  ),
);

function syn(sum: "right" | "partial" | number, data = "some text, odd"): Uint8Array {
  return segmentFrame({ seq: 1000, flags: SYN, sum }, data);
}

/** What a SYN with `data` gets. */
function resetOf(data: string): Uint8Array {
  const ack = 1001 + data.length;
  return ethernet(
    { to: PEER_MAC, from: OUR_MAC },
    ipv4(
      { source: OUR_IP, target: PEER_IP, protocol: 6, dontFragment: true },
      tcp({ source: OUR_IP, target: PEER_IP, sourcePort: 80, targetPort: 4000, seq: 0, ack, flags: 0x14 }),
    ),
  );
}

function rightSum(frame: Uint8Array): number {
  return (frame[TCP_SUM_AT] << 8) | frame[TCP_SUM_AT + 1];
}

/** Sums that are neither right nor the pseudo-header's. */
function wrongSums(): number[] {
  const right = rightSum(syn("right"));
  const partial = rightSum(syn("partial"));
  return [right ^ 1, right ^ 0x8000, partial ^ 1, partial ^ 0x8000, ~partial & 0xffff, 0, 0xffff];
}

/** What was counted, and the reasons of the drops that were told. */
type Fate = [{ partial: number; drop: number; taken: number }, string[]];

/** Gives the frame; returns whether it was taken, what was counted, and what told. */
function fate(policy: Policy | undefined, frame: Uint8Array, data = "some text, odd"): Fate {
  const wire = new WireHost(policy === undefined ? {} : { checksumPolicy: policy });
  const counts = () => {
    const { "checksum-partial": partial = 0, "drop-checksum": drop = 0, "segments-in": taken = 0 } = wire
      .takeCounts();
    return { partial, drop, taken };
  };
  const frames = wire.gives(frame);
  const counted = counts();
  const drops = wire.takeDrops();
  if (counted.taken === 0) assertEquals(frames, []);
  else assertEquals(frames, [data === "" ? RESET : resetOf(data)]);
  return [counted, drops];
}

const NO_LISTENER = ["no-listener 10.0.0.1:80-10.0.0.9:4000"];
const TAKEN: Fate = [{ partial: 0, drop: 0, taken: 1 }, NO_LISTENER];
const TAKEN_AS_PARTIAL: Fate = [{ partial: 1, drop: 0, taken: 1 }, NO_LISTENER];
const DROPPED: Fate = [{ partial: 0, drop: 1, taken: 0 }, ["checksum"]];

for (const policy of [undefined, "partial", "strict", "ignore"] as const) {
  Deno.test(`checksums, ${policy ?? "by default"}: a right one is taken (MUST-3)`, () => {
    assertEquals(fate(policy, syn("right")), TAKEN);
    assertEquals(fate(policy, syn("right", ""), ""), TAKEN);
  });

  Deno.test(`checksums, ${policy ?? "by default"}: an IP header's wrong one is never taken (RFC 1122 §3.2.1.2)`, () => {
    const frame = syn("right");
    frame[24] ^= 1;
    assertEquals(fate(policy, frame), DROPPED);
  });
}

for (const policy of [undefined, "partial", "strict"] as const) {
  Deno.test(`checksums, ${policy ?? "by default"}: a wrong one is dropped, told and counted (MUST-3)`, () => {
    for (const sum of wrongSums()) assertEquals(fate(policy, syn(sum)), DROPPED, `${sum}`);
    // Right for other addresses, protocol or length: the pseudo-header counts.
    const elsewhere = segmentFrame({ seq: 1000, flags: SYN, source: "10.0.0.8" }, "some text, odd");
    assertEquals(fate(policy, syn(rightSum(elsewhere))), DROPPED);
  });
}

for (const policy of [undefined, "partial"] as const) {
  Deno.test(`checksums, ${policy ?? "by default"}: one that a device was to finish is taken and counted apart`, () => {
    assertEquals(fate(policy, syn("partial")), TAKEN_AS_PARTIAL);
  });
}

Deno.test("checksums, strict: one that a device was to finish is dropped, and counted as such too", () => {
  assertEquals(fate("strict", syn("partial")), [{ partial: 1, drop: 1, taken: 0 }, ["checksum"]]);
});

Deno.test("checksums, strict: a right one that looks unfinished is right", () => {
  // The last two bytes of the text are chosen so that the right sum equals that of the pseudo-header.
  const prefix = "even text!";
  const wanted = rightSum(syn("partial", `${prefix}\0\0`));
  const sumless = rightSum(syn("right", `${prefix}\0\0`));
  const last = internetSum(Uint8Array.from([...two(~sumless & 0xffff), ...two(wanted)]));
  const frame = syn(wanted, `${prefix}\0\0`);
  frame.set(two(last), frame.length - 2);
  assertEquals(fate("strict", frame, `${prefix}\0\0`), TAKEN);
  assertEquals(fate("partial", frame, `${prefix}\0\0`), TAKEN_AS_PARTIAL);
});

Deno.test("checksums of segments that off-loading has put together: every length counts, beyond 16 bits too", () => {
  for (const length of [32_748, 32_768, 65_515, 65_516, 66_000, 140_000]) {
    const data = "x".repeat(length);
    assertEquals(fate("strict", syn("right", data), data), TAKEN, `${length}`);
    assertEquals(fate("partial", syn("partial", data), data), TAKEN_AS_PARTIAL, `${length}`);
    assertEquals(fate("strict", syn(rightSum(syn("right", data)) ^ 1, data)), DROPPED, `${length}`);
  }
});

Deno.test("checksums, ignore: whatever stands there is taken, and none is counted as partial", () => {
  for (const sum of [...wrongSums(), "partial"] as const) {
    assertEquals(fate("ignore", syn(sum)), TAKEN, `${sum}`);
  }
});

Deno.test("checksums, ignore: those of ICMP are looked at all the same", () => {
  for (const policy of ["partial", "strict", "ignore"] as const) {
    const wire = new WireHost({ checksumPolicy: policy });
    const message = icmp({ type: 8, code: 0, sumError: 1 }, new Uint8Array(8));
    wire.answers(
      ethernet(
        { to: OUR_MAC, from: PEER_MAC },
        ipv4({ source: PEER_IP, target: OUR_IP, protocol: 1 }, message),
      ),
    );
    assertEquals(wire.takeDrops(), ["checksum"]);
  }
});
