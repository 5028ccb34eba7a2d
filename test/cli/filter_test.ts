/** The text of the capture filter; which frames pass it, test/ffi/composed_filter_test.ts asks libpcap. */
import { assertEquals } from "@std/assert";
import { composeFilter, servedFrames } from "../../src/cli/filter.ts";

const free = (text: string) => ({ text, kernelOwned: false });
const owned = (text: string) => ({ text, kernelOwned: true });
const NOTHING_MORE = { ports: [3333], user: null, vlan: null };
const FRAGMENT = "((ip and ip[6:2] & 0x3fff != 0) or (ip6 and ip6[6] = 0x2c))";
const GROUPS = "(ip6[24] = 0xff and (ip6[6] = 0x3a or ip6[6] = 0x0 or ip6[6] = 0x3c or ip6[6] = 0x2c))";

Deno.test("the filter passes ARP and what is for our addresses", () => {
  const parts = { ...NOTHING_MORE, addresses: [free("10.0.0.3")] };
  assertEquals(composeFilter(parts), "arp or dst host 10.0.0.3");
  assertEquals(composeFilter({ ...parts, vlan: 7 }), "vlan 7 and (arp or dst host 10.0.0.3)");
  assertEquals(
    composeFilter({
      ...parts,
      addresses: [free("10.0.0.3"), free("10.0.0.4")],
      user: "src port 5 or src port 6",
    }),
    `arp or ((dst host 10.0.0.3 or dst host 10.0.0.4) and (not tcp or ${FRAGMENT} or (src port 5 or src port 6)))`,
  );
});

Deno.test("IPv6 has its groups for what ARP is to IPv4", () => {
  const both = [free("10.0.0.3"), free("fd00::3")];
  assertEquals(
    composeFilter({ ...NOTHING_MORE, addresses: [free("fd00::3")] }),
    `${GROUPS} or dst host fd00::3`,
  );
  assertEquals(
    composeFilter({ ...NOTHING_MORE, addresses: both }),
    `arp or ${GROUPS} or (dst host 10.0.0.3 or dst host fd00::3)`,
  );
  assertEquals(
    servedFrames({ addresses: both, ports: [80] }),
    "tcp and (dst host 10.0.0.3 or dst host fd00::3) and dst port 80",
  );
});

Deno.test("where the kernel owns the address, only our ports pass and nothing that the kernel answers", () => {
  const parts = { addresses: [owned("10.0.0.3")], ports: [80, 81], user: null, vlan: null };
  assertEquals(
    composeFilter(parts),
    "(arp[6:2] = 0x2) or (icmp and dst host 10.0.0.3 and icmp[icmptype] != 0x8) or " +
      "(tcp and dst host 10.0.0.3 and (dst port 80 or dst port 81))",
  );
});
