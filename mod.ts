/**
 * tcplab as a library: TCP connections by a stack of its own, whose every state can be looked at.
 *
 * Listening and connecting have the shapes of `Deno.listen` and `Deno.connect`. Nothing here opens a device or a
 * native library until {@link openDevice}, or {@link listen} with a `device`, is called.
 *
 * As with those two (Deno 2.9 sets no TCP_NODELAY on what they open, and leaves the kernel's default) Nagle's algorithm is
 * on: of several small writes the second waits for the ACK of the first. Write once, or switch it off with
 * {@link Connection.setNoDelay}, or for all connections with `tcp: { noDelay: true }`.
 *
 * Two hosts on a link in memory, one of them an echo server:
 *
 * ```ts
 * import { createStack, memoryPair } from "@tcplab/tcplab";
 *
 * const [a, b] = memoryPair();
 * await using server = createStack({ link: a, addresses: "10.0.0.1/24" });
 * await using client = createStack({ link: b, addresses: "10.0.0.2/24" });
 *
 * const listener = server.listen({ port: 7 });
 * (async () => {
 *   for await (const connection of listener) {
 *     connection.readable.pipeTo(connection.writable).catch(() => {});
 *   }
 * })();
 *
 * const connection = await client.connect({ hostname: "10.0.0.1", port: 7 });
 * await connection.write(new TextEncoder().encode("hello"));
 * await connection.closeWrite();
 * const text = await new Response(connection.readable).text();
 * if (text !== "hello") throw new Error(`got ${text}`);
 * console.log(connection.state, connection.info().states);
 * ```
 *
 * The same without promises, in virtual time: a host that is driven by hand.
 *
 * ```ts
 * import { createHost, findApplication, memoryPair, VirtualNetwork } from "@tcplab/tcplab";
 *
 * const network = new VirtualNetwork();
 * const { clock } = network;
 * const [a, b] = memoryPair();
 * const server = createHost({ link: a, addresses: "10.0.0.1/24", clock });
 * const client = createHost({ link: b, addresses: "10.0.0.2/24", clock });
 * network.join({ host: server, link: a });
 * network.join({ host: client, link: b });
 *
 * const close = findApplication("close");
 * if (close === null) throw new Error("no such application");
 * server.listen({ port: 9, accept: close.create({ nowEpochUs: () => clock.epochUs + clock.nowUs() }) });
 * const connection = client.connect({
 *   address: Uint8Array.of(10, 0, 0, 1),
 *   port: 9,
 *   handler: { onPeerClosed: (connection) => connection.close() },
 * });
 * network.settle();
 * const [served] = server.connections();
 * console.log(connection.state, served.state);
 * if (served.state !== "TIME_WAIT") throw new Error(`the server is in ${served.state}`);
 * network.advance(60_000_000);
 * if (server.connections().length > 0) throw new Error("TIME_WAIT did not end");
 * ```
 *
 * @module
 */
import { Host } from "./src/host/host.ts";
import type { FrameLink } from "./src/link/link.ts";
import type { ServerSpeaker } from "./src/observe/server_answers.ts";
import type { Connection } from "./src/runtime/connection.ts";
import { connectOn, type ConnectOnOptions } from "./src/runtime/connect.ts";
import { type DeviceOptions, listenOn, type ListenOnOptions } from "./src/runtime/listen.ts";
import type { Listener } from "./src/runtime/listener.ts";
import type { Stack } from "./src/runtime/stack.ts";
import { formatMac, parseMac } from "./src/wire/address.ts";

