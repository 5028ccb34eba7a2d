/** The kernel's routing table as Linux writes it (on a little-endian machine, as all that these tests meet). */
import { assertEquals } from "@std/assert";
import { parseDefaultGateway } from "../../src/cli/default_gateway.ts";

const ROUTES = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	0	00000000	0	0	0
eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
eth1	0000A8C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
eth2	00000000	00000000	0001	0	0	0	00000000	0	0	0
`;

Deno.test("the default gateway is the device's own, where it has one", () => {
  const gateway = parseDefaultGateway(ROUTES, "eth0");
  assertEquals(gateway === null ? null : [...gateway], [192, 0, 2, 1]);
  assertEquals(parseDefaultGateway(ROUTES, "eth1"), null);
  assertEquals(parseDefaultGateway(ROUTES, "eth2"), null);
  assertEquals(parseDefaultGateway("", "eth0"), null);
});
