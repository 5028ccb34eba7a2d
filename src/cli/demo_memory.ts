/**
 * The demo without any device: two of our hosts on a link in memory, our own active opener as the client.
 *
 * Owns: the order of the story, and the virtual clock on which it plays. Must not know: devices, namespaces.
 */
import { getColorEnabled } from "@std/fmt/colors";
import { echo } from "../app/echo.ts";
import type { HostApi, HostConnection } from "../host/api.ts";
import type { Host } from "../host/host.ts";
import type { FrameLink } from "../link/link.ts";
import { memoryPair } from "../link/memory_link.ts";
import { socketTable } from "../observe/netstat.ts";
import { VirtualClock } from "../runtime/clock.ts";
import { createHost } from "../runtime/create_stack.ts";
import { VirtualNetwork } from "../runtime/virtual_network.ts";
import type { TcpEvent } from "../tcp/events.ts";
import { formatEndpoint, formatIpAddress } from "../wire/address.ts";
import { CliError } from "./command.ts";
import type { DemoOptions } from "./demo_live.ts";
import type { DemoScreen } from "./demo_screen.ts";

/** The same addresses as in the lab. */
const SERVER_ADDRESS = Uint8Array.of(10, 33, 0, 3);
const CLIENT_ADDRESS = Uint8Array.of(10, 33, 0, 2);
const PORT = 3333;
/** Virtual time within which everything of the demo happens. */
const PATIENCE_US = 10_000_000;

/** Plays the demo in memory; gives the server's events. Throws {@link CliError} when a step does not happen. */
export function playMemoryDemo(screen: DemoScreen, options: Omit<DemoOptions, "recording">): TcpEvent[] {
  const world = new MemoryWorld(new VirtualClock({ epochUs: Date.now() * 1000 }));
  const events: TcpEvent[] = [];
  world.server.observer = (event) => {
    events.push(event);
    if (event.event !== "data") screen.event(event);
  };

  screen.step("The server: one host of ours, with echo on its port");
  const accept = echo.create({ nowEpochUs: () => world.clock.epochUs + world.clock.nowUs() });
  world.server.listen({ port: PORT, accept });

  screen.step(`The client: another host of ours connects, sends "${options.text}", and sleeps`);
  const line = new TextEncoder().encode(options.text + "\n");
  let received = 0;
  const sink = new Uint8Array(line.length + 1);
  const client = world.client.connect({
    address: SERVER_ADDRESS,
    port: PORT,
    handler: {
      onReadable: (connection) => void (received += connection.read(sink.subarray(received))),
    },
  });
  // The line follows the handshake's last ACK as a segment of its own, as it does with a kernel's client.
  world.runUntil(() => isEstablished(client), "The connection does not open");
  client.write(line);
  world.runUntil(() => received >= line.length, "The client's line does not come back");
  screen.check("the line came back", sink.subarray(0, received).every((byte, index) => byte === line[index]));

  screen.step("Who knows of the connection?");
  showConnections(screen, "the server's host", world.server);
  screen.check("the server has it ESTABLISHED", world.server.connections().some(isEstablished));
  showConnections(screen, "the client's host", world.client);
  screen.check("the client has it ESTABLISHED", isEstablished(client));

  screen.step("The client wakes and closes");
  world.network.advance(options.sleepSeconds * 1_000_000);
  client.close();
  world.runUntil(() => events.some((event) => event.event === "closed"), "The connection does not close");
  showConnections(screen, "the client's host", world.client);
  screen.check(
    "the client keeps it in TIME_WAIT, as the side that closed first does",
    client.state === "TIME_WAIT",
  );
  return events;
}

function isEstablished(connection: HostConnection): boolean {
  return connection.state === "ESTABLISHED";
}

function showConnections(screen: DemoScreen, whose: string, host: HostApi): void {
  const rows = host.connections().map((connection) => {
    const { receiveQueue, sendQueue, state } = connection.info();
    return {
      proto: "tcp",
      receiveQueue,
      sendQueue,
      local: formatEndpoint(connection.localAddress, connection.localPort),
      peer: formatEndpoint(connection.peerAddress, connection.peerPort),
      state,
      app: "",
    };
  });
  screen.output(`netstat (${whose})`, socketTable(rows, { width: screen.width, color: getColorEnabled() }));
}

/** Two hosts and the wire between them, in virtual time. */
class MemoryWorld {
  readonly clock: VirtualClock;
  readonly network: VirtualNetwork;
  readonly server: Host;
  readonly client: Host;

  constructor(clock: VirtualClock) {
    this.clock = clock;
    this.network = new VirtualNetwork(clock);
    const [serverLink, clientLink] = memoryPair({ nameA: "memory:server", nameB: "memory:client" });
    this.server = this.#join(serverLink, SERVER_ADDRESS);
    this.client = this.#join(clientLink, CLIENT_ADDRESS);
  }

  /** Lets time pass until the condition holds. */
  runUntil(condition: () => boolean, otherwise: string): void {
    if (this.network.advanceUntil(condition, PATIENCE_US)) return;
    throw new CliError(`${otherwise}, within ${PATIENCE_US / 1_000_000} s of virtual time`);
  }

  #join(link: FrameLink, address: Uint8Array): Host {
    const host = createHost({ link, addresses: `${formatIpAddress(address)}/24`, clock: this.clock });
    this.network.join({ host, link });
    return host;
  }
}