export type {
  Application,
  ApplicationContext,
  ApplicationName,
  ConnectionFactory,
} from "./src/app/application.ts";
export { APPLICATIONS, findApplication } from "./src/app/applications.ts";
export type {
  ClaimOptions,
  ConnectionHandler,
  ConnectOptions,
  HostApi,
  HostAtWork,
  HostConnection,
  HostListener,
  ListenOptions as HostListenOptions,
  MemoryFigures,
} from "./src/host/api.ts";
export type {
  FastOpenConnection,
  FastOpenConnectOptions,
  FastOpenCookie,
  FastOpenHost,
  FastOpenHostOptions,
  FastOpenListener,
  FastOpenListenOptions,
  FastOpenPath,
  FastOpenRequest,
  GivenFastOpenCookie,
} from "./src/host/fast_open_api.ts";
export { Host, type HostOptions } from "./src/host/host.ts";
export { HostError, type HostErrorCode } from "./src/host/host_error.ts";
export { HostNumbers } from "./src/host/host_numbers.ts";
export type { HostAddress } from "./src/host/own_addresses.ts";
export type { FaultObserver } from "./src/link/fault_link.ts";
export type { FrameFault, TouchedFrame } from "./src/link/fault_path.ts";
export type { FrameOrder } from "./src/link/frame_order.ts";
export {
  type FrameHandler,
  type FrameLink,
  type HostLink,
  LinkError,
  type LinkStats,
} from "./src/link/link.ts";
export {
  editSegments,
  type PassingSegment,
  type SegmentEditing,
  type SegmentVerdict,
} from "./src/link/edit_segments.ts";
export { LinkHub } from "./src/link/link_hub.ts";
export { MemoryLink, memoryPair, type MemoryPairOptions } from "./src/link/memory_link.ts";
export { type Clock, systemClock, VirtualClock } from "./src/runtime/clock.ts";
export type { ConnectOnOptions } from "./src/runtime/connect.ts";
export {
  Connection,
  type ConnectionOptions,
  type HostDriver,
  type NetAddress,
} from "./src/runtime/connection.ts";
export {
  createHost,
  type CreateHostOptions,
  createStack,
  type CreateStackOptions,
  type HostSettings,
} from "./src/runtime/create_stack.ts";
export type { ConnectionEvents, EventHub } from "./src/runtime/event_hub.ts";
export {
  createLab,
  Lab,
  type LabEvent,
  type LabHost,
  type LabHostSettings,
  type LabOptions,
} from "./src/runtime/lab.ts";
export type { DeviceOpener, DeviceOptions, ListenOnOptions } from "./src/runtime/listen.ts";
export { Listener, type ListenerHost, type ListenerOptions } from "./src/runtime/listener.ts";
export type { Port } from "./src/runtime/net_options.ts";
export { ProcessLife } from "./src/runtime/process_life.ts";
export { Pump, type PumpOptions } from "./src/runtime/pump.ts";
export type { ShutdownResult } from "./src/runtime/shutdown.ts";
export {
  Stack,
  type StackConnectOptions,
  type StackListenOptions,
  type StackParts,
  type StackShutdownOptions,
} from "./src/runtime/stack.ts";
export { type NetworkEnd, VirtualNetwork } from "./src/runtime/virtual_network.ts";
export type { TcpConfig } from "./src/tcp/config.ts";
export type { PinnedNumbers } from "./src/tcp/initial_sequence.ts";
export type * from "./src/tcp/events.ts";
export type { FastOpenSettings } from "./src/tcp/fast_open_settings.ts";
export type { ConnectionInfo, FlightSegments } from "./src/tcp/info.ts";
export type { IpHabits, Profile, ProfileName, SocketDefaults, SystemHabits } from "./src/tcp/profile.ts";
export { PROFILES } from "./src/tcp/profiles.ts";
export type { TcpHabits } from "./src/tcp/habits.ts";
export { TCP_STATES, type TcpState } from "./src/tcp/state.ts";
export type { EndId, EndPrefix, Row } from "./src/tcp/ending_rows.ts";
export { type Transition, type TransitionId, TRANSITIONS } from "./src/tcp/transitions.ts";
export { formatIpAddress, type IpAddress } from "./src/wire/address.ts";
export type { FastOpenOption } from "./src/wire/fast_open_option.ts";
export { FLAG, TcpSegment } from "./src/wire/tcp.ts";
export type { TcpOptions } from "./src/wire/tcp_options.ts";

/**
 * Listens for connections with a TCP of our own, on a device or on a link.
 *
 * `ip` must be an address that nobody else has, this machine's kernel included: it would answer too, with a reset.
 * A device needs the rights to capture (root, or CAP_NET_RAW), and is opened in the background: if that
 * fails, `accept` rejects with the reason. `tcplab netstat` shows a server on a device to its own user and to root, where
 * the program may write a socket file (nobody is asked for a permission); `netstat: false` keeps it out.
 *
 * ```ts
 * import { listen, memoryPair } from "@tcplab/tcplab";
 *
 * const [link] = memoryPair();
 * using listener = listen({ link, ip: "192.168.56.101/24", port: 3333 });
 * console.log(listener.addr);
 * ```
 *
 * ```ts ignore
 * for await (const connection of listen({ device: "eth0", ip: "192.168.56.101/24", port: 3333 })) {
 *   console.log(connection.remoteAddr, connection.state);
 *   connection.readable.pipeTo(connection.writable);
 * }
 * ```
 */
export function listen(options: ListenOnOptions): Listener {
  return listenOn(options, {
    openDevice,
    onStack: (stack) => {
      if (options.netstat !== false) {
        void tellNetstat(stack, { ip: options.ip, app: options.netstat ?? "library" });
      }
    },
  });
}

