/** Near names: what is suggested for a word that was typed, and for a name that was misspelt. */
import { assertEquals } from "@std/assert";
import { misspeltName, nearestName } from "../../src/observe/nearest_name.ts";

Deno.test("a suggestion is near or is not made", () => {
  const names = ["iface", "checksum", "rst-guard", "ring"];
  assertEquals(nearestName("chekcsum", names), "checksum");
  assertEquals(nearestName("rst", names), "rst-guard");
  assertEquals(nearestName("interface", names), null);
  assertEquals(nearestName("", names), null);
});

Deno.test("a misspelt name is found by one letter, a long one by two, in whatever case", () => {
  const names = ["read", "setsockopt", "TCP_NODELAY", "accept4", "send"];
  assertEquals(misspeltName("raed", names), "read");
  assertEquals(misspeltName("readd", names), "read");
  assertEquals(misspeltName("setsokopt", names), "setsockopt");
  assertEquals(misspeltName("setsckpt", names), "setsockopt");
  assertEquals(misspeltName("tcp_nodelay", names), "TCP_NODELAY");
  assertEquals(misspeltName("acept4", names), "accept4");
});

Deno.test("what is further off, another number or no word is no misspelt name", () => {
  const names = ["read", "setsockopt", "accept4", "IPTOS_DSCP_CS1", "TCP_NODELAY"];
  for (
    const other of [
      "rd",
      "reads2",
      "rear_d",
      "setsckp",
      "setsock",
      "accept",
      "accept5",
      "IPTOS_DSCP_CS9",
      "TCP_CORK",
      "read",
      "",
      "T".repeat(100_000),
    ]
  ) {
    assertEquals(misspeltName(other, names), null, other.slice(0, 20));
  }
  assertEquals(misspeltName("anything", []), null);
});
