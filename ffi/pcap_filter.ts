/**
 * Capture filters: text in pcap-filter(7)'s language, compiled by libpcap.
 *
 * Owns: compiling, setting, checking, and freeing the compiled program.
 * Must not know: which filter tcplab wants.
 */

import { checkPcap, checkPcapPointer } from "./pcap_error.ts";
import { pcapHandleText, pcapLibrary } from "./pcap_library.ts";
import { cString } from "./native_memory.ts";
import { BPF, SOCK_FILTER } from "./packet_layouts.ts";
import { LINKTYPE_ETHERNET, MAXIMUM_SNAPLEN_BYTES, NETMASK_UNKNOWN } from "./pcap_symbols.ts";
import { LAYOUTS } from "./struct_layouts.ts";

const FILTER_REMEDY =
  "Write it as tcpdump takes it, for example `host 192.0.2.7 and tcp port 3333` (man pcap-filter)";

/**
 * Compiles `expression` for `handle` and makes it the handle's filter, in place of an earlier one. `keepsWhole`: a frame
 * that passes is kept whole, also where it is longer than the handle's snapshot length.
 */
export function setPcapFilter(
  handle: Deno.PointerObject,
  expression: string,
  { keepsWhole }: { keepsWhole: boolean } = { keepsWhole: false },
): void {
  withCompiled(handle, expression, (program) => {
    if (keepsWhole) keepWhole(program);
    checkPcap(pcapLibrary().pcap_setfilter(handle, program), {
      operation: "pcap_setfilter",
      what: `The filter ${JSON.stringify(expression)} could not be set`,
      detail: pcapHandleText(handle),
    });
  });
}

/** A compiled filter ends with how many bytes of the frame are to be kept: the snapshot length, or none. */
function keepWhole(program: Uint8Array<ArrayBuffer>): void {
  const view = new DataView(program.buffer);
  const { length, instructions } = LAYOUTS.bpfProgram;
  const pointer = Deno.UnsafePointer.create(view.getBigUint64(instructions, true));
  if (pointer === null) return;
  const bytes = view.getUint32(length, true) * SOCK_FILTER.sizeBytes;
  const code = new DataView(Deno.UnsafePointerView.getArrayBuffer(pointer, bytes));
  for (let at = 0; at < bytes; at += SOCK_FILTER.sizeBytes) {
    if (code.getUint16(at + SOCK_FILTER.code, true) !== BPF.keep) continue;
    if (code.getUint32(at + SOCK_FILTER.operand, true) === 0) continue;
    code.setUint32(at + SOCK_FILTER.operand, MAXIMUM_SNAPLEN_BYTES, true);
  }
}

/** Throws a PcapError when `expression` is no filter for frames of `linkType` (a DLT number); needs no device. */
export function compileFilterCheck(expression: string, linkType: number = LINKTYPE_ETHERNET): void {
  const library = pcapLibrary();
  const handle = checkPcapPointer(library.pcap_open_dead(linkType, MAXIMUM_SNAPLEN_BYTES), {
    operation: "pcap_open_dead",
    what: "The filter could not be checked",
    detail: "out of memory",
  });
  try {
    withCompiled(handle, expression, () => {});
  } finally {
    library.pcap_close(handle);
  }
}

function withCompiled(
  handle: Deno.PointerObject,
  expression: string,
  use: (program: Uint8Array<ArrayBuffer>) => void,
): void {
  const library = pcapLibrary();
  const program = new Uint8Array(LAYOUTS.bpfProgram.sizeBytes);
  const code = library.pcap_compile(handle, program, cString(expression), 1, NETMASK_UNKNOWN);
  checkPcap(code, {
    operation: "pcap_compile",
    what: `The filter ${JSON.stringify(expression)} is not valid`,
    detail: pcapHandleText(handle),
    remedy: FILTER_REMEDY,
  });
  try {
    use(program);
  } finally {
    library.pcap_freecode(program);
  }
}
