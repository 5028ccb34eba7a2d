/** The checks of doctor that are a judgement on given facts. */
import { assertEquals } from "@std/assert";
import { type Ipv6Facts, judgeIpv6 } from "../../src/cli/doctor_checks.ts";

function judge(over: Partial<Ipv6Facts>): [status: string, detail: string, remedy: string] {
  const { status, detail, remedy } = judgeIpv6({
    device: "eth0.5",
    mtu: 1500,
    isOff: false,
    snoopingBridge: null,
    ...over,
  });
  return [status, detail, remedy];
}

Deno.test("IPv6 needs 1280 bytes, and the kernel's own only for the kernel", () => {
  assertEquals(judge({}), ["ok", "nothing is known to be in the way on eth0.5, MTU 1500", ""]);
  assertEquals(judge({ mtu: 1280 })[0], "ok");
  assertEquals(judge({ mtu: null, isOff: null }), ["ok", "nothing is known to be in the way on eth0.5", ""]);
  assertEquals(judge({ mtu: 1279 }), [
    "note",
    "eth0.5 carries packets of 1279 bytes, and IPv6 needs 1280 (RFC 8200 §5): IPv4 only",
    "sudo ip link set eth0.5 mtu 1280",
  ]);
  assertEquals(judge({ isOff: true }), [
    "note",
    "the kernel has IPv6 switched off on eth0.5: tcplab serves it all the same, and no program of this host can reach it",
    "sudo sysctl -w net.ipv6.conf.eth0/5.disable_ipv6=0",
  ]);
});

Deno.test("a bridge that snoops on multicast is named", () => {
  const [status, detail] = judge({ snoopingBridge: "br0" });
  assertEquals([status, detail.split("; ")[1].split(",")[0]], ["ok", "bridge br0 snoops on multicast"]);
});
