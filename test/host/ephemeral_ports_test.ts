/** Ports of our own choice, over both families (RFC 6056 §3.3.3, RFC 6335 §6). */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { EphemeralPorts } from "../../src/host/ephemeral_ports.ts";
import { InitialSequence } from "../../src/tcp/initial_sequence.ts";
import { at } from "./any_address.ts";

const FIRST = 49_152;
const PORTS = 16_384;

for (
  const [localAddress, peerAddress, name] of [["10.0.0.1", "10.0.0.9", "10.0.0.9:80"], [
    "fd00::1",
    "fd00::9",
    "[fd00::9]:80",
  ]]
) {
  const ends = { localAddress: at(localAddress), peerAddress: at(peerAddress), peerPort: 80 };

  Deno.test(`each dynamic port towards ${peerAddress} is given once, then none is left, which is said`, () => {
    const taken = new Set<number>();
    const ports = new EphemeralPorts({
      offset: () => 123_456_789,
      isTaken: ({ localPort }) => taken.has(localPort),
    });
    for (let i = 0; i < PORTS; i++) {
      const port = ports.choose(ends);
      assert(port >= FIRST && port <= 65_535 && !taken.has(port), `${port}`);
      taken.add(port);
    }
    assertThrows(() => ports.choose(ends), Error, `No free port left towards ${name}`);
    taken.delete(50_000);
    assertEquals(ports.choose(ends), 50_000);
  });

  Deno.test(`where the search towards ${peerAddress} begins, a secret tells, and each step goes on for all`, () => {
    const choose = (secret: number, about: typeof ends) => {
      const isn = new InitialSequence(new Uint8Array(16).fill(secret));
      return new EphemeralPorts({ offset: (tuple) => isn.portOffset(tuple), isTaken: () => false }).choose(
        about,
      );
    };
    const elsewhere = { ...ends, peerAddress: ends.peerAddress.with(-1, 8) };
    const firsts = [
      choose(1, ends),
      choose(2, ends),
      choose(1, elsewhere),
      choose(1, { ...ends, peerPort: 81 }),
    ];
    assertEquals(new Set(firsts).size, 4, firsts.join());
    assertEquals(choose(1, ends), firsts[0]);
    const ports = new EphemeralPorts({ offset: () => PORTS - 2, isTaken: () => false });
    assertEquals([ports.choose(ends), ports.choose(ends), ports.choose(ends)], [65_535, FIRST, FIRST + 1]);
  });
}
