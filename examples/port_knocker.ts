/**
 * A port knocker: a port that answers only to those who have sent SYNs to a secret sequence of closed ports before.
 *
 *     deno run examples/port_knocker.ts                                          client and server, in memory
 *     sudo deno run -A examples/port_knocker.ts --device eth0 --ip 10.33.0.3/24
 *     then: for p in 7001 8001 9001; do nc -z 10.33.0.3 $p; done; nc 10.33.0.3 2222
 *
 * What it teaches: `editSegments` shows each TCP segment on a link before the stack has it, and may lose it: a filter in
 * a page. A SYN to a closed port is refused with RST, as RFC 9293 §3.10.7.1 has it, and that is all that a scanner sees
 * of a knock; a SYN to the guarded port gets no answer at all. A wrong knock takes you back to the beginning, so that a
 * scan of all ports in order does not open it.
 *
 * It is a lesson, not a lock: whoever can listen on the wire hears the knocks. Put something behind it that asks for a key.
 */
import {
  type Connection,
  createStack,
  editSegments,
  FLAG,
  formatIpAddress,
  type FrameLink,
  memoryPair,
  type PassingSegment,
  type SegmentVerdict,
  type Stack,
} from "../mod.ts";
import { openOnDevice, portOf, readOptions, serveUntilInterrupted } from "./place.ts";

const SECRET_PORTS = [7001, 8001, 9001];
/** The whole sequence has to be done in so many milliseconds, and opens the port for so many. */
const KNOCKING_MS = 10_000;
const OPEN_MS = 30_000;
/** Anybody can invent addresses that knock: beyond so many, the oldest is forgotten. */
const MOST_ADDRESSES = 1024;

/** Who has knocked how far, and who may come in. */
class Knocks {
  /** By address: how many knocks were right, and since when. The oldest comes first, as a Map keeps its order. */
  readonly #knocking = new Map<string, { right: number; readonly sinceMs: number }>();
  readonly #openUntilMs = new Map<string, number>();

  /** Judges an arriving SYN: a segment with SYN and without ACK, RST and FIN. */
  judge(address: string, port: number, guardedPort: number): SegmentVerdict {
    const nowMs = performance.now();
    if (port === guardedPort) return (this.#openUntilMs.get(address) ?? -1) >= nowMs ? "pass" : "drop";
    this.#knock(address, port, nowMs);
    // To a closed port: the stack refuses it with RST by itself.
    return "pass";
  }

  #knock(address: string, port: number, nowMs: number): void {
    let so = this.#knocking.get(address);
    if (so !== undefined && nowMs - so.sinceMs > KNOCKING_MS) so = undefined;
    // A SYN that is sent again, because its answer was lost, is no second knock.
    if (so !== undefined && port === SECRET_PORTS[so.right - 1]) return;
    const isRight = port === SECRET_PORTS[so?.right ?? 0];
    if (!isRight) {
      if (so !== undefined) console.log(`${address}: ${port} is wrong, begin again`);
      this.#knocking.delete(address);
      if (port === SECRET_PORTS[0]) keep(this.#knocking, address, { right: 1, sinceMs: nowMs });
      return;
    }
    so ??= { right: 0, sinceMs: nowMs };
    so.right++;
    keep(this.#knocking, address, so);
    if (so.right < SECRET_PORTS.length) return;
    this.#knocking.delete(address);
    keep(this.#openUntilMs, address, nowMs + OPEN_MS);
    console.log(`${address}: all ${SECRET_PORTS.length} knocks are right, open for ${OPEN_MS / 1000} s`);
  }

  /** How many addresses are known. */
  get size(): number {
    return this.#knocking.size + this.#openUntilMs.size;
  }
}

/** Puts a value in, and the oldest out where there are too many. */
function keep<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > MOST_ADDRESSES) map.delete(oldest);
}

/** The filter. Fragments are lost: a SYN in two pieces would get by. */
function guard(link: FrameLink, { port, knocks }: { port: number; knocks: Knocks }): FrameLink {
  const { SYN, ACK, RST, FIN } = FLAG;
  const edit = ({ direction, source, tcp }: PassingSegment): SegmentVerdict =>
    direction === "in" && (tcp.flags & (SYN | ACK | RST | FIN)) === SYN
      ? knocks.judge(formatIpAddress(source), tcp.destinationPort, port)
      : "pass";
  return editSegments(link, { edit, fragments: "drop", onThrown: (error) => console.error(error) });
}

async function serve(stack: Stack, port: number): Promise<void> {
  for await (const connection of stack.listen({ port })) {
    welcome(connection).catch((error) => {
      console.log(`${connection.name}: ${error.message}`);
      connection.abort();
    });
  }
}

async function welcome(connection: Connection): Promise<void> {
  const writer = connection.writable.getWriter();
  await writer.write(new TextEncoder().encode(`welcome, ${connection.remoteAddr.hostname}\n`));
  await writer.close();
  // What the client says is of no interest; its FIN ends the connection.
  await connection.readable.pipeTo(new WritableStream());
}

/** A client that first does not know the knocks, then mixes them up, then has them right. */
async function demo(port: number): Promise<void> {
  const [near, far] = memoryPair();
  const knocks = new Knocks();
  await using server = createStack({ link: guard(near, { port, knocks }), addresses: "10.0.0.1/24" });
  await using client = createStack({ link: far, addresses: "10.0.0.2/24" });
  serve(server, port).catch((error) => console.error(error));

  const to = async (to: number) => {
    try {
      const connection = await client.connect({
        hostname: "10.0.0.1",
        port: to,
        signal: AbortSignal.timeout(300),
      });
      const text = await new Response(connection.readable).text();
      await connection.closeWrite();
      return `connected, "${text.trim()}"`;
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionRefused) return "refused (RST)";
      if (error instanceof DOMException && error.name === "TimeoutError") return "no answer";
      throw error;
    }
  };
  console.log(`port ${port} without a knock: ${await to(port)}`);
  const [first, second, third] = SECRET_PORTS;
  for (const knock of [first, third]) console.log(`knock on ${knock}: ${await to(knock)}`);
  console.log(`port ${port} after knocks in the wrong order: ${await to(port)}`);
  for (const knock of [first, second, third]) console.log(`knock on ${knock}: ${await to(knock)}`);
  console.log(`port ${port} after the right knocks: ${await to(port)}`);

  // Somebody invents addresses, ten thousand of them.
  for (let n = 0; n < 10_000; n++) knocks.judge(`10.${n >> 8}.${n & 255}.1`, first, port);
  console.log(`after 10000 invented addresses: ${knocks.size} are remembered`);
}

const options = readOptions({ port: "2222" });
const port = portOf(options.port);
if (options.device === "") {
  await demo(port);
} else {
  const knocks = new Knocks();
  const stack = await openOnDevice(options, { behind: (link) => guard(link, { port, knocks }) });
  serve(stack, port).catch((error) => console.error(error));
  await serveUntilInterrupted(stack, `Port ${port} opens after SYNs to ${SECRET_PORTS.join(", ")}`);
}
