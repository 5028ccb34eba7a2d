/**
 * Throws every test frame back where it came from, through tcplab's own link: the TypeScript side of
 * reference/reflector.c.
 *
 *     deno run -A scripts/bench/reflector.ts DEVICE
 *
 * Owns: the exchange of two addresses. Must not know: anything else about frames.
 */
import { openPcapLink } from "../../ffi/pcap_link.ts";
import { ETHERNET } from "../../src/wire/ethernet.ts";

/** As many as the pump takes in one turn. */
const BUDGET_FRAMES = 64;
/** As the C program: 80 us of looking before a sleep. */
const SPIN_MS = 0.08;
const TEST_FILTER = "ether proto 0x88b5";
const ADDRESS_BYTES = 6;

const link = openPcapLink({
  device: Deno.args[0],
  mac: Uint8Array.of(0x02, 0, 0, 0, 0, 0x53),
  filter: TEST_FILTER,
});
const out = new Uint8Array(0x10000);
console.log("listening");
let trafficMs = performance.now();
for (;;) {
  const frames = link.receive((frame, length) => {
    if (length > out.length) return;
    out.set(frame.subarray(0, length));
    out.set(frame.subarray(ETHERNET.SOURCE, ETHERNET.SOURCE + ADDRESS_BYTES), ETHERNET.DESTINATION);
    out.set(frame.subarray(ETHERNET.DESTINATION, ETHERNET.DESTINATION + ADDRESS_BYTES), ETHERNET.SOURCE);
    link.send(out, length);
  }, BUDGET_FRAMES);
  link.flush();
  const nowMs = performance.now();
  if (frames > 0) trafficMs = nowMs;
  else if (nowMs - trafficMs >= SPIN_MS) await link.wait(Infinity);
}
