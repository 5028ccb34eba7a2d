/** Why a page cannot have its address: one line for each cause, with what to do. */
import { assertEquals } from "@std/assert";
import { whyNoAddress } from "../../src/web/page_answers.ts";

Deno.test("an address that cannot be had is one line that says what next", () => {
  const wanted = { what: "live page", command: "serve --ui", option: "--ui", otherPort: 8034 };
  const why = (error: unknown) => whyNoAddress(error, { ...wanted, hostname: "127.0.0.1", port: 80 });
  assertEquals(
    [
      new Deno.errors.AddrInUse("in use"),
      new Deno.errors.PermissionDenied("permission denied"),
      new Deno.errors.AddrNotAvailable("not available"),
      new Error("Error: out of luck"),
    ].map(why),
    [
      "The live page's address 127.0.0.1:80 is in use (by another serve --ui?): choose another port, as in --ui 127.0.0.1:8034, or --ui 127.0.0.1:0 for any free one",
      "The live page may not have the address 127.0.0.1:80: choose a port above 1023, as in --ui 127.0.0.1:8034",
      "The live page's address 127.0.0.1:80 is not there: is the loopback device up (ip link set lo up)?",
      "The live page cannot have the address 127.0.0.1:80 (out of luck): choose another, as in --ui 127.0.0.1:8034",
    ],
  );
  const inUse = whyNoAddress(new Deno.errors.AddrInUse("in use"), { ...wanted, hostname: "::1", port: 80 });
  assertEquals(inUse.slice(0, 45), "The live page's address [::1]:80 is in use (b");
});
