/**
 * The kernel's own TCP sockets: Linux's /proc/net/tcp and tcp6 of this network namespace.
 *
 * Owns: reading and parsing those files, and what of a socket is a row. Must not know: how the rows are shown.
 *
 * Format: Documentation/networking/proc_net_tcp.rst of the Linux source. Addresses are words of 32 bits in hex as
 * the machine's byte order has them, ports are hex numbers.
 */
import type { SocketRow } from "../observe/netstat.ts";
import type { TcpState } from "../tcp/state.ts";
import { formatEndpoint, type IpAddress, isUnspecified } from "../wire/address.ts";
import { readProcText } from "./proc_files.ts";

/** One socket of the kernel. */
export interface KernelSocket {
  readonly localAddress: IpAddress;
  readonly localPort: number;
  readonly peerAddress: IpAddress;
  readonly peerPort: number;
  readonly state: TcpState;
  readonly receiveQueue: number;
  readonly sendQueue: number;
}

/** State numbers of include/net/tcp_states.h; 12 is a half-open connection whose socket is not made yet. */
const STATES: Readonly<Record<number, TcpState>> = {
  0x1: "ESTABLISHED",
  0x2: "SYN_SENT",
  0x3: "SYN_RCVD",
  0x4: "FIN_WAIT_1",
  0x5: "FIN_WAIT_2",
  0x6: "TIME_WAIT",
  0x7: "CLOSED",
  0x8: "CLOSE_WAIT",
  0x9: "LAST_ACK",
  0xa: "LISTEN",
  0xb: "CLOSING",
  0xc: "SYN_RCVD",
};

/** Fields of a line, counted from zero. */
const FIELD = { local: 1, peer: 2, state: 3, queues: 4 } as const;
const WORD_DIGITS = 8;

/** Parses the text of /proc/net/tcp or tcp6; lines that are not sockets are left out. */
export function parseKernelSockets(text: string, littleEndian = machineIsLittleEndian()): KernelSocket[] {
  const sockets: KernelSocket[] = [];
  for (const line of text.split("\n")) {
    const fields = line.trim().split(/\s+/);
    const local = parseEndpoint(fields[FIELD.local], littleEndian);
    const peer = parseEndpoint(fields[FIELD.peer], littleEndian);
    const state = STATES[parseInt(fields[FIELD.state] ?? "", 16)];
    const queues = /^([0-9A-F]{8}):([0-9A-F]{8})$/i.exec(fields[FIELD.queues] ?? "");
    if (local === null || peer === null || state === undefined || queues === null) continue;
    sockets.push({
      localAddress: local.address,
      localPort: local.port,
      peerAddress: peer.address,
      peerPort: peer.port,
      state,
      receiveQueue: parseInt(queues[2], 16),
      sendQueue: parseInt(queues[1], 16),
    });
  }
  return sockets;
}

function parseEndpoint(
  text: string | undefined,
  littleEndian: boolean,
): { address: IpAddress; port: number } | null {
  const match = /^((?:[0-9A-F]{8}){1,4}):([0-9A-F]{4})$/i.exec(text ?? "");
  if (match === null || (match[1].length !== WORD_DIGITS && match[1].length !== 4 * WORD_DIGITS)) return null;
  const address = new Uint8Array(match[1].length / 2);
  const view = new DataView(address.buffer);
  for (let digit = 0; digit < match[1].length; digit += WORD_DIGITS) {
    view.setUint32(digit / 2, parseInt(match[1].slice(digit, digit + WORD_DIGITS), 16), littleEndian);
  }
  return { address: unmapped(address), port: parseInt(match[2], 16) };
}

/** A socket for both versions shows an IPv4 peer as ::ffff:a.b.c.d; people look for a.b.c.d. */
function unmapped(address: IpAddress): IpAddress {
  const mapped = address.length === 16 && address.subarray(0, 10).every((byte) => byte === 0) &&
    address[10] === 0xff && address[11] === 0xff;
  return mapped ? address.slice(12) : address;
}

function machineIsLittleEndian(): boolean {
  return new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
}

/** Reads all TCP sockets of the kernel in this network namespace; null where the system does not show them so. */
export function readKernelSockets(): KernelSocket[] | null {
  // The second is missing where IPv6 is off.
  const texts = ["/proc/net/tcp", "/proc/net/tcp6"].map(readProcText).filter((text) => text !== null);
  return texts.length === 0 ? null : texts.flatMap((text) => parseKernelSockets(text));
}

/** A socket as a row of netstat's table. */
export function kernelSocketRow(socket: KernelSocket): SocketRow {
  const open = socket.peerPort === 0 && isUnspecified(socket.peerAddress);
  return {
    proto: socket.localAddress.length === 4 ? "tcp" : "tcp6",
    receiveQueue: socket.receiveQueue,
    sendQueue: socket.sendQueue,
    local: formatEndpoint(socket.localAddress, socket.localPort),
    peer: open ? "*:*" : formatEndpoint(socket.peerAddress, socket.peerPort),
    state: socket.state,
    app: "",
  };
}

/** The socket that listens on this address and port, or on all addresses; undefined when there is none. */
export function findKernelListener(
  sockets: readonly KernelSocket[],
  wanted: { address: IpAddress; port: number },
): KernelSocket | undefined {
  return sockets.find((socket) =>
    socket.state === "LISTEN" && socket.localPort === wanted.port &&
    (isUnspecified(socket.localAddress) || String(socket.localAddress) === String(wanted.address))
  );
}
