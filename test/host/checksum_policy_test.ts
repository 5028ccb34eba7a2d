/**
 * `partial`, `strict` and `ignore`: which TCP sums are taken (MUST-3), counted and told. A SYN to a port where nobody
 * listens shows it: taken, it draws a reset.
 */
import { assertEquals } from "@std/assert";
import { ethernet, icmp, internetSum, tcp, two } from "./hand_frames.ts";
import { icmpv6 } from "./hand_ipv6.ts";
import { OUR_MAC, PEER_MAC, WireHost } from "./wire_host.ts";
import { endpoint, segmentOf, WIRE_FAMILIES, type WireFamily } from "./wire_families.ts";

type Policy = "partial" | "strict" | "ignore";

const SYN = 2;
const TEXT = "some text, odd";

/** What was counted, and the reasons of the drops that were told. */
type Fate = [{ partial: number; drop: number; taken: number }, string[]];

/** One version of IP, with what a SYN to nobody gets. */
class Bench {
  readonly taken: Fate;
  readonly takenAsPartial: Fate;

  constructor(readonly family: WireFamily) {
    const told = [`no-listener ${endpoint(family.us, 80)}-${endpoint(family.peer, 4000)}`];
    this.taken = [{ partial: 0, drop: 0, taken: 1 }, told];
    this.takenAsPartial = [{ partial: 1, drop: 0, taken: 1 }, told];
  }

  syn(sum: "right" | "partial" | number, data = TEXT): Uint8Array {
    return segmentOf(this.family, { seq: 1000, flags: SYN, sum }, data);
  }

  sumOf(frame: Uint8Array): number {
    const at = 14 + this.family.ipBytes + 16;
    return (frame[at] << 8) | frame[at + 1];
  }

  /** Sums that are neither right nor the pseudo-header's. */
  wrongSums(): number[] {
    const right = this.sumOf(this.syn("right"));
    const partial = this.sumOf(this.syn("partial"));
    return [right ^ 1, right ^ 0x8000, partial ^ 1, partial ^ 0x8000, ~partial & 0xffff, 0, 0xffff];
  }

