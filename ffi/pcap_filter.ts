/**
 * Capture filters: text in pcap-filter(7)'s language, compiled by libpcap.
 *
 * Owns: compiling, setting, checking, and freeing the compiled program.
 * Must not know: which filter tcplab wants.
 */

import { checkPcap, checkPcapPointer } from "./pcap_error.ts";
import { pcapHandleText, pcapLibrary } from "./pcap_library.ts";
import { cString } from "./native_memory.ts";
import { LINKTYPE_ETHERNET, MAXIMUM_SNAPLEN_BYTES, NETMASK_UNKNOWN } from "./pcap_symbols.ts";
import { LAYOUTS } from "./struct_layouts.ts";

const FILTER_REMEDY =
  "Write it as tcpdump takes it, for example `host 192.0.2.7 and tcp port 3333` (man pcap-filter)";

/** Compiles `expression` for `handle` and makes it the handle's filter, in place of an earlier one. */
export function setPcapFilter(handle: Deno.PointerObject, expression: string): void {
  withCompiled(handle, expression, (program) => {
    checkPcap(pcapLibrary().pcap_setfilter(handle, program), {
      operation: "pcap_setfilter",
      what: `The filter ${JSON.stringify(expression)} could not be set`,
      detail: pcapHandleText(handle),
    });
  });
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
