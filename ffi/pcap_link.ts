/**
 * PcapLink: a network device as a FrameLink.
 *
 * Owns: frames in and out of one open device, waiting for them, and what it means when the device goes down or away.
 * Must not know: ARP, IP, TCP; which frames are wanted (the caller composes the filter).
 *
 * A device that is taken down, or loses its carrier, may come back: until then frames are lost, as on a cable that is
 * out. A device that no longer exists is the end of the link: LinkError.
 */

import { emptyLinkStats, type FrameHandler, type FrameLink, type LinkStats } from "../src/link/link.ts";
import { deviceMtu, deviceOffloads } from "./device_hardware.ts";
import { deviceLost, FRAME_OVERHEAD_BYTES } from "./device_loss.ts";
import { hasKernelFilter } from "./capture_ring.ts";
import { FrameReader } from "./frame_reader.ts";
import { type FrameSource, READ } from "./frame_source.ts";
import { findInterface, type InterfaceInfo, listInterfaces } from "./interfaces.ts";
import {
  type CaptureMode,
  openPcapDevice,
  openPcapDeviceAside,
  type PcapCounts,
  type PcapDevice,
  type PcapDeviceOptions,
} from "./pcap_device.ts";
import { PCAP_CODES, PcapError } from "./pcap_error.ts";
import { pcapLibrary } from "./pcap_library.ts";
import { MAXIMUM_SNAPLEN_BYTES } from "./pcap_symbols.ts";
import { Readiness } from "./readiness.ts";
import { RingReader } from "./ring_reader.ts";
import { openTransmitter, type TransmitWish } from "./transmit_choice.ts";
import type { TransmitMode, Transmitter } from "./transmitter.ts";

/** What to open; everything but device and address has a default. */
export interface PcapLinkOptions {
  readonly device: string;
  /** The hardware address that frames for us carry: the device's own, or a locally administered one. 6 bytes. */
  readonly mac: Uint8Array;
  /** Immediate (the default) for short round trips, live for the classic read timeout. */
  readonly capture?: CaptureMode;
  /** Only for live capture; 1 ms. */
  readonly readTimeoutMs?: number;
  /** Capture ring, 64 MiB; only in immediate mode. Where off-loads are on, the kernel takes up to twice as much. */
  readonly ringMib?: number;
  /** 262,144 bytes, libpcap's largest: merged frames must not be cut. */
  readonly snaplenBytes?: number;
  /** Needed (and the default) unless `mac` is the device's own. */
  readonly promiscuous?: boolean;
  /** The whole capture filter in pcap-filter language; empty or absent: every frame. */
  readonly filter?: string;
  /** Largest IP packet; asked of the device where absent. */
  readonly mtu?: number;
  /** How frames leave; `auto` (the default) takes the fastest that works. */
  readonly tx?: TransmitWish;
}

/** local choice: what a 64 MiB ring holds is enough for some hundreds of busy connections between two drains. */
const DEFAULT_RING_MIB = 64;
/** local choice: the shortest that poll-based capture knows. */
const DEFAULT_READ_TIMEOUT_MS = 1;
/** Ethernet's own, where the system does not tell. */
const ETHERNET_MTU = 1500;
/** Every IPv4 module must forward 68 bytes (RFC 791 §3.2): a device that tells less tells nothing to rely on. */
const LEAST_MTU = 68;
/** local choice: a change is for people to make; what no refused frame shows is seen this late, at a look a second. */
const MTU_LOOK_US = 1_000_000;
/** local choice: while a device is down, its end is noticed this late, at ten cheap looks a second. */
const DOWN_CHECK_MS = 100;

const NO_COUNTS: PcapCounts = { droppedByRing: 0, droppedByDevice: 0 };

/** A device as a FrameLink. Opened by {@link openPcapLink}. */
export class PcapLink implements FrameLink {
  readonly name: string;
  readonly mac: Uint8Array;
  readonly capture: CaptureMode;
  readonly #device: PcapDevice;
  readonly #transmitter: Transmitter;
  readonly #reader: FrameSource;
  /** The reader, where it is one that reads the ring itself. */
  readonly #ringReader: RingReader | null;
  readonly #readiness: Readiness;
  readonly #stats = emptyLinkStats();
  #isCrowded = false;
  #lastCounts = NO_COUNTS;
  #mtu: number;
  readonly #largestMtu: number;
  /** When the device's MTU was looked at last, by the clock of the capture; Infinity where it is not looked at. */
  #lookedUs: number;
  #filter = "";
  #closed = false;

  constructor(
    device: PcapDevice,
    options: {
      mac: Uint8Array;
      mtu: number;
      /** Whether the device's own MTU is followed when it changes, up to what the capture ring takes. */
      followsMtu: boolean;
      largestMtu: number;
      capture: CaptureMode;
      transmitter: Transmitter;
    },
  ) {
    const { transmitter } = options;
    this.#device = device;
    this.#transmitter = transmitter;
    this.name = device.name;
    this.mac = options.mac.slice();
    this.#mtu = options.mtu;
    this.#largestMtu = options.largestMtu;
    this.#lookedUs = options.followsMtu ? -Infinity : Infinity;
    transmitter.onTooLong = (length) => this.#refusedAsTooLong(length);
    this.capture = options.capture;
    const descriptor = device.selectableFd;
    this.#readiness = new Readiness(descriptor);
    const libpcap = new FrameReader(pcapLibrary(), device.handle, { frameStays: Deno.build.os === "linux" });
    const { ring, wholeFrames } = device;
    const mayTakeOver = () => hasKernelFilter(descriptor);
    this.#ringReader = ring && new RingReader(libpcap, ring, { mayTakeOver, wholeFrames });
    this.#reader = this.#ringReader ?? libpcap;
  }

