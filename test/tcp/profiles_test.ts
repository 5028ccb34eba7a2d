/**
 * Profiles as data: what a SYN of each looks like, that what is set beside a profile comes before it, and that the page tells what
 * the data are (src/tcp/profiles.ts, docs/profiles.md).
 */
import { assertEquals, assertThrows } from "@std/assert";
import { readProjectFile } from "../../scripts/project_files.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import { createHost } from "../../src/runtime/create_stack.ts";
import { DEFAULT_TCP_CONFIG } from "../../src/tcp/config.ts";
import { PROFILE_NAMES, profileNamed, PROFILES } from "../../src/tcp/profiles.ts";
import { checksum } from "../../src/wire/checksum.ts";
import { IP_PROTOCOL } from "../../src/wire/ip.ts";
import { ipv4Test } from "./family.ts";
import { craftPacket } from "./frame_craft.ts";
import { Lab } from "./harness.ts";

/** Window and options of the SYN of a host with a profile's settings. */
function synOf(
  name: "rfc" | "linux" | "freebsd",
): { window: number; bytes: number[]; scale: number | undefined } {
  const lab = new Lab({ tcp: PROFILES[name].tcp });
  const peer = lab.peer();
  lab.connect(peer);
  const { window, optionBytes, options } = peer.expects({ flags: "SYN", seq: 0 });
  return { window, bytes: [...optionBytes], scale: options.windowScale };
}

Deno.test("a SYN of Linux: options on words, whole segments of 64 KiB, a scale for 32 MiB", () => {
  const { window, bytes, scale } = synOf("linux");
  assertEquals([window, scale, bytes[0], bytes[4], bytes[6]], [64_240, 10, 2, 4, 8]);
});

Deno.test("a SYN of FreeBSD: options one behind the other, 65,535, a scale for 2 MiB", () => {
  const { window, bytes, scale } = synOf("freebsd");
  assertEquals([window, scale, bytes[0], bytes[4], bytes[5], bytes[8], bytes[10]], [
    65_535,
    6,
    2,
    1,
    3,
    4,
    8,
  ]);
});

Deno.test("the profile rfc changes nothing", () => {
  assertEquals(PROFILES.rfc.tcp, {});
});

Deno.test("profiles have names of settings, and values of their types", () => {
  const types = new Map(Object.entries(DEFAULT_TCP_CONFIG).map(([name, value]) => [name, typeof value]));
  for (const name of PROFILE_NAMES) {
    assertEquals(profileNamed(name), PROFILES[name]);
    assertEquals(PROFILES[name].name, name);
    for (const [setting, value] of Object.entries(PROFILES[name].tcp)) {
      const isSwitchToo = setting === "synCookies";
      assertEquals(isSwitchToo || types.get(setting) === typeof value, true, setting);
    }
  }
  assertEquals(profileNamed("windows"), null);
});

Deno.test("createHost takes a profile by its name; what is set beside it comes before it", () => {
  const [link] = memoryPair();
  const addresses = "10.0.0.1/24";
  const host = createHost({ link, addresses, profile: "freebsd", tcp: { delayedAckUs: 77_000 } });
  const connection = host.connect({ address: Uint8Array.of(10, 0, 0, 2), port: 1, handler: {} });
  const { optionLayout, delayedAckUs } = connection.config;
  assertEquals([optionLayout, delayedAckUs], ["packed", 77_000]);
  const other = [{ link, addresses, profile: "solaris" }];
  assertThrows(() => Reflect.apply(createHost, undefined, other), TypeError, "rfc, linux, freebsd");
});

/** A value as the page has it. */
function shown(name: string, value: unknown): string {
  if (value === Infinity || value === 0x7fffffff) return "no bound";
  if (typeof value !== "number" || !name.endsWith("Us")) return String(value);
  return value >= 1e6 ? `${value / 1e6} s` : `${value / 1000} ms`;
}

Deno.test("docs/profiles.md lists exactly what differs, with the values", () => {
  const told = readProjectFile("docs/profiles.md").split("\n").flatMap((line) => {
    const cells = /^\| `(\w+)` +\|([^|]+)\|([^|]+)\|([^|]+)\|$/.exec(line);
    return cells === null || !Object.hasOwn(DEFAULT_TCP_CONFIG, cells[1])
      ? []
      : [cells.slice(1).map((cell) => cell.trim())];
  });
  const [linux, freebsd] = [PROFILES.linux, PROFILES.freebsd].map(({ tcp }) =>
    new Map<string, unknown>(Object.entries(tcp))
  );
  const expected = Object.entries(DEFAULT_TCP_CONFIG).flatMap(([name, own]) => {
    const values = [own, linux.get(name) ?? own, freebsd.get(name) ?? own];
    return values.every((value) => value === own)
      ? []
      : [[name, ...values.map((value) => shown(name, value))]];
  });
  assertEquals(told, expected);
});

ipv4Test("the identification is counted, counted but in a SYN,ACK, or 0 (RFC 6864 §4.1)", () => {
  const expected = { rfc: [true, true], linux: [false, true], freebsd: [false, false] };
  for (const name of PROFILE_NAMES) {
    const lab = new Lab({ profile: PROFILES[name], tcp: { quickAcks: 10 } });
    lab.listen();
    const peer = lab.peer();
    peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
    const synAck = peer.expects({ flags: "SYN ACK" });
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 10 });
    const ack = peer.expects({ flags: "ACK", ack: 11 });
    assertEquals([synAck.packet.ipId !== 0, ack.packet.ipId !== 0], expected[name], name);
    assertEquals(ack.packet.dontFragment, true);
  }
});

ipv4Test("an echo reply bears code 0 or the request's, and its DF or none (RFC 792)", () => {
  const expected = { rfc: [0, true], linux: [9, false], freebsd: [9, true] };
  for (const name of PROFILE_NAMES) {
    const lab = new Lab({ profile: PROFILES[name] });
    const peer = lab.peer();
    const request = Uint8Array.of(8, 9, 0, 0, 0, 1, 0, 1, 1, 2, 3, 4);
    new DataView(request.buffer).setUint16(2, checksum(request, 0, request.length));
    lab.ingest(craftPacket(lab.routeFrom(peer.address), {
      protocol: IP_PROTOCOL.ICMP,
      length: request.length,
      dontFragment: true,
      fill: (frame, at) => frame.set(request, at),
    }));
    const [reply] = lab.strays.splice(0);
    assertEquals([reply.payload[0], reply.payload[1], reply.dontFragment], [0, ...expected[name]], name);
  }
});
