/**
 * Every state can be reached by segments and calls, from either side (RFC 9293 §3.3.2, Figure 5).
 */
import { assertEquals } from "@std/assert";
import { ALL_OPTIONS, REACH } from "./states.ts";

for (const role of ["server", "client"] as const) {
  for (const [state, reach] of Object.entries(REACH)) {
    // A server never asks.
    if (state === "SYN_SENT" && role === "server") continue;
    for (const [name, options] of [["plain", { mss: 1460 }], ["all options", ALL_OPTIONS]] as const) {
      Deno.test(`${state} is reached as ${role}, ${name} (RFC 9293 §3.3.2)`, () => {
        const { app, lab } = reach({ role, options });
        assertEquals(app.state, state);
        lab.expectsNoStrays();
      });
    }
  }
}