  /** Gives the frame; returns whether it was taken, what was counted, and what told. */
  fate(policy: Policy | undefined, frame: Uint8Array, data = TEXT): Fate {
    const wire = new WireHost({
      addresses: [this.family.addresses[0]],
      ...(policy === undefined ? {} : { checksumPolicy: policy }),
    });
    const frames = wire.gives(frame);
    const { "checksum-partial": partial = 0, "drop-checksum": drop = 0, "segments-in": taken = 0 } = wire
      .takeCounts();
    assertEquals(frames, taken === 0 ? [] : [this.#resetOf(data)]);
    return [{ partial, drop, taken }, wire.takeDrops()];
  }

  /** What a SYN with number 1000 and `data` to nobody gets (RFC 9293 §3.10.7.1). */
  #resetOf(data: string): Uint8Array {
    const { us: source, peer: target, type } = this.family;
    const ack = 1001 + data.length;
    const segment = tcp({ source, target, sourcePort: 80, targetPort: 4000, seq: 0, ack, flags: 0x14 });
    const packet = this.family.packet({ source, target, protocol: 6, dontFragment: true }, segment);
    return ethernet({ to: PEER_MAC, from: OUR_MAC, type }, packet);
  }
}

const DROPPED: Fate = [{ partial: 0, drop: 1, taken: 0 }, ["checksum"]];

for (const bench of WIRE_FAMILIES.map((family) => new Bench(family))) {
  const { name, us, peer, other, type } = bench.family;

  for (const policy of [undefined, "partial", "strict", "ignore"] as const) {
    Deno.test(`${name} checksums, ${policy ?? "by default"}: a right one is taken (MUST-3)`, () => {
      assertEquals(bench.fate(policy, bench.syn("right")), bench.taken);
      assertEquals(bench.fate(policy, bench.syn("right", ""), ""), bench.taken);
    });
  }

  for (const policy of [undefined, "partial", "strict"] as const) {
    Deno.test(`${name} checksums, ${policy ?? "by default"}: a wrong one is dropped, told and counted (MUST-3)`, () => {
      for (const sum of bench.wrongSums()) {
        assertEquals(bench.fate(policy, bench.syn(sum)), DROPPED, `${sum}`);
      }
      // Right for other addresses: the pseudo-header counts.
      for (const ends of [{ source: other, target: us }, { source: peer, target: other }]) {
        const elsewhere = segmentOf(bench.family, { seq: 1000, flags: SYN, ...ends }, TEXT);
        assertEquals(bench.fate(policy, bench.syn(bench.sumOf(elsewhere))), DROPPED);
      }
    });
  }

  for (const policy of [undefined, "partial"] as const) {
    Deno.test(`${name} checksums, ${policy ?? "by default"}: one that a device was to finish is taken and counted apart`, () => {
      assertEquals(bench.fate(policy, bench.syn("partial")), bench.takenAsPartial);
    });
  }

  Deno.test(`${name} checksums, strict: one that a device was to finish is dropped, and counted as such too`, () => {
    assertEquals(bench.fate("strict", bench.syn("partial")), [{ partial: 1, drop: 1, taken: 0 }, [
      "checksum",
    ]]);
  });

  Deno.test(`${name} checksums, strict: a right one that looks unfinished is right`, () => {
    // The last two bytes of the text are chosen so that the right sum equals that of the pseudo-header.
    const prefix = "even text!";
    const wanted = bench.sumOf(bench.syn("partial", `${prefix}\0\0`));
    const sumless = bench.sumOf(bench.syn("right", `${prefix}\0\0`));
    const last = internetSum(Uint8Array.from([...two(~sumless & 0xffff), ...two(wanted)]));
    const frame = bench.syn(wanted, `${prefix}\0\0`);
    frame.set(two(last), frame.length - 2);
    assertEquals(bench.fate("strict", frame, `${prefix}\0\0`), bench.taken);
    assertEquals(bench.fate("partial", frame, `${prefix}\0\0`), bench.takenAsPartial);
  });

  Deno.test(`${name} checksums of segments that off-loading has put together: every length counts, beyond 16 bits too`, () => {
    for (const length of [32_748, 32_768, 65_515, 65_516, 66_000, 140_000]) {
      const data = "x".repeat(length);
      assertEquals(bench.fate("strict", bench.syn("right", data), data), bench.taken, `${length}`);
      assertEquals(
        bench.fate("partial", bench.syn("partial", data), data),
        bench.takenAsPartial,
        `${length}`,
      );
      const wrong = bench.sumOf(bench.syn("right", data)) ^ 1;
      assertEquals(bench.fate("strict", bench.syn(wrong, data)), DROPPED, `${length}`);
    }
  });

  Deno.test(`${name} checksums, ignore: whatever stands there is taken, and none is counted as partial`, () => {
    for (const sum of [...bench.wrongSums(), "partial"] as const) {
      assertEquals(bench.fate("ignore", bench.syn(sum)), bench.taken, `${sum}`);
    }
  });

  Deno.test(`${name} checksums, ignore: those of ICMP are looked at all the same`, () => {
    const addresses = { source: peer, target: us };
    const [message, protocol] = name === "IPv4"
      ? [icmp({ type: 8, code: 0, sumError: 1 }, new Uint8Array(8)), 1]
      : [icmpv6({ type: 128, code: 0, sumError: 1 }, new Uint8Array(8), addresses), 58];
    const packet = bench.family.packet({ ...addresses, protocol }, message);
    for (const policy of ["partial", "strict", "ignore"] as const) {
      const wire = new WireHost({ addresses: [bench.family.addresses[0]], checksumPolicy: policy });
      wire.answers(ethernet({ to: OUR_MAC, from: PEER_MAC, type }, packet));
      assertEquals(wire.takeDrops(), ["checksum"]);
    }
  });
}

const [IPV4] = WIRE_FAMILIES.map((family) => new Bench(family));

for (const policy of [undefined, "partial", "strict", "ignore"] as const) {
  Deno.test(`IPv4 checksums, ${policy ?? "by default"}: the header's wrong one is never taken (RFC 1122 §3.2.1.2)`, () => {
    const frame = IPV4.syn("right");
    frame[24] ^= 1;
    assertEquals(IPV4.fate(policy, frame), DROPPED);
  });
}
