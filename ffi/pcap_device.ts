/**
 * One open capture handle on a network device.
 *
 * Owns: both ways of opening (`pcap_open_live`; create, set, activate), what must hold before frames flow (Ethernet,
 * non-blocking), the filter, the direction, the statistics, and closing.
 * Must not know: what is in frames, or who waits for them.
 *
 * Immediate mode can be chosen only between `pcap_create` and `pcap_activate`, and so can the size of the ring;
 * `pcap_open_live` knows neither: its ring is libpcap's 2 MiB, and a frame may wait for the read timeout.
 */

import { cString, readCString, textOfBuffer } from "./native_memory.ts";
import { checkPcap, checkPcapPointer, PCAP_CODES, PcapError, remedyFor } from "./pcap_error.ts";
import { setPcapFilter } from "./pcap_filter.ts";
import { type CaptureRing, openCaptureRing } from "./capture_ring.ts";
import { ignoreOutgoing } from "./packet_socket.ts";
import { queueWholeFrames, type WholeFrames } from "./whole_frames.ts";
import { pcapCodeInText, pcapHandleText, pcapLibrary, pcapStatusText } from "./pcap_library.ts";
import {
  DIRECTION_IN,
  LINKTYPE_ETHERNET,
  MAXIMUM_SNAPLEN_BYTES,
  PCAP_ERRBUF_BYTES,
  type PcapSymbols,
} from "./pcap_symbols.ts";
import { LAYOUTS } from "./struct_layouts.ts";

/** How a device is opened: for the shortest delay, or as a classic capture with a read timeout. */
export type CaptureMode = "immediate" | "live";

/** What to open and how; units are in the names. */
export interface PcapDeviceOptions {
  readonly device: string;
  readonly capture: CaptureMode;
  /** How long the kernel may gather frames before it hands them over; without effect in immediate mode. */
  readonly readTimeoutMs: number;
  /** Size of the capture ring, 1 to 2047; only in immediate mode. */
  readonly ringMib: number;
  /** Longest capture of one frame. With libpcap's largest, the ring's slots may be smaller than a frame. */
  readonly snaplenBytes: number;
  /** Whether frames for hardware addresses other than the device's own are wanted. */
  readonly promiscuous: boolean;
}

/** What the kernel counted on a handle. */
export interface PcapCounts {
  /** Lost because the ring was full. */
  readonly droppedByRing: number;
  /** Lost by the device or its driver. */
  readonly droppedByDevice: number;
}

const BYTES_PER_MIB = 1024 * 1024;
/** The ring's size is a C `int` of bytes. */
const LARGEST_RING_MIB = 2047;

/**
 * Snapshot length that makes libpcap 1.10 lay out slots of 2 KiB, two a page: a full frame of Ethernet, tags included, with
 * the slot's header. A ring of 64 MiB has 32,768 of them.
 */
const SMALL_SLOT_SNAPLEN_BYTES = 1980;

/** An open device. Opened by {@link openPcapDevice}. */
export class PcapDevice {
  readonly name: string;
  readonly handle: Deno.PointerObject;
  /** What libpcap warned of when it opened the device, each one line. */
  readonly warnings: readonly string[];
  /** Whether the kernel keeps outgoing frames away from us; if not, a filter has to. */
  readonly onlyIncoming: boolean;
  /** Where the kernel puts frames, if all of them are for us; null where only libpcap can take them. */
  readonly ring: CaptureRing | null;
  /** Frames that do not fit a slot of the ring; null where each does. */
  readonly wholeFrames: WholeFrames | null;
  readonly #library: PcapSymbols;
  readonly #statistics = new Uint8Array(LAYOUTS.pcapStat.sizeBytes);
  #closed = false;

  constructor(
    library: PcapSymbols,
    open: { name: string; handle: Deno.PointerObject; warnings: readonly string[]; queueBytes: number },
  ) {
    this.#library = library;
    this.name = open.name;
    this.handle = open.handle;
    this.warnings = open.warnings;
    const linkType = library.pcap_datalink(this.handle);
    if (linkType !== LINKTYPE_ETHERNET) throw notEthernet(this.name, linkType);
    const errorText = new Uint8Array(PCAP_ERRBUF_BYTES);
    checkPcap(library.pcap_setnonblock(this.handle, 1, errorText), {
      operation: "pcap_setnonblock",
      what: `Device ${this.name} cannot be read without blocking`,
      detail: textOfBuffer(errorText),
    });
    this.onlyIncoming = library.pcap_setdirection(this.handle, DIRECTION_IN) === 0;
    const descriptor = this.selectableFd;
    const kernelSortsOut = this.onlyIncoming && ignoreOutgoing(descriptor);
    this.ring = kernelSortsOut ? openCaptureRing(descriptor) : null;
    const mayQueue = this.ring !== null && open.queueBytes > 0;
    this.wholeFrames = mayQueue ? queueWholeFrames(descriptor, open.queueBytes) : null;
  }

