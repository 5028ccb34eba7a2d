/**
 * Micro-benchmarks of native calls: what the boundary costs by itself.
 *
 * A device needs rights, so these use calls that need none: libpcap's of no consequence, and libc's on a pipe or a
 * descriptor that is not there. What a frame costs on a device is in `deno task bench` (frames thrown back).
 */
import { libc } from "../../../ffi/libc.ts";
import { pcapLibrary } from "../../../ffi/pcap_library.ts";
import { systemClock } from "../../../src/runtime/clock.ts";

const NO_DESCRIPTOR = -1;

const library = pcapLibrary();
const symbols = libc();
const clock = systemClock();
const bytes = new Uint8Array(8);

Deno.bench("FFI: a call with a number (pcap_statustostr)", { group: "ffi" }, () => {
  library.pcap_statustostr(0);
});

Deno.bench(
  "FFI: a system call with a buffer and a 64-bit length (write to no descriptor)",
  { group: "ffi" },
  () => {
    symbols.write(NO_DESCRIPTOR, bytes, 8n);
  },
);

Deno.bench("FFI: a call on another thread (poll of nothing)", { group: "ffi" }, async () => {
  await symbols.poll(bytes, 0n, 0);
});

Deno.bench("clock: now in microseconds", { group: "ffi" }, () => {
  clock.nowUs();
});
