/**
 * The IP identification of what a host sends: counted for each connection, from a place that tells nothing else
 * (RFC 6274 §3.5.2.1, RFC 7323 §7.1).
 */
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { NetworkBench } from "./network_bench.ts";

const HOST = Uint8Array.of(10, 0, 0, 1);
const PORT = 7777;

interface Start {
  readonly ipId: number;
  readonly iss: number;
  readonly tsValue: number;
}

/** What the SYN-ACK to each of `count` clients shows. */
function starts(count: number): Start[] {
  const bench = new NetworkBench([HOST]);
  bench.host.listen({ port: PORT, backlog: 0x8000, accept: () => ({}) });
  return Array.from({ length: count }, (_, i) => {
    const answer = bench.ask({
      to: HOST,
      port: PORT,
      flags: "SYN",
      fromPort: 1024 + i,
      options: { mss: 1460, timestamps: { value: 1, echo: 0 } },
    });
    return { ipId: answer.ipId, iss: answer.seq, tsValue: answer.segment.tsValue };
  });
}

Deno.test("the identification is no part of the timestamp, whose offset it would give away (RFC 7323 §7.1)", () => {
  const seen = starts(2000);
  // Host and clock began together: TSval less the clock is the offset, of which no half may be seen elsewhere.
  for (const other of ["tsValue", "iss"] as const) {
    for (const shift of [0, 16]) {
      const near = seen.filter((start) => {
        const half = (start[other] >>> shift) & 0xffff;
        const off = (start.ipId - half) & 0xffff;
        // A second of the clock moves TSval by 1,000, which may carry into the upper half.
        return off < 4 || off > 0xfffc || off === 1000;
      });
      // One in 8,192 by chance.
      assertLess(near.length, 8, `${near.length} of 2000 are the bits of ${other} from ${shift} on`);
    }
  }
});

Deno.test("the identification begins elsewhere for each connection, and all over the range", () => {
  const ids = starts(2000).map(({ ipId }) => ipId);
  // 2,000 throws into 65,536 places hit about 1,970 different ones.
  assertGreater(new Set(ids).size, 1900);
  for (let bit = 0; bit < 16; bit++) {
    const ones = ids.filter((id) => ((id >>> bit) & 1) === 1).length;
    assertLess(Math.abs(ones - 1000), 150, `bit ${bit} is set in ${ones} of 2000`);
  }
  const steps = new Set(ids.slice(1).map((id, i) => (id - ids[i]) & 0xffff));
  assertGreater(steps.size, 1900);
});

Deno.test("the identification counts up for each packet of a connection, and others do not move it", () => {
  const bench = new NetworkBench([HOST]);
  const connections: { write(bytes: Uint8Array): number }[] = [];
  bench.host.listen({
    port: PORT,
    accept: (connection) => {
      connection.setNoDelay(true);
      connections.push(connection);
      return {};
    },
  });
  const first = bench.connect({ to: HOST, port: PORT, fromPort: 1111 });
  const second = bench.connect({ to: HOST, port: PORT, fromPort: 1112 });
  for (let i = 1; i <= 5; i++) {
    connections[0].write(Uint8Array.of(1));
    connections[1].write(Uint8Array.of(1));
    connections[1].write(Uint8Array.of(1));
    assertEquals(bench.take().map(({ ipId }) => ipId), [
      (first.ipId + i) & 0xffff,
      (second.ipId + 2 * i - 1) & 0xffff,
      (second.ipId + 2 * i) & 0xffff,
    ]);
  }
});

Deno.test("a reset for nobody has identification 0: it is no fragment and becomes none (RFC 6864 §4.1)", () => {
  const bench = new NetworkBench([HOST]);
  for (let i = 0; i < 3; i++) {
    const reset = bench.ask({ to: HOST, port: 9, flags: "SYN", fromPort: 1000 + i });
    assert(reset.flags.startsWith("RST"));
    assertEquals(reset.ipId, 0);
  }
});