  /** libpcap's text for the last error on this handle. */
  get lastErrorText(): string {
    return pcapHandleText(this.handle);
  }

  /** The descriptor to poll. Throws PcapError where the platform or the device has none. */
  get selectableFd(): number {
    const descriptor = this.#library.pcap_get_selectable_fd?.(this.handle) ?? -1;
    return checkPcap(descriptor, {
      operation: "pcap_get_selectable_fd",
      what: `Device ${this.name} cannot be waited for`,
      detail: "it has no descriptor to poll",
      remedy: "Choose an ordinary Ethernet device",
    });
  }

  /** Whether libpcap saw the device go down and now wants to be asked often whether it is gone for good. */
  get isDown(): boolean {
    const timeout = this.#library.pcap_get_required_select_timeout?.(this.handle) ?? null;
    return timeout !== null;
  }

  /** Puts `expression` (pcap-filter language) in place of the present filter. Throws PcapError. */
  setFilter(expression: string): void {
    setPcapFilter(this.handle, expression, { keepsWhole: this.wholeFrames !== null });
  }

  /** What the kernel counted since the device was opened; all zero where it does not count. */
  counts(): PcapCounts {
    if (this.#closed || this.#library.pcap_stats(this.handle, this.#statistics) !== 0) {
      return { droppedByRing: 0, droppedByDevice: 0 };
    }
    const view = new DataView(this.#statistics.buffer);
    const { psDrop, psIfdrop } = LAYOUTS.pcapStat;
    return {
      droppedByRing: view.getUint32(psDrop, true),
      droppedByDevice: view.getUint32(psIfdrop, true),
    };
  }

  /** Frees the handle; nothing may use it afterwards. Closing twice is harmless. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.ring?.close();
    this.#library.pcap_close(this.handle);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Opens a device for Ethernet frames, non-blocking, incoming frames only. Throws {@link PcapError}. */
export function openPcapDevice(options: PcapDeviceOptions): PcapDevice {
  checkOptions(options);
  const library = pcapLibrary();
  if (options.capture === "live") return finishOpening(options, openLive(library, options));
  for (const slots of slotsToTry(options)) {
    const handle = createImmediate(library, slots);
    const open = activated(handle, library.pcap_activate(handle), options.device);
    const device = finishImmediate(options, open, slots);
    if (device !== null) return device;
  }
  throw new Error("Slots of the largest size were refused: these are never");
}

/** The same, and the program goes on while the kernel makes the ring. Rejects with {@link PcapError}. */
export async function openPcapDeviceAside(options: PcapDeviceOptions): Promise<PcapDevice> {
  if (options.capture === "live") return openPcapDevice(options);
  checkOptions(options);
  const library = pcapLibrary();
  for (const slots of slotsToTry(options)) {
    const handle = createImmediate(library, slots);
    // Until this thread is done nobody else knows the handle, which is not safe for two.
    const open = activated(handle, await library.pcap_activate_aside(handle), options.device);
    const device = finishImmediate(options, open, slots);
    if (device !== null) return device;
  }
  throw new Error("Slots of the largest size were refused: these are never");
}

interface OpenHandle {
  handle: Deno.PointerObject;
  warnings: string[];
}

/**
 * The options with the snapshot length that decides the size of the slots: small ones first, where the kernel may hold the
 * frames elsewhere that do not fit, and those that everything fits.
 */
function slotsToTry(options: PcapDeviceOptions): PcapDeviceOptions[] {
  const isForAll = Deno.build.os === "linux" && options.snaplenBytes === MAXIMUM_SNAPLEN_BYTES;
  return isForAll ? [{ ...options, snaplenBytes: SMALL_SLOT_SNAPLEN_BYTES }, options] : [options];
}

/** Null, and all closed again, when frames would be lost that do not fit the slots. */
function finishImmediate(
  wanted: PcapDeviceOptions,
  open: OpenHandle,
  slots: PcapDeviceOptions,
): PcapDevice | null {
  const isSmall = slots.snaplenBytes < wanted.snaplenBytes;
  const device = finishOpening(wanted, open, isSmall ? wanted.ringMib * BYTES_PER_MIB : 0);
  if (!isSmall || device.wholeFrames !== null) return device;
  device.close();
  return null;
}

function finishOpening({ device: name }: PcapDeviceOptions, open: OpenHandle, queueBytes = 0): PcapDevice {
  const library = pcapLibrary();
  try {
    return new PcapDevice(library, { name, ...open, queueBytes });
  } catch (error) {
    library.pcap_close(open.handle);
    throw error;
  }
}

function openLive(library: PcapSymbols, options: PcapDeviceOptions): OpenHandle {
  const errorText = new Uint8Array(PCAP_ERRBUF_BYTES);
  const { device, snaplenBytes, promiscuous, readTimeoutMs } = options;
  const handle = library.pcap_open_live(
    cString(device),
    snaplenBytes,
    promiscuous ? 1 : 0,
    readTimeoutMs,
    errorText,
  );
  const detail = textOfBuffer(errorText);
  const opened = checkPcapPointer(handle, {
    operation: "pcap_open_live",
    code: pcapCodeInText(detail),
    what: cannotOpen(device),
    detail: detail.startsWith(`${device}: `) ? detail.slice(device.length + 2) : detail,
    ...remedyOn(device, pcapCodeInText(detail)),
  });
  // On success the text, if there is any, is a warning.
  return { handle: opened, warnings: detail === "" ? [] : [`Device ${device}: ${detail}`] };
}

/** A handle with everything set that can be set only before it is active. */
function createImmediate(library: PcapSymbols, options: PcapDeviceOptions): Deno.PointerObject {
  const errorText = new Uint8Array(PCAP_ERRBUF_BYTES);
  const { device } = options;
  const created = library.pcap_create(cString(device), errorText);
  const handle = checkPcapPointer(created, {
    operation: "pcap_create",
    what: cannotOpen(device),
    detail: textOfBuffer(errorText),
  });
  try {
    const set = (operation: string, code: number) =>
      checkPcap(code, { operation, what: cannotOpen(device), detail: pcapStatusText(code) });
    set("pcap_set_snaplen", library.pcap_set_snaplen(handle, options.snaplenBytes));
    set("pcap_set_promisc", library.pcap_set_promisc(handle, options.promiscuous ? 1 : 0));
    set("pcap_set_timeout", library.pcap_set_timeout(handle, options.readTimeoutMs));
    set("pcap_set_immediate_mode", library.pcap_set_immediate_mode(handle, 1));
    set("pcap_set_buffer_size", library.pcap_set_buffer_size(handle, options.ringMib * BYTES_PER_MIB));
    return handle;
  } catch (error) {
    library.pcap_close(handle);
    throw error;
  }
}

/** What `pcap_activate` made of a handle; it is closed when that is nothing. */
function activated(handle: Deno.PointerObject, code: number, device: string): OpenHandle {
  try {
    const text = activationText(handle, code);
    checkPcap(code, {
      operation: "pcap_activate",
      what: cannotOpen(device),
      detail: text,
      ...remedyOn(device, code),
    });
    return { handle, warnings: code === 0 ? [] : [`Device ${device}: ${text}`] };
  } catch (error) {
    pcapLibrary().pcap_close(handle);
    throw error;
  }
}

/** The status text, and what libpcap added to it on the handle; for the general codes only the latter says something. */
function activationText(handle: Deno.PointerObject, code: number): string {
  const general = code === PCAP_CODES.error || code === 1;
  const added = pcapHandleText(handle);
  if (general && added !== "") return added;
  const status = pcapStatusText(code);
  return added === "" || added === status ? status : `${status} (${added})`;
}

function cannotOpen(device: string): string {
  return `Device ${device} could not be opened`;
}

/** A remedy that names the device, where that makes it a command to copy. */
function remedyOn(device: string, code: number): { remedy: string } {
  if (code === PCAP_CODES.interfaceNotUp) {
    return { remedy: `Bring it up first: sudo ip link set ${device} up` };
  }
  return { remedy: remedyFor(code) };
}

function notEthernet(device: string, linkType: number): PcapError {
  const linkName = readCString(pcapLibrary().pcap_datalink_val_to_name(linkType)) ?? `type ${linkType}`;
  return new PcapError({
    operation: "pcap_datalink",
    code: PCAP_CODES.error,
    what: `Device ${device} cannot be used`,
    detail: `its frames are not Ethernet but ${linkName}`,
    remedy: "Choose an Ethernet device: `tcplab interfaces` lists them",
  });
}

function checkOptions(options: PcapDeviceOptions): void {
  const { ringMib, snaplenBytes, readTimeoutMs } = options;
  if (!Number.isInteger(ringMib) || ringMib < 1 || ringMib > LARGEST_RING_MIB) {
    throw new RangeError(`A capture ring has 1 to ${LARGEST_RING_MIB} MiB, not ${ringMib}`);
  }
  if (!Number.isInteger(snaplenBytes) || snaplenBytes < 1 || snaplenBytes > MAXIMUM_SNAPLEN_BYTES) {
    throw new RangeError(`A snapshot length is 1 to ${MAXIMUM_SNAPLEN_BYTES} bytes, not ${snaplenBytes}`);
  }
  if (!Number.isInteger(readTimeoutMs) || readTimeoutMs < 1) {
    throw new RangeError(`A read timeout is a whole number of milliseconds above 0, not ${readTimeoutMs}`);
  }
}
