/**
 * The numbers of ICMP as the RFCs print them: whoever reads or writes them by name would not see a wrong one.
 */
import { assertEquals } from "@std/assert";
import { ICMP_TYPE, ICMP_UNREACHABLE } from "../../src/wire/icmp.ts";
import { ICMPV6_TYPE, NEIGHBOR_FLAG } from "../../src/wire/icmpv6.ts";

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

Deno.test("types of ICMPv6 (RFC 4443 §2.1, §3, §4; RFC 4861 §4.3, §4.4)", () => {
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
});

Deno.test("flags of neighbour messages (RFC 4861 §4.4, §7.1.1)", () => {
  assertEquals(NEIGHBOR_FLAG, { ROUTER: 2 ** 31, SOLICITED: 2 ** 30, OVERRIDE: 2 ** 29 });
});
