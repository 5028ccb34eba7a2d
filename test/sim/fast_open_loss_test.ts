/**
 * Fast Open between two hosts over bad paths: whatever is lost, twice there or late, every octet arrives once and in order, and nothing
 * is left in the end.
 */
import { assert, assertEquals } from "@std/assert";
import type { ConnectionHandler, HostConnection } from "../../src/host/api.ts";
import { parseFaultSpec } from "../../src/link/fault_spec.ts";
import { SeededRandom } from "../../src/link/seeded_random.ts";
import { LAB_ADDRESSES, VirtualLab } from "../../src/runtime/virtual_lab.ts";
import { bytesOf } from "../tcp/app_log.ts";

const SEEDS = 150;
const OPENS = 6;
const HOUR_US = 3_600_000_000;
const PORT = 7;

/** Reads all, and closes at the peer's end; keeps what it read. */
class Reader implements ConnectionHandler {
  readonly chunks: Uint8Array[] = [];
  closed = "";

  onReadable(connection: HostConnection): void {
    const chunk = new Uint8Array(connection.readableBytes);
    connection.read(chunk);
    this.chunks.push(chunk);
  }

  onPeerClosed(connection: HostConnection): void {
    connection.closeWrite();
  }

  onClosed(_: HostConnection, reason: string): void {
    this.closed = reason;
  }

  get bytes(): number[] {
    return this.chunks.flatMap((chunk) => [...chunk]);
  }
}

/** Sends back at once what it gets, in the SYN as well. */
class Echo extends Reader {
  #held: Uint8Array = new Uint8Array(0);

  override onReadable(connection: HostConnection): void {
    super.onReadable(connection);
    const last = this.chunks.at(-1) ?? new Uint8Array(0);
    this.#held = Uint8Array.from([...this.#held, ...last]);
    this.onWritable(connection);
  }

  onWritable(connection: HostConnection): void {
    if (this.#held.length > 0) this.#held = this.#held.slice(connection.write(this.#held));
  }
}

interface Course {
  /** Octets that were taken with a SYN, over all opens. */
  taken: number;
  /** Opens of which something was sent again. */
  refused: number;
}

/** Six opens in turn, each with so much data; the last one needs the cookie that an earlier one has got. */
function course(seed: number, faults: string): Course {
  const random = new SeededRandom(seed, 1);
  const pause = { fastOpenPauseUs: random.below(2) * 1_000_000 };
  const lab = new VirtualLab({
    seed,
    delayUs: 10_000,
    faults: parseFaultSpec(`${faults},seed=${seed + 1}`),
    tcp: [{ ...pause }, {}],
  });
  const servers: Echo[] = [];
  lab.host(1).listen({
    port: PORT,
    fastOpen: 4,
    accept: () => {
      const server = new Echo();
      servers.push(server);
      return server;
    },
  });
  const told: Course = { taken: 0, refused: 0 };
  for (let open = 0; open < OPENS; open++) {
    const data = bytesOf(random.below(6000), 0);
    const later = bytesOf(random.below(3000), data.length);
    const client = new Reader();
    const connection = lab.host(0).connect({
      address: LAB_ADDRESSES[1],
      port: PORT,
      fastOpen: { data },
      handler: {
        onOpen: (opened) => {
          assertEquals(opened.write(later), later.length);
          opened.closeWrite();
        },
        onReadable: (opened) => client.onReadable(opened),
        onClosed: (opened, reason) => client.onClosed(opened, reason),
      },
    });
    lab.settle();
    lab.advanceTo(lab.nowUs + HOUR_US);
    told.taken += connection.info().synTextBytes;
    if (client.closed !== "normal") {
      // On such a path an opening may find nobody; what has begun must not break off.
      assertEquals([client.closed, client.bytes.length], ["timeout", 0], `seed ${seed}`);
      told.refused++;
      continue;
    }
    assertEquals(client.bytes, [...data, ...later], `seed ${seed}, open ${open}: the echo`);
    const server = servers.find(({ bytes }) => bytes.length === data.length + later.length);
    assert(server !== undefined, `seed ${seed}, open ${open}: the server has all of it once`);
    servers.length = 0;
  }
  for (const side of [0, 1] as const) {
    assertEquals(lab.host(side).connections().length, 0, `seed ${seed}: connections are left`);
    assertEquals(lab.nextUs, Infinity, `seed ${seed}: deadlines are left`);
  }
  return told;
}

for (const faults of ["drop=0%", "drop=10%", "drop=25%,dup=5%", "reorder=20%,jitter=20ms,dup=10%,drop=3%"]) {
  Deno.test(`${OPENS} opens in turn with data, over ${faults}: each octet once, nothing left (${SEEDS} seeds)`, () => {
    let taken = 0;
    for (let seed = 1; seed <= SEEDS; seed++) taken += course(seed, faults).taken;
    assert(taken > 0, "nothing was ever taken with a SYN: that is no test of Fast Open");
  });
}
