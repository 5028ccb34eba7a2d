/**
 * The numbers of ICMP as the RFCs print them: whoever reads or writes them by name would not see a wrong one.
 */
import { assertEquals } from "@std/assert";
import { ICMP_TIME_EXCEEDED, ICMP_TYPE, ICMP_UNREACHABLE } from "../../src/wire/icmp.ts";
import {
  ICMPV6_PARAMETER_PROBLEM,
  ICMPV6_TIME_EXCEEDED,
  ICMPV6_TYPE,
  ICMPV6_UNREACHABLE,
  NEIGHBOR_FLAG,
  NEIGHBOR_HOP_LIMIT,
} from "../../src/wire/icmpv6.ts";

Deno.test("types of ICMP (RFC 792)", () => {
  assertEquals(ICMP_TYPE, {
    ECHO_REPLY: 0,
    UNREACHABLE: 3,
    SOURCE_QUENCH: 4,
    REDIRECT: 5,
    ECHO_REQUEST: 8,
    TIME_EXCEEDED: 11,
    PARAMETER_PROBLEM: 12,
  });
});

Deno.test("codes of ICMP (RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1)", () => {
  assertEquals(ICMP_UNREACHABLE, {
    NET: 0,
    HOST: 1,
    PROTOCOL: 2,
    PORT: 3,
    FRAGMENTATION_NEEDED: 4,
    SOURCE_ROUTE_FAILED: 5,
    NET_PROHIBITED: 9,
    HOST_PROHIBITED: 10,
    PROHIBITED: 13,
  });
  assertEquals(ICMP_TIME_EXCEEDED, { TTL: 0, REASSEMBLY: 1 });
});

Deno.test("types and codes of ICMPv6 (RFC 4443 §2.1, §3, §4; RFC 4861 §4.3, §4.4)", () => {
  assertEquals(ICMPV6_TYPE, {
    UNREACHABLE: 1,
    PACKET_TOO_BIG: 2,
    TIME_EXCEEDED: 3,
    PARAMETER_PROBLEM: 4,
    ECHO_REQUEST: 128,
    ECHO_REPLY: 129,
    NEIGHBOR_SOLICITATION: 135,
    NEIGHBOR_ADVERTISEMENT: 136,
  });
  assertEquals(ICMPV6_UNREACHABLE, {
    NO_ROUTE: 0,
    PROHIBITED: 1,
    BEYOND_SCOPE: 2,
    ADDRESS: 3,
    PORT: 4,
    POLICY: 5,
    REJECT_ROUTE: 6,
  });
  assertEquals(ICMPV6_TIME_EXCEEDED, { HOP_LIMIT: 0, REASSEMBLY: 1 });
  assertEquals(ICMPV6_PARAMETER_PROBLEM, { HEADER_FIELD: 0, NEXT_HEADER: 1, OPTION: 2 });
});

Deno.test("flags and hop limit of neighbour messages (RFC 4861 §4.4, §7.1.1)", () => {
  assertEquals(NEIGHBOR_FLAG, { ROUTER: 2 ** 31, SOLICITED: 2 ** 30, OVERRIDE: 2 ** 29 });
  assertEquals(NEIGHBOR_HOP_LIMIT, 255);
});
