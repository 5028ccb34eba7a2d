/**
 * CaptureFileLink: a pcap or pcapng file as a FrameLink that only receives.
 *
 * Owns: reading frames of a file through libpcap, with the times of their capture.
 * Must not know: real time (frames come as fast as they are asked for), TCP.
 *
 * libpcap opens the file itself, so Deno's `--allow-read` is not asked; `--allow-ffi` covers it.
 */

import {
  emptyLinkStats,
  type FrameHandler,
  type FrameLink,
  LinkError,
  type LinkStats,
} from "../src/link/link.ts";
import { FrameReader } from "./frame_reader.ts";
import { READ } from "./frame_source.ts";
import { cString, readCString, textOfBuffer } from "./native_memory.ts";
import { checkPcapPointer, PCAP_CODES, PcapError } from "./pcap_error.ts";
import { setPcapFilter } from "./pcap_filter.ts";
import { pcapHandleText, pcapLibrary } from "./pcap_library.ts";
import { LINKTYPE_ETHERNET, PCAP_ERRBUF_BYTES } from "./pcap_symbols.ts";

/** How a file is read. */
interface CaptureFileOptions {
  /** Only frames that match, in pcap-filter language. */
  readonly filter?: string;
  /** The address to show as the link's own; zeros where absent. */
  readonly mac?: Uint8Array;
  /** 1500 where absent. */
  readonly mtu?: number;
}

const ETHERNET_ADDRESS_BYTES = 6;
const ETHERNET_MTU = 1500;

/** A capture file as a FrameLink. Opened by {@link openCaptureFile}. */
export class CaptureFileLink implements FrameLink {
  readonly name: string;
  readonly mtu: number;
  readonly mac: Uint8Array;
  readonly maxPacketBytes: number;
  readonly isCrowded = false;
  readonly #handle: Deno.PointerObject;
  readonly #reader: FrameReader;
  readonly #stats = emptyLinkStats();
  #atEnd = false;
  #closed = false;

  constructor(handle: Deno.PointerObject, options: { path: string; mac: Uint8Array; mtu: number }) {
    this.#handle = handle;
    this.#reader = new FrameReader(pcapLibrary(), handle, { frameStays: false });
    this.name = `file:${options.path}`;
    this.mac = options.mac.slice();
    this.mtu = options.mtu;
    this.maxPacketBytes = options.mtu;
  }

  /** Whether the last frame has been handed out. */
  get atEnd(): boolean {
    return this.#atEnd;
  }

  /** Bytes that the frame handed out last had on the wire; more than its length where the capture cut it. */
  get lastWireBytes(): number {
    return this.#reader.wireBytes;
  }

  /** Hands out the next frames; 0 at the end. Throws LinkError where the file is damaged. */
  receive(handler: FrameHandler, budget: number): number {
    const reader = this.#reader;
    let taken = 0;
    while (taken < budget && !this.#atEnd && !this.#closed) {
      const code = reader.next();
      if (code === READ.error) {
        this.#atEnd = true;
        const text = pcapHandleText(this.#handle);
        throw new LinkError(`${this.name} cannot be read further: ${text}. The frames before that were read`);
      }
      if (code !== READ.frame) {
        this.#atEnd = true;
        break;
      }
      taken++;
      this.#stats.framesIn++;
      this.#stats.bytesIn += reader.lengthBytes;
      handler(reader.frame, reader.lengthBytes, reader.capturedUs);
    }
    return taken;
  }

  /** A file takes no frames: counted as refused. */
  send(_frame: Uint8Array, _length: number, _cutBytes?: number): void {
    this.#stats.sendErrors++;
  }

  flush(): void {}

  /** Resolves at once: a file's frames never have to be waited for. */
  wait(_timeoutMs: number): Promise<void> {
    return Promise.resolve();
  }

  wake(): void {}

  stats(): LinkStats {
    return { ...this.#stats };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reader.close();
    pcapLibrary().pcap_close(this.#handle);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Opens a pcap or pcapng file of Ethernet frames. Throws PcapError: no such file, not a capture, not Ethernet. */
export function openCaptureFile(path: string, options: CaptureFileOptions = {}): CaptureFileLink {
  const library = pcapLibrary();
  const errorText = new Uint8Array(PCAP_ERRBUF_BYTES);
  const opened = library.pcap_open_offline(cString(path), errorText);
  const detail = textOfBuffer(errorText);
  const handle = checkPcapPointer(opened, {
    operation: "pcap_open_offline",
    what: `Capture file ${path} could not be opened`,
    detail: detail.startsWith(`${path}: `) ? detail.slice(path.length + 2) : detail,
    remedy: "Name a file that tcpdump, Wireshark or tcplab --write made (pcap or pcapng)",
  });
  try {
    refuseOtherLinkTypes(path, library.pcap_datalink(handle));
    if (options.filter !== undefined && options.filter !== "") setPcapFilter(handle, options.filter);
  } catch (error) {
    library.pcap_close(handle);
    throw error;
  }
  const mac = options.mac ?? new Uint8Array(ETHERNET_ADDRESS_BYTES);
  return new CaptureFileLink(handle, { path, mac, mtu: options.mtu ?? ETHERNET_MTU });
}

function refuseOtherLinkTypes(path: string, linkType: number): void {
  if (linkType === LINKTYPE_ETHERNET) return;
  const linkName = readCString(pcapLibrary().pcap_datalink_val_to_name(linkType)) ?? `type ${linkType}`;
  throw new PcapError({
    operation: "pcap_datalink",
    code: PCAP_CODES.error,
    what: `Capture file ${path} cannot be used`,
    detail: `its frames are not Ethernet but ${linkName}`,
    remedy: "Capture on one Ethernet device, not on `any`",
  });
}
