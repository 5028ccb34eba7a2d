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
  isIcmpv6Error,
} from "../../src/wire/icmpv6.ts";
import { LISTENER_RECORD } from "../../src/wire/multicast_listener.ts";
import { NEIGHBOR_FLAG } from "../../src/wire/neighbor_discovery.ts";

Deno.test("types of ICMP (RFC 792)", () => {
  assertEquals(ICMP_TYPE, {
    ECHO_REPLY: 0,
    UNREACHABLE: 3,
    SOURCE_QUENCH: 4,
    ECHO_REQUEST: 8,
    TIME_EXCEEDED: 11,
    PARAMETER_PROBLEM: 12,
  });
});

Deno.test("codes of ICMP (RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1)", () => {
  assertEquals(ICMP_UNREACHABLE, {
    HOST: 1,
    PROTOCOL: 2,
    PORT: 3,
    FRAGMENTATION_NEEDED: 4,
  });
});

Deno.test("types of ICMPv6 (RFC 4443 §2.1, §3, §4; RFC 2710 §3, RFC 4861 §4, RFC 3810 §5.2)", () => {
  assertEquals(ICMPV6_TYPE, {
    UNREACHABLE: 1,
    PACKET_TOO_BIG: 2,
    TIME_EXCEEDED: 3,
    PARAMETER_PROBLEM: 4,
    ECHO_REQUEST: 128,
    ECHO_REPLY: 129,
    LISTENER_QUERY: 130,
    LISTENER_REPORT_V1: 131,
    LISTENER_DONE: 132,
    ROUTER_SOLICITATION: 133,
    ROUTER_ADVERTISEMENT: 134,
    NEIGHBOR_SOLICITATION: 135,
    NEIGHBOR_ADVERTISEMENT: 136,
    REDIRECT: 137,
    LISTENER_REPORT: 143,
  });
  for (let type = 0; type < 256; type++) assertEquals(isIcmpv6Error(type), type <= 127);
});

Deno.test("codes of ICMPv6 (RFC 4443 §3.1, §3.3, §3.4; RFC 7112 §5)", () => {
  assertEquals(ICMPV6_UNREACHABLE, {
    NO_ROUTE: 0,
    PROHIBITED: 1,
    BEYOND_SCOPE: 2,
    ADDRESS: 3,
    PORT: 4,
    SOURCE_POLICY: 5,
    REJECT_ROUTE: 6,
  });
  assertEquals(ICMPV6_TIME_EXCEEDED, { HOP_LIMIT: 0, REASSEMBLY: 1 });
  assertEquals(ICMPV6_PARAMETER_PROBLEM, { FIELD: 0, NEXT_HEADER: 1, OPTION: 2, INCOMPLETE_CHAIN: 3 });
});

Deno.test("codes of time exceeded (RFC 792), records of listeners (RFC 3810 §5.2.12)", () => {
  assertEquals(ICMP_TIME_EXCEEDED, { TTL: 0, REASSEMBLY: 1 });
  assertEquals(LISTENER_RECORD, {
    IS_INCLUDE: 1,
    IS_EXCLUDE: 2,
    TO_INCLUDE: 3,
    TO_EXCLUDE: 4,
    ALLOW: 5,
    BLOCK: 6,
  });
});

Deno.test("flags of neighbour messages (RFC 4861 §4.4, §7.1.1)", () => {
  assertEquals(NEIGHBOR_FLAG, { ROUTER: 2 ** 31, SOLICITED: 2 ** 30, OVERRIDE: 2 ** 29 });
});