  /** Largest IP packet of the device; looked at again while frames come, and when the device refuses one as too long. */
  get mtu(): number {
    return this.#mtu;
  }

  get isCrowded(): boolean {
    return this.#isCrowded;
  }

  get maxPacketBytes(): number {
    return Math.max(this.#mtu, this.#transmitter.largestCutPacketBytes);
  }

  /** Whether frames are taken out of the kernel's ring directly, which begins after the first few. */
  get readsRing(): boolean {
    return this.#ringReader?.isTaking ?? false;
  }

  /** Frames that the ring holds at most; 0 while that is not known. */
  get ringFrames(): number {
    return this.#device.ring?.slots ?? 0;
  }

  /** How frames leave. */
  get transmit(): TransmitMode {
    return this.#transmitter.mode;
  }

  /** What libpcap warned of when it opened the device, each one line. */
  get warnings(): readonly string[] {
    return this.#device.warnings;
  }

  /** The filter that is set, as libpcap compiled it. */
  get filter(): string {
    return this.#filter;
  }

  /** Whether the device was seen going down and has not come back yet. */
  get isDown(): boolean {
    return !this.#closed && this.#device.isDown;
  }

  /** The system's words for the last frame that the device refused, or null. */
  get lastSendError(): string | null {
    return this.#transmitter.lastError;
  }

  /** Puts another filter in place of the present one; empty lets every incoming frame through. Throws PcapError. */
  setFilter(expression: string): void {
    const wanted = expression.trim();
    // Where the kernel cannot keep our own frames away, the filter has to.
    const full = this.#device.onlyIncoming ? wanted : exceptFrom(this.mac, wanted);
    this.#device.setFilter(full);
    this.#filter = full;
  }

  receive(handler: FrameHandler, budget: number): number {
    const reader = this.#reader;
    const stats = this.#stats;
    let taken = 0;
    this.#isCrowded = this.#ringReader?.isCrowded ?? false;
    while (taken < budget && !this.#closed) {
      const code = reader.next();
      if (code !== READ.frame) {
        if (code === READ.error) throw deviceLost(this.name, this.#device.lastErrorText);
        break;
      }
      // Before the frame is handed up: what answers it is to fit.
      // That clock may be set back.
      const isFirst = taken++ === 0;
      if (isFirst && Math.abs(reader.capturedUs - this.#lookedUs) >= MTU_LOOK_US) {
        this.#lookAtMtu(reader.capturedUs);
      }
      stats.framesIn++;
      stats.bytesIn += reader.lengthBytes;
      handler(reader.frame, reader.lengthBytes, reader.capturedUs);
    }
    return taken;
  }

  send(frame: Uint8Array, length: number, cutBytes = 0): void {
    // Native code reads `length` bytes whatever the array holds.
    if (length > frame.length) {
      throw new RangeError(`A frame of ${length} bytes in an array of ${frame.length}`);
    }
    if (this.#closed) return;
    // Frame memory is never shared or resizable; the type of the seam is wider than what native calls take.
    this.#transmitter.send(frame as Uint8Array<ArrayBuffer>, length, cutBytes);
  }

  get onDeparture(): (() => void) | null {
    return this.#transmitter.onDeparture;
  }

  set onDeparture(called: (() => void) | null) {
    this.#transmitter.onDeparture = called;
  }

  flush(): void {
    if (!this.#closed) this.#transmitter.flush();
  }

  wait(timeoutMs: number): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#ringReader?.noteSleep();
    return this.#readiness.wait(this.#device.isDown ? Math.min(timeoutMs, DOWN_CHECK_MS) : timeoutMs);
  }

  wake(): void {
    this.#readiness.wake();
  }

  stats(): LinkStats {
    if (!this.#closed) this.#lastCounts = this.#countsNow();
    const { droppedByRing, droppedByDevice } = this.#lastCounts;
    return { ...this.#stats, ...this.#transmitter.counts, droppedByRing, droppedByDevice };
  }

  /** A whole flight may be refused before whoever sends has heard of the first: only that one is worth a look. */
  #refusedAsTooLong(length: number): void {
    if (length <= this.#mtu + FRAME_OVERHEAD_BYTES) this.#lookAtMtu();
  }

  /** Asks the device for its MTU, and notes when that was. Some 30 us: three system calls. */
  #lookAtMtu(nowUs?: number): void {
    if (this.#lookedUs === Infinity) return;
    if (nowUs !== undefined) this.#lookedUs = nowUs;
    const told = deviceMtu(this.name);
    if (told === null || told < LEAST_MTU) return;
    const mtu = Math.min(told, this.#largestMtu);
    if (mtu === this.#mtu) return;
    this.#mtu = mtu;
    this.#transmitter.mtu = mtu;
  }

  /** Ends the link; a pending wait resolves, and the device is freed after it. Closing twice is harmless. */
  close(): void {
    if (this.#closed) return;
    this.#lastCounts = this.#countsNow();
    this.#closed = true;
    this.#reader.close();
    this.#transmitter.close();
    this.#readiness.close(() => this.#device.close());
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** A frame of which only the beginning was kept is lost as one for which there was no slot. */
  #countsNow(): PcapCounts {
    const { droppedByRing, droppedByDevice } = this.#device.counts();
    return { droppedByRing: droppedByRing + (this.#device.wholeFrames?.lost ?? 0), droppedByDevice };
  }
}

/** Opens a device as a link. Throws PcapError: no library, no device, no rights, not up, not Ethernet, bad filter. */
export function openPcapLink(options: PcapLinkOptions): PcapLink {
  return linkOn(openPcapDevice(deviceOptions(options)), options);
}

/** The same, and the program goes on while the kernel makes the ring. Rejects where {@link openPcapLink} throws. */
export async function openPcapLinkAside(options: PcapLinkOptions): Promise<PcapLink> {
  return linkOn(await openPcapDeviceAside(deviceOptions(options)), options);
}

function deviceOptions(options: PcapLinkOptions): PcapDeviceOptions {
  if (options.mac.length !== 6) {
    throw new RangeError(`A hardware address has 6 bytes, not ${options.mac.length}`);
  }
  refuseUnusable(options.device);
  return {
    device: options.device,
    capture: options.capture ?? "immediate",
    readTimeoutMs: options.readTimeoutMs ?? DEFAULT_READ_TIMEOUT_MS,
    ringMib: options.ringMib ?? DEFAULT_RING_MIB,
    snaplenBytes: options.snaplenBytes ?? MAXIMUM_SNAPLEN_BYTES,
    promiscuous: options.promiscuous ?? true,
  };
}

/** Makes a link of an open device; it closes the device from now on, also when it cannot be made. */
function linkOn(device: PcapDevice, options: PcapLinkOptions): PcapLink {
  using parts = new DisposableStack();
  parts.defer(() => device.close());
  const mtu = options.mtu ?? deviceMtu(options.device) ?? ETHERNET_MTU;
  const transmitter = openTransmitter(device, { wish: options.tx ?? "auto", mtu });
  parts.defer(() => transmitter.close());
  const capture = options.capture ?? "immediate";
  const followsMtu = options.mtu === undefined;
  const takesLarger = device.wholeFrames !== null || ringTakesLarger(options.device, capture);
  const largestMtu = takesLarger ? Infinity : mtu;
  const link = new PcapLink(device, { mac: options.mac, mtu, followsMtu, largestMtu, capture, transmitter });
  // From here on the link closes both.
  parts.move();
  try {
    link.setFilter(options.filter ?? "");
    return link;
  } catch (error) {
    link.close();
    throw error;
  }
}

/**
 * Whether frames above the MTU of the moment fit the ring: in immediate mode libpcap makes its slots as large as one frame,
 * unless the device merges or leaves large ones whole. Peers who were offered more would send what is cut off.
 */
function ringTakesLarger(device: string, capture: CaptureMode): boolean {
  if (capture !== "immediate") return true;
  const offloads = deviceOffloads(device);
  return offloads !== null &&
    (offloads.tcpSegmentation || offloads.genericSegmentation || offloads.genericReceive);
}

/** Refuses, with better words than libpcap has, a device that is not there or can never work. */
function refuseUnusable(device: string): void {
  const info = findInterface(device);
  if (info === null) throw noSuchDevice(device);
  if (info.isLoopback) {
    throw new PcapError({
      operation: "pcap_findalldevs",
      code: PCAP_CODES.captureNotSupported,
      what: `Device ${device} cannot be used`,
      detail: "it is the loopback device, where the kernel delivers every frame to itself and answers first",
      remedy: "Use a veth pair (`tcplab lab up`, `tcplab demo`) or a real Ethernet device",
    });
  }
}

function noSuchDevice(device: string): PcapError {
  const usable = listInterfaces().filter(isCandidate).map((info) => info.name);
  return new PcapError({
    operation: "pcap_findalldevs",
    code: PCAP_CODES.noSuchDevice,
    what: `Device ${device} could not be opened`,
    detail: "there is no such device",
    remedy: usable.length === 0
      ? "There is no Ethernet device here at all: make one with `tcplab lab up`, or see `tcplab doctor`"
      : `Choose one of: ${usable.join(", ")}`,
  });
}

function isCandidate(info: InterfaceInfo): boolean {
  return !info.isLoopback && info.isEthernet !== false && info.mac !== null;
}

function exceptFrom(mac: Uint8Array, expression: string): string {
  const text = Array.from(mac, (byte) => byte.toString(16).padStart(2, "0")).join(":");
  return expression === "" ? `not ether src ${text}` : `(${expression}) and not ether src ${text}`;
}
