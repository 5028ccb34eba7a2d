/**
 * A tarpit: a server that takes everybody in, lets nobody get anything done, and lets nobody go.
 *
 *     deno run examples/tarpit.ts                                          in memory: a day in an instant
 *     sudo deno run -A examples/tarpit.ts --device eth0 --ip 10.33.0.3/24  then: yes | nc 10.33.0.3 2323
 *
 * What it teaches: a sender keeps a connection whose window is shut, as long as its probes are answered (RFC 9293 §3.8.6.1,
 * MUST-37). A tarpit lives on that: its window is sixteen bytes, it never reads, and so a worm or a spammer hangs in its own
 * `send` for hours, for an answer a minute. What helps against it is up to the sender: its program or its system may
 * give such a connection up when they need its memory (RFC 6429), and that is all that ends one.
 *
 * What to see: who is caught, that everybody is still there after a day, and what each costs: a record and sixteen bytes
 * here, against a thread and a full send buffer there. All of it is bounded: so many are held and no more (`refuse`: who
 * comes then gets no answer), half-open ones by the backlog, and who has vanished is let go when keep-alive is not
 * answered (§3.8.4).
 */
import {
  type ConnectionHandler,
  type ConnectionInfo,
  createHost,
  editSegments,
  type HostApi,
  memoryPair,
  VirtualNetwork,
} from "../mod.ts";
import { openOnDevice, portOf, readOptions, serveUntilInterrupted } from "./place.ts";

const SECOND_US = 1_000_000;
const WINDOW_BYTES = 16;
const MOST_HELD = 10_000;
const BACKLOG = 256;
const SETTINGS = {
  maxConnections: MOST_HELD,
  onFull: "refuse",
  memoryBytes: 64 << 20,
  tcp: { receiveBufferBytes: WINDOW_BYTES, keepAliveProbes: 5 },
} as const;
/** Who sends nothing is asked after so long whether he is still there, and then each half minute. */
const IDLE_US = 120 * SECOND_US;
const ASK_US = 30 * SECOND_US;

/** How often a report is made on a device. */
const REPORT_MS = 5000;
/** Between two reports, so many catches are told by name: a flood must not fill a log. */
const MOST_TOLD = 10;

/** The server, and what it knows of those whom it holds. */
class Tarpit {
  readonly #host: HostApi;
  #untold = 0;
  #told = 0;
  caught = 0;

  constructor(host: HostApi, port: number) {
    this.#host = host;
    host.listen({ port, backlog: BACKLOG, accept: () => this.#handler });
  }

  /** The same for all: it has nothing to remember. What it leaves out, reading above all, is the trap. */
  readonly #handler: ConnectionHandler = {
    onOpen: (connection) => {
      connection.setKeepAlive(true, IDLE_US, ASK_US);
      this.caught++;
      if (this.#told++ < MOST_TOLD) console.log(`caught ${connection.name.split("-")[1]}`);
      else this.#untold++;
    },
  };

  /** What is held now, and what it costs. */
  report(when: string): void {
    if (this.#untold > 0) console.log(`caught ${this.#untold} more`);
    this.#told = this.#untold = 0;
    const held = this.#host.connections();
    if (held.length === 0) return console.log(`${when}: 0 held of ${this.caught} caught`);
    const sum = (of: (info: ConnectionInfo) => number) =>
      held.reduce((total, connection) => total + of(connection.info()), 0);
    const each = Math.ceil(this.#host.memory().usedBytes / held.length);
    const most = Math.ceil(MOST_HELD * each / 2 ** 20);
    console.log(
      `${when}: ${held.length} held of ${this.caught} caught, ${each} bytes of memory each (${most} MiB for all ${MOST_HELD})`,
    );
    console.log(
      `  ${sum((info) => info.bytesIn)} bytes taken, ${sum((info) => info.segmentsIn)} segments heard`,
    );
  }
}

/** Twenty clients that have much to say, and a cable that can be cut. */
function demo(port: number): void {
  const network = new VirtualNetwork();
  const { clock } = network;
  const [near, far] = memoryPair();
  let isCut = false;
  const cable = editSegments(far, { edit: () => isCut ? "drop" : "pass" });
  const server = createHost({ link: near, addresses: "10.0.0.1/24", clock, ...SETTINGS });
  const client = createHost({ link: cable, addresses: "10.0.0.2/24", clock });
  network.join({ host: server, link: near });
  network.join({ host: client, link: cable });
  const tarpit = new Tarpit(server, port);

  const clients = Array.from({ length: 20 }, () =>
    client.connect({
      address: Uint8Array.of(10, 0, 0, 1),
      port,
      handler: { onOpen: (connection) => void connection.write(new Uint8Array(1000)) },
    }));
  network.advance(SECOND_US);
  tarpit.report("after a second");
  network.advance(24 * 3600 * SECOND_US);
  tarpit.report("after a day   ");
  const [{ state, sendQueue, timers }] = clients.map((each) => each.info());
  const seconds = Math.ceil((timers.persist ?? 0) / SECOND_US);
  console.log(
    `a client: ${state}, ${sendQueue} of its 1000 bytes not taken, its next probe is due in ${seconds} s`,
  );
  isCut = true;
  network.advance(600 * SECOND_US);
  tarpit.report("ten minutes after the cable was cut");
}

const options = readOptions({ port: "2323" });
const port = portOf(options.port);
if (options.device === "") {
  demo(port);
} else {
  const stack = await openOnDevice(options, SETTINGS);
  const tarpit = new Tarpit(stack.host, port);
  const from = Date.now();
  const reporting = setInterval(() => {
    stack.pump.enter();
    if (tarpit.caught > 0) tarpit.report(`after ${Math.round((Date.now() - from) / 1000)} s`);
    stack.pump.leave();
  }, REPORT_MS);
  await serveUntilInterrupted(stack, `Port ${port} is a tarpit`);
  clearInterval(reporting);
}
