/**
 * What we say in ICMP, read by tshark: every message is what it is meant to be, its sums are right, and there is nothing to complain of.
 */
import { assertEquals } from "@std/assert";
import { HAS_TSHARK } from "../observe/capture_reading.ts";
import { pcapBytes } from "../wire/capture_writer.ts";
import { ethernet, internetSum, ip, two } from "./hand_frames.ts";
import { type HandExtension, ip6 } from "./hand_ipv6.ts";
import { FAMILIES, type Family, type HandPacket, icmpPacket, IcmpParts, packetOf } from "./icmp_parts.ts";
import { OUR_MAC, PEER_MAC, SECOND_US } from "./wire_host.ts";

/** A datagram with its sum, so that the quotation is right as well. */
function datagram(family: Family, header: HandPacket, length: number): Uint8Array {
  const address = family.name === "IPv4" ? ip : ip6;
  const { source = family.peer, target = family.our } = header;
  const bytes = Uint8Array.from([
    ...two(4000),
    ...two(33_434),
    ...two(8 + length),
    0,
    0,
    ...Array.from({ length }, (_, at) => at & 0xff),
  ]);
  const pseudo = [...address(source), ...address(target), 0, 17, ...two(bytes.length)];
  bytes.set(two(internetSum(Uint8Array.from([...pseudo, ...bytes]))), 6);
  return packetOf(family, { protocol: 17, ...header }, bytes);
}

/** Everything that the parts of a version can say, as frames. */
function allSaid(family: Family): Uint8Array[] {
  const parts = new IcmpParts(family);
  const said: Uint8Array[] = [];
  const { echo: [asks] } = family;
  for (const length of [0, 1, 56, 1400]) {
    said.push(
      ...parts.gives(
        icmpPacket(family, { type: asks, code: 0, rest: 0x00010002 }, new Uint8Array(length).fill(7)),
      ),
    );
  }
  for (const kind of ["protocol-unreachable", "port-unreachable", "reassembly-time"] as const) {
    for (const length of [1, 12, 1300]) {
      parts.nowUs += SECOND_US;
      said.push(...parts.errs(kind, datagram(family, {}, length)));
    }
  }
  if (family.name === "IPv6") {
    const option: HandExtension = [60, [0, 0, 0x80, 4, 0, 0, 0, 0]];
    for (const target of [family.our, "ff02::1"]) {
      parts.nowUs += SECOND_US;
      said.push(...parts.errs("parameter-problem", datagram(family, { target, extensions: [option] }, 10)));
    }
    const group = { source: "fe80::9", target: "ff02::1" };
    said.push(
      ...parts.gives(icmpPacket(family, { type: asks, code: 0 }, new Uint8Array(8), group), {
        isUnicast: false,
      }),
    );
  }
  const type = family.name === "IPv4" ? 0x0800 : 0x86dd;
  return said.map((packet) => ethernet({ to: PEER_MAC, from: OUR_MAC, type, padTo: 60 }, packet));
}

const FIELDS = ["ip.checksum.status", "icmp.type", "icmp.code", "icmp.checksum.status"];
const FIELDS_V6 = ["icmpv6.type", "icmpv6.code", "icmpv6.checksum.status", "icmpv6.pointer"];
/** tshark's groups of complaints; what it only remarks (that an echo has no request in the file) is in others. */
const COMPLAINTS = ["_ws.expert.severity", "_ws.malformed"];
const WARNING = 0x600000;

async function read(frames: readonly Uint8Array[]): Promise<string[][]> {
  const path = await Deno.makeTempFile({ suffix: ".pcap" });
  try {
    const records = frames.map((data, seconds) => ({ seconds, fraction: 0, data }));
    await Deno.writeFile(path, pcapBytes({ order: "little", records }));
    const fields = ["ip.src", "ipv6.src", ...FIELDS, ...FIELDS_V6, ...COMPLAINTS].flatMap((
      field,
    ) => ["-e", field]);
    const sums = ["ip.check_checksum:TRUE", "udp.check_checksum:TRUE"].flatMap((
      preference,
    ) => ["-o", preference]);
    const { stdout, success } = await new Deno.Command("tshark", {
      args: ["-n", "-r", path, "-T", "fields", "-E", "occurrence=a", ...sums, ...fields],
    }).output();
    assertEquals(success, true);
    return new TextDecoder().decode(stdout).replace(/\n$/, "").split("\n").map((line) => line.split("\t"));
  } finally {
    await Deno.remove(path);
  }
}

/** The first of tshark's values: those behind it are of the packet that is quoted. */
function first(value: string): string {
  return value.split(",")[0];
}

Deno.test({
  name: "tshark finds nothing wrong with our ICMP of either version",
  ignore: !HAS_TSHARK,
  fn: async () => {
    const [v4, v6] = FAMILIES.map(allSaid);
    const rows = await read([...v4, ...v6]);
    const told = rows.map(
      ([source, source6, ipSum, type, code, sum, type6, code6, sum6, pointer, severity, malformed]) => {
        for (const level of severity.split(",")) {
          if (Number(level) >= WARNING) {
            throw new Error(`tshark complains: ${[source, source6, type, type6, severity]}`);
          }
        }
        assertEquals(malformed, "");
        if (source6 !== "") {
          assertEquals(first(sum6), "1", "the sum of ICMPv6");
          return `${first(source6)} ${first(type6)}/${first(code6)} ${pointer}`.trim();
        }
        assertEquals([first(ipSum), first(sum)], ["1", "1"], "the sums of IPv4 and ICMP");
        return `${first(source)} ${first(type)}/${first(code)}`;
      },
    );
    const thrice = (line: string) => [line, line, line];
    assertEquals(told, [
      ...Array.from({ length: 4 }, () => "10.0.0.1 0/0"),
      ...thrice("10.0.0.1 3/2"),
      ...thrice("10.0.0.1 3/3"),
      ...thrice("10.0.0.1 11/1"),
      ...Array.from({ length: 4 }, () => "fd00::1 129/0"),
      ...thrice("fd00::1 4/1 6"),
      ...thrice("fd00::1 1/4"),
      ...thrice("fd00::1 3/1"),
      "fd00::1 4/2 42",
      "fd00::1 4/2 42",
      "fe80::1 129/0",
    ]);
  },
});
