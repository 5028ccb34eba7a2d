/**
 * A slow reader: a server that reads one byte a second, whatever it is sent.
 *
 *     deno run examples/slow_reader.ts                                          in memory: two hours in an instant
 *     sudo deno run -A examples/slow_reader.ts --device eth0 --ip 10.33.0.3/24  then: yes | nc 10.33.0.3 7777
 *
 * What it teaches: the window is what the reader has room for (RFC 9293 §3.8.6). When its buffer is full it says "window
 * 0", and the sender may send nothing but probes, each after twice the time of the one before (§3.8.6.1). The reader
 * does not open the window byte by byte, as that would have the sender send crumbs (silly window syndrome, §3.8.6.2.2,
 * MUST-39): only when a full segment, or half of the buffer, has become free.
 *
 * What to see: the window shuts in an instant, opens after more than twenty minutes, and shuts again at once. The probes
 * come further and further apart, up to one a minute. Nobody gives up: a shut window is no error (MUST-37).
 *
 * On the way: the same server runs on a clock of its own, or in true time; all that it knows of time is `after`.
 */
import {
  type ConnectionHandler,
  createHost,
  type HostApi,
  memoryPair,
  type Observer,
  VirtualNetwork,
} from "../mod.ts";
import { type After, afterOn, openOnDevice, portOf, readOptions, serveUntilInterrupted } from "./place.ts";

const SECOND_US = 1_000_000;
const BUFFER_BYTES = 4096;
/** Each connection costs its buffer and a timer. */
const SETTINGS = { maxConnections: 1000, tcp: { receiveBufferBytes: BUFFER_BYTES } };
/** A client that has vanished, and so does not even probe, is noticed by keep-alive (RFC 9293 §3.8.4). */
const IDLE_US = 120 * SECOND_US;

/** What runs on a connection: reads a byte, waits a second. */
function slowReader(after: After): ConnectionHandler {
  const one = new Uint8Array(1);
  return {
    onOpen(connection) {
      connection.setKeepAlive(true, IDLE_US);
      const again = () => {
        if (connection.ended !== null) return;
        connection.read(one);
        if (connection.atEnd) connection.close();
        else after(SECOND_US, again);
      };
      after(SECOND_US, again);
    },
  };
}

function serve(host: HostApi, { port, after }: { port: number; after: After }): void {
  host.listen({ port, accept: () => slowReader(after) });
}

/** Tells what the window does, and of probes: whatever comes while it is shut. */
function watchWindows(fromUs: number): Observer {
  /** By connection: probes since the window was shut; absent while it is open. */
  const shut = new Map<string, number>();
  return (event) => {
    if (event.event === "closed") {
      shut.delete(event.connection);
      console.log(`${event.connection}: ended (${event.reason}), ${event.bytesIn} bytes came in`);
      return;
    }
    if (event.event !== "segment" || event.id === undefined || event.windowBytes === undefined) return;
    const seconds = (event.time - fromUs / 1e6).toFixed(1).padStart(8);
    const probes = shut.get(event.connection);
    if (event.direction === "recv") {
      if (probes === undefined) return;
      shut.set(event.connection, probes + 1);
      // The first, and then one in ten.
      if (probes < 7 || probes % 10 === 0) {
        console.log(`${seconds} s  probe ${probes + 1}, answered: window 0`);
      }
    } else if (event.windowBytes === 0 && probes === undefined) {
      shut.set(event.connection, 0);
      console.log(`${seconds} s  window 0: ${event.relAck - 1} bytes have come, nobody has read them`);
    } else if (event.windowBytes > 0 && probes !== undefined) {
      shut.delete(event.connection);
      console.log(`${seconds} s  window ${event.windowBytes} again, after ${probes} probes`);
    }
  };
}

/** A client with seven thousand bytes to send, on a clock that jumps from one event to the next. */
function demo(port: number): void {
  const network = new VirtualNetwork();
  const { clock } = network;
  const [near, far] = memoryPair();
  const server = createHost({ link: near, addresses: "10.0.0.1/24", clock, ...SETTINGS });
  const client = createHost({ link: far, addresses: "10.0.0.2/24", clock });
  network.join({ host: server, link: near });
  network.join({ host: client, link: far });
  serve(server, { port, after: (us, call) => void clock.after(us, call) });
  server.observer = watchWindows(clock.nowUs());

  const bytes = 7000;
  const connection = client.connect({
    address: Uint8Array.of(10, 0, 0, 1),
    port,
    handler: {
      onOpen(connection) {
        connection.write(new Uint8Array(bytes));
        connection.closeWrite();
      },
    },
  });
  const done = network.advanceUntil(() => connection.ended !== null, 4 * 3600 * SECOND_US);
  if (!done) throw new Error(`the client is still in ${connection.state}`);
  const hours = (clock.nowUs() / SECOND_US / 3600).toFixed(1);
  console.log(`${bytes} bytes at one a second: ${hours} hours of the clock, and every byte has arrived`);
}

const options = readOptions({ port: "7777" });
const port = portOf(options.port);
if (options.device === "") {
  demo(port);
} else {
  const stack = await openOnDevice(options, SETTINGS);
  serve(stack.host, { port, after: afterOn(stack) });
  stack.observe(watchWindows(Date.now() * 1000));
  await serveUntilInterrupted(stack, `Port ${port} reads a byte a second`);
}
