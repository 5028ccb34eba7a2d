/**
 * Frames that Linux sent, read by us and by tshark: every field that tshark names must come out the same.
 *
 * The captures and tshark's words are in fixtures/, made by fixtures/capture.sh and fixtures/ndp_capture.sh.
 */
import { assert, assertEquals } from "@std/assert";
import { EthernetHeader, ETHERTYPE, parseEthernet } from "../../src/wire/ethernet.ts";
import { IpPacket } from "../../src/wire/ip_packet.ts";
import { parseIpv4 } from "../../src/wire/ipv4.ts";
import type { Fields } from "./field_words.ts";
import { assertReadAs, describe } from "./frame_fields.ts";
import { assertLinuxAgrees, assertSaysAll } from "./ndp_capture.ts";
import { readFrames } from "./pcap_file.ts";

for (const name of ["tcp_offload", "tcp_loss", "tcp_bare", "vlan", "icmp", "ipv6", "ndp"]) {
  Deno.test(`${name}: each frame reads as tshark reads it`, () => {
    const frames = readFrames(new URL(`./fixtures/${name}.pcap`, import.meta.url));
    const said: Fields[] = JSON.parse(
      Deno.readTextFileSync(new URL(`./fixtures/${name}.json`, import.meta.url)),
    );
    assertReadAs(frames, said);
  });
}

Deno.test("ndp: every type of message is there, and Linux complains of the packets that we refuse, as we would", () => {
  const frames = readFrames(new URL("./fixtures/ndp.pcap", import.meta.url));
  assertSaysAll(frames);
  assertLinuxAgrees(frames);
});

Deno.test("quoted sequence numbers are those of the segments that the errors are about", () => {
  for (const name of ["icmp", "ipv6"]) {
    const seen = new Map<string, string>();
    let quotes = 0;
    for (const frame of readFrames(new URL(`./fixtures/${name}.pcap`, import.meta.url))) {
      const ours = describe(frame);
      const port = ours["tcp.srcport"]?.[0];
      if (port === undefined) continue;
      const quoted = ours["tcp.seq_raw?"]?.[0];
      if (quoted === undefined) seen.set(port, ours["tcp.seq_raw"][0]);
      else {
        assertEquals(quoted, seen.get(port));
        quotes++;
      }
    }
    assert(quotes >= 2, `${name} quotes ${quotes} segments`);
  }
});

Deno.test("the captures hold what they were made for", () => {
  const count = (name: string, field: string, test: (value: string, frame: Uint8Array) => boolean) =>
    readFrames(new URL(`./fixtures/${name}.pcap`, import.meta.url))
      .filter((frame) => (describe(frame)[field] ?? []).some((value) => test(value, frame))).length;
  assert(count("tcp_offload", "tcp.checksum.status", (value) => value === "0") > 5, "partial checksums");
  assert(count("tcp_offload", "ip.len", (value) => Number(value) > 1500) > 0, "a frame larger than the MTU");
  assert(count("tcp_loss", "tcp.options.sack_le", () => true) > 1, "SACK blocks");
  assert(count("icmp", "ip.hdr_len", (value) => value === "60") === 2, "IPv4 options");
  assert(count("icmp", "ip.frag_offset", (value) => value !== "0") === 2, "fragments");
});

Deno.test("a frame of Linux's, cut off at every length, is dropped or read, never worse", () => {
  for (const name of ["tcp_offload", "icmp", "ipv6"]) {
    for (const frame of readFrames(new URL(`./fixtures/${name}.pcap`, import.meta.url)).slice(0, 14)) {
      const ethernet = new EthernetHeader();
      const header = new IpPacket();
      for (let length = 0; length < Math.min(frame.length, 200); length++) {
        const cut = frame.slice(0, length);
        if (parseEthernet(cut, length, ethernet) !== null || ethernet.type !== ETHERTYPE.IPV4) continue;
        assertEquals(parseIpv4(cut, 14, length - 14, header), "malformed-ipv4", `${name} at ${length}`);
      }
    }
  }
});
