/** The system's resolver: /etc/hosts counts, and a name that nobody knows is an error in its own words. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { lookUpName, NameLookupError } from "../../ffi/name_lookup.ts";
import { formatIpAddress } from "../../src/wire/address.ts";

Deno.test("localhost, which stands in /etc/hosts and in no name server, has the loopback addresses, each once", async () => {
  const names = (await lookUpName("localhost")).map(({ address }) => formatIpAddress(address));
  assert(names.length > 0 && names.every((name) => name === "127.0.0.1" || name === "::1"), names.join(" "));
  assertEquals(new Set(names).size, names.length);
});

Deno.test("an address is its own name, a zone is the device's", async () => {
  const [found, ...others] = await lookUpName("192.0.2.7");
  assertEquals([formatIpAddress(found.address), found.zone, others], ["192.0.2.7", null, []]);
  if (Deno.build.os !== "linux") return;
  const [local] = await lookUpName("fe80::7%lo");
  assertEquals([formatIpAddress(local.address), local.zone], ["fe80::7", "lo"]);
});

Deno.test("a name that cannot be is refused in the resolver's words", async () => {
  // RFC 6761 §6.4: nobody ever has such a name.
  await assertRejects(() => lookUpName("nobody.invalid"), NameLookupError);
  await assertRejects(() => lookUpName(""), NameLookupError);
  await assertRejects(() => lookUpName("a\0b"), TypeError);
});