/**
 * Connects with a TCP of our own, from a device or on a link, with an address that nobody else has. The stack behind it ends with
 * the connection; who needs more than one makes a stack (`createStack`).
 *
 * ```ts
 * import { connect, createStack, memoryPair } from "@tcplab/tcplab";
 *
 * const [near, far] = memoryPair();
 * await using server = createStack({ link: near, addresses: "10.0.0.1/24" });
 * using listener = server.listen({ port: 7 });
 * const accepting = listener.accept();
 * using connection = await connect({ link: far, ip: "10.0.0.2/24", hostname: "10.0.0.1", port: 7 });
 * console.log(connection.state, (await accepting).remoteAddr);
 * ```
 *
 * ```ts ignore
 * const connection = await connect({ device: "eth0", ip: "192.168.56.102/24", hostname: "192.168.56.101", port: 3333 });
 * ```
 */
export function connect(options: ConnectOnOptions): Promise<Connection> {
  return connectOn(options, { openDevice });
}

/** Lets `tcplab netstat` of this user, and of root, see what the stack holds; where that cannot be, nothing happens. */
async function tellNetstat(
  stack: Stack,
  about: { ip: string | readonly string[]; app: string },
): Promise<void> {
  const { host, link, pump } = stack;
  if (!(host instanceof Host)) return;
  // Only who serves on a device loads these.
  const { openStackControl } = await import("./src/runtime/stack_control.ts");
  const { answerOf } = await import("./src/observe/server_answers.ts");
  const { linkText } = await import("./ffi/link_text.ts");
  await openStackControl(stack, () => {
    const speaker: ServerSpeaker = {
      pid: Deno.pid,
      link,
      ip: [about.ip].flat().map((text) => text.split("/")[0]),
      startedAt: Date.now() / 1000,
      // By it `serve` knows who can be in its way; elsewhere than on Linux there are none.
      networkNamespace: linkText("/proc/self/ns/net"),
      host,
      appOf: () => about.app,
      enter: () => pump.enter(),
    };
    return { answer: (request) => answerOf(speaker, request) };
  });
}

/**
 * Opens a network device as a link: loads libpcap through FFI, needs the rights to capture. Throws with one line
 * that says what is missing and what to do about it.
 *
 * ```ts ignore
 * import { createStack, openDevice } from "@tcplab/tcplab";
 *
 * const link = await openDevice({ device: "eth0" });
 * await using stack = createStack({ link, addresses: "192.168.56.101/24" });
 * ```
 *
 * Several hosts on one device:
 *
 * ```ts ignore
 * const macs = ["02:00:00:00:00:01", "02:00:00:00:00:02"];
 * const hub = new LinkHub(await openDevice({ device: "eth0", mac: macs[0], alsoMacs: macs.slice(1) }));
 * const stacks = macs.map((_, n) =>
 *   createStack({ link: hub.port(Uint8Array.of(2, 0, 0, 0, 0, n + 1)), addresses: [`10.33.0.${n + 11}/24`, `fd33::${n + 11}/64`] })
 * );
 * ```
 */
export async function openDevice(options: DeviceOptions): Promise<FrameLink> {
  const { openPcapLink } = await import("./ffi/pcap_link.ts");
  const { findInterface } = await import("./ffi/interfaces.ts");
  const own = findInterface(options.device)?.mac ?? null;
  const mac = options.mac === "device"
    ? own
    : options.mac === undefined
    ? randomMac()
    : parseMac(options.mac);
  if (mac === null) throw noMac(options.mac);
  const macs = [mac, ...(options.alsoMacs ?? []).map(demandMac)];
  const forUs = `(${macs.map((each) => `ether dst ${formatMac(each)}`).join(" or ")} or ether multicast)`;
  return openPcapLink({
    device: options.device,
    mac,
    filter: options.filter === undefined ? forUs : `${forUs} and (${options.filter})`,
    ...(options.ringMib === undefined ? {} : { ringMib: options.ringMib }),
  });
}

function demandMac(text: string): Uint8Array {
  const mac = parseMac(text);
  if (mac === null) throw noMac(text);
  return mac;
}

function noMac(text: string | undefined): TypeError {
  return new TypeError(`No hardware address "${text}": expected one as 02:00:5e:10:00:01, or "device"`);
}

/** A locally administered unicast address (IEEE 802: bit 0x02 of the first byte set, bit 0x01 clear). */
function randomMac(): Uint8Array {
  const mac = crypto.getRandomValues(new Uint8Array(6));
  mac[0] = (mac[0] & 0xfc) | 0x02;
  return mac;
}
