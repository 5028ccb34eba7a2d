/**
 * What multicast_groups_live_test.ts runs inside a network namespace of its own: MulticastGroups on the device tc0, whose other
 * end is a port of the bridge br0, which looks into reports and asks who listens. The argument: the version of MLD that the
 * bridge speaks. Prints one JSON line of what was sent.
 *
 * Must not know: how the namespace was made.
 */
import { assert, assertEquals } from "@std/assert";
import { openPcapLink } from "../../ffi/pcap_link.ts";
import { FragmentIds } from "../../src/host/fragmenter.ts";
import { IpOutput, type OutgoingPacket } from "../../src/host/ip_output.ts";
import { MulticastGroups } from "../../src/host/multicast_groups.ts";
import { NeighborCache } from "../../src/host/neighbor_cache.ts";
import type { FrameHandler } from "../../src/link/link.ts";
import { SeededRandom } from "../../src/link/seeded_random.ts";
import { formatIpAddress, parseIpAddress } from "../../src/wire/address.ts";
import { linkLocalFromMac, solicitedNodeAddress } from "../../src/wire/derived_address.ts";
import { ETHERTYPE, LAN } from "../../src/wire/ethernet.ts";
import { IcmpMessage } from "../../src/wire/icmp.ts";
import { ICMPV6_TYPE, parseIcmpv6 } from "../../src/wire/icmpv6.ts";
import { IP_PROTOCOL, IpPacket, parseIp, pseudoSum } from "../../src/wire/ip.ts";
import { waitFor } from "./wait_for.ts";

const [version] = Deno.args;
const MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 0x01);
const LINK_LOCAL = linkLocalFromMac(MAC);
const ETHERNET_BYTES = 14;
const POLL_MS = 20;
/** Longer than two of the bridge's membership intervals, in which an entry that nobody confirms is dropped. */
const STAY_MS = 7_000;
/** Who does not answer for so long is forgotten by right: a machine that stands still stays for another time. */
const HELD_UP_MS = 1_000;
/** Hundredths of a second, as bridges have them. */
const LONG_MEMBERSHIP = "6000";

const counts: Record<string, number> = {};
const sentTypes: Record<number, number> = {};
const random = new SeededRandom(1);
using link = openPcapLink({ device: "tc0", mac: MAC, filter: "ip6" });
const clock = {
  get nowUs(): number {
    return performance.now() * 1000;
  },
};

/** Leaves as the host's own packets do; what it is, is counted. */
function send(packet: OutgoingPacket): void {
  output.send({
    ...packet,
    write(frame, offset, pseudo) {
      packet.write(frame, offset, pseudo);
      sentTypes[frame[offset]] = (sentTypes[frame[offset]] ?? 0) + 1;
    },
  });
}

const count = (name: string) => {
  counts[name] = (counts[name] ?? 0) + 1;
};
const nobody = () => {
  throw new Error("a group is asked for nothing");
};
const output = new IpOutput({
  mac: MAC,
  lan: LAN.UNTAGGED,
  hopLimit: () => 64,
  cache: new NeighborCache({
    clock,
    protocolOf: nobody,
    transmit: nobody,
    unreachable: nobody,
    moved: nobody,
    routerGone: nobody,
    count,
  }),
  ids: new FragmentIds(new Uint8Array(16)),
  mtuTo: () => link.mtu,
  nextHop: nobody,
  transmit(frame, length) {
    link.send(frame, length);
    link.flush();
  },
  count,
});
const groups = new MulticastGroups({
  clock,
  sender: { send },
  linkLocal: () => LINK_LOCAL,
  random: (bound) => random.below(bound),
  count,
});

const packet = new IpPacket();
const message = new IcmpMessage();

const take: FrameHandler = (frame, length) => {
  if (parseIp(ETHERTYPE.IPV6, frame, ETHERNET_BYTES, length - ETHERNET_BYTES, packet) !== null) return;
  if (packet.protocol !== IP_PROTOCOL.ICMPV6) return;
  const { payloadOffset, payloadLength } = packet;
  const sum = pseudoSum(packet.addressSum, packet.protocol, payloadLength);
  assertEquals(parseIcmpv6(frame, payloadOffset, payloadLength, sum, message), null);
  if (message.type === ICMPV6_TYPE.LISTENER_QUERY) assertEquals(groups.arrives(frame, packet, message), null);
};

/** What a host does: frames in, and what is due. */
async function turn(): Promise<void> {
  if (link.receive(take, 64) === 0) await link.wait(POLL_MS);
  groups.tick();
}

/** Groups behind the port to which tc0 leads, as the bridge has them. */
async function listed(): Promise<string[]> {
  const { stdout } = await new Deno.Command("bridge", { args: ["-j", "mdb", "show", "dev", "br0"] }).output();
  const [{ mdb }] = JSON.parse(new TextDecoder().decode(stdout));
  return mdb.filter((entry: { port: string }) => entry.port === "tc1").map((entry: { grp: string }) =>
    entry.grp
  );
}

function group(text: string): Uint8Array {
  const address = parseIpAddress(text);
  assert(address !== null);
  return address;
}

/** Goes on until the bridge has these groups, and no others. */
async function untilListed(wanted: readonly Uint8Array[], what: string): Promise<void> {
  const texts = wanted.map(formatIpAddress).sort().join();
  await waitFor(async () => {
    await turn();
    return (await listed()).sort().join() === texts;
  }, { what, withinMs: 30_000 });
}

const node = solicitedNodeAddress(LINK_LOCAL);
const other = group("ff02::1:ffab:cdef");
assertEquals(await listed(), []);
groups.join(node);
groups.join(other);
await untilListed([node, other], "both groups are in the bridge's table");

// The bridge asks each second, and would forget them in three.
let queriesBefore = counts["mld-queries-in"] ?? 0;
let [beganMs, turnedMs] = [performance.now(), performance.now()];
while (performance.now() < beganMs + STAY_MS) {
  await turn();
  const { length } = await listed();
  const nowMs = performance.now();
  if (nowMs - turnedMs > HELD_UP_MS) {
    await untilListed([node, other], "both groups are in the table again");
    queriesBefore = counts["mld-queries-in"] ?? 0;
    beganMs = performance.now();
  } else {
    assertEquals(length, 2, "still there");
  }
  turnedMs = performance.now();
}
assert((counts["mld-queries-in"] ?? 0) - queriesBefore >= 3, "queries have come");

// Now it would keep them for a minute; one is left.
const longer = ["link", "set", "br0", "type", "bridge", "mcast_membership_interval", LONG_MEMBERSHIP];
assert((await new Deno.Command("ip", { args: longer }).output()).success);
const refreshed = (counts["mld-queries-in"] ?? 0) + 2;
await waitFor(async () => {
  await turn();
  return (counts["mld-queries-in"] ?? 0) >= refreshed && groups.isAtRest;
}, { what: "two more queries were answered" });
groups.leave(other);
await untilListed([node], "the bridge has taken off the group that was left");

const { LISTENER_REPORT, LISTENER_REPORT_V1, LISTENER_DONE } = ICMPV6_TYPE;
if (version === "1") {
  assert(sentTypes[LISTENER_REPORT_V1] >= 3 && sentTypes[LISTENER_DONE] === 1, JSON.stringify(sentTypes));
} else {
  assert(sentTypes[LISTENER_REPORT] >= 5, JSON.stringify(sentTypes));
  assertEquals(Object.keys(sentTypes), [String(LISTENER_REPORT)]);
}
console.log(JSON.stringify({ counts, sentTypes }));
