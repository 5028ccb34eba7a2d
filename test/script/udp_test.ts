/**
 * TCP in UDP on a script's packets (FreeBSD's `udp_tunneling_port`): the header around a segment, both ways, and in what ICMP quotes.
 */
import { assert, assertEquals } from "@std/assert";
import { PROFILES } from "../../src/tcp/profiles.ts";
import { failureOf, played } from "./played.ts";

const LISTENS = `--udp_encapsulation=tcp
0 \`sysctl -w net.inet.tcp.udp_tunneling_port=9811\`
+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
`;

for (const ipVersion of ["ipv4", "ipv6"] as const) {
  const options = { profile: PROFILES.freebsd, wishes: { ipVersion } };

  Deno.test(`a connection in UDP, ${ipVersion}: its answers go the same way, with room for the header`, () => {
    // 1,500 less 40 for IPv4; with IPv6 the MTU is 1,520 here, less 60; and 8 for UDP.
    const mss = 1452;
    const script = `${LISTENS}+0 < S 0:0(0) win 65535 <mss 1460>/udp(7 > 9811)
+0 > S. 0:0(0) ack 1 <mss ${mss}>/udp(9811 > 7)
+0 < . 1:1(0) ack 1 win 65535/udp(7 > 9811)
+0 accept(3, ..., ...) = 4
+0 < F. 1:1(0) ack 1 win 65535/udp(7 > 9811)
+0 > . 1:1(0) ack 2/udp(9811 > 7)`;
    assertEquals(played(script, options).verdict, { kind: "pass" });
    const verdict = failureOf(script.replace("ack 2/udp(9811 > 7)", "ack 2"), options);
    assertEquals(verdict.what, "UDP's ports");
    assert(verdict.actual.endsWith("/udp(9811 > 7)"), verdict.actual);
  });

  Deno.test(`a segment from another port of UDP, or without UDP, is of another connection, ${ipVersion}`, () => {
    const script = `${LISTENS}+0 < S 0:0(0) win 65535 <mss 1460>/udp(7 > 9811)
+0 > S. 0:0(0) ack 1 <...>/udp(9811 > 7)
+0 < . 1:1(0) ack 1 win 65535/udp(8 > 9811)
+0 > R 1:1(0) win 0/udp(9811 > 8)
+0 < . 1:1(0) ack 1 win 65535
+0 > R 1:1(0) win 0
+0 < . 1:1(0) ack 1 win 65535/udp(7 > 9811)
+0 accept(3, ..., ...) = 4`;
    assertEquals(played(script, options).verdict, { kind: "pass" });
  });
}
