/** Packets of a script: what each way of writing says, and what is refused. */
import { assertEquals, assertThrows } from "@std/assert";
import { parseScript } from "../../src/script/parse_script.ts";
import { ScriptError } from "../../src/script/script_error.ts";
import type { IcmpPacket, PacketEvent, ScriptTcpOption, TcpPacket } from "../../src/script/values.ts";
import { withoutPlaces } from "./without_places.ts";

function packet(text: string): PacketEvent {
  const part = parseScript(`0 ${text}`, "t").steps[0];
  if (part.kind !== "step" || part.event.kind !== "packet") throw new Error("no packet");
  return part.event;
}

function segment(text: string): TcpPacket {
  const { body } = packet(text);
  if (body.protocol !== "tcp") throw new Error("no segment");
  return body;
}

function icmp(text: string): IcmpPacket {
  const { body } = packet(text);
  if (body.protocol !== "icmp") throw new Error("no ICMP");
  return body;
}

function options(text: string): readonly ScriptTcpOption[] {
  const list = segment(`> . 1:1(0) <${text}>`).options;
  return list.kind === "list" ? list.options : [];
}

/** The token at which reading stops, and its column behind the time. */
function stopsAt(text: string): string {
  return assertThrows(() => parseScript(`0 ${text}`, "t"), ScriptError).token;
}

Deno.test("packet: a segment, every field", () => {
  assertEquals(
    withoutPlaces(segment("< 1 > 2 FP. 1:11(10) ack 5 win 100 urg 7 <nop> [code 3, pen 9]/udp(4 > 5)")),
    withoutPlaces({
      protocol: "tcp",
      ports: { source: 1, destination: 2 },
      flags: "FP.",
      seqForm: "relative",
      seq: 1,
      endSeq: 11,
      length: 10,
      ack: 5,
      window: 100,
      urgent: 7,
      options: {
        kind: "list",
        options: [{ name: "nop", numbers: [], bytes: null, text: "", anyVal: false, absoluteEcr: false }],
      },
      resetReason: { code: 3, pen: 9 },
      udpPorts: { source: 4, destination: 5 },
    }),
  );
  const bare = segment("> - 0:0(0)");
  assertEquals([bare.flags, bare.ports, bare.ack, bare.window, bare.urgent], ["-", null, null, null, null]);
  assertEquals([bare.options.kind, bare.resetReason, bare.udpPorts], ["unsaid", null, null]);
  assertEquals([packet("< . 1:1(0)").direction, packet("> . 1:1(0)").direction], ["inbound", "outbound"]);
});

Deno.test("packet: flags, with ACE as a digit (RFC 9768) and words on both sides of the dot", () => {
  for (const flags of [".", "S", "S.", "SEW", "SEWA", "F.A", ".5", "S.5", "P.", "RU", "FSRPU.EWA", "-"]) {
    assertEquals(segment(`> ${flags} 1:1(0)`).flags, flags);
  }
  assertEquals(stopsAt("> X 1:1(0)"), "X");
  assertEquals(stopsAt("> SE5 1:1(0)"), "SE5");
  assertEquals(stopsAt("> .57 1:1(0)"), ".57");
  assertEquals(stopsAt("> .8 1:1(0)"), ".8");
  assertEquals(stopsAt("> 1:1(0)"), "1");
});

Deno.test("packet: one without flags is told of the flags, and not of ports", () => {
  const error = assertThrows(() => parseScript("0 < 1:1(0) ack 1 win 257", "t"), ScriptError);
  assertEquals([error.token, error.expected.slice(0, 9)], ["1", "TCP flags"]);
});

Deno.test("packet: sequence numbers agree with the length, also across 2^32", () => {
  const range = (text: string) => {
    const { seqForm, seq, endSeq, length } = segment(`> . ${text}`);
    return [seqForm, seq, endSeq, length];
  };
  assertEquals(range("0:65535(65535)"), ["relative", 0, 65535, 65535]);
  assertEquals(range("4294967295:1(2)"), ["relative", 4294967295, 1, 2]);
  assertEquals(range("5:5(0)!"), ["absolute", 5, 5, 0]);
  assertEquals(range("...(7)"), ["any", 0, 7, 7]);
  assertEquals(stopsAt("> . 1:10(10)"), "10");
  assertEquals(stopsAt("> . 4294967296:4294967296(0)"), "4294967296");
  assertEquals(stopsAt("> . -1:0(1)"), "-1");
  assertEquals(stopsAt("> . 0:65536(65536)"), "65536");
  assertEquals(stopsAt("> . 1:1(0) ack 4294967296"), "4294967296");
  assertEquals(stopsAt("> . 1:1(0) win 65536"), "65536");
  assertEquals(stopsAt("> . 1:1(0) urg 65536"), "65536");
  assertEquals(stopsAt("> 65536 > 1 . 1:1(0)"), "65536");
});

Deno.test("packet: options, what each holds", () => {
  assertEquals(
    options("mss 1460,wscale 255,sack 1:2 3:4,TS val 4294967295 ecr 0").map((
      { name, numbers },
    ) => [name, ...numbers]),
    [["mss", 1460], ["wscale", 255], ["sack", 1, 2, 3, 4], ["TS", 4294967295, 0]],
  );
  const [marked] = options("TS val ... ecr 9!");
  assertEquals([marked.anyVal, marked.absoluteEcr, marked.numbers], [true, true, [0, 9]]);
  assertEquals(options("FO").map(({ bytes, text }) => [bytes, text]), [[null, ""]]);
  assertEquals(options("FO 12e5")[0].bytes, new Uint8Array([0x12, 0xe5]));
  assertEquals(options("exp-FO 0000")[0].bytes, new Uint8Array(2));
  assertEquals(options("FO COOKIE_NAME").map(({ bytes, text }) => [bytes, text]), [[null, "COOKIE_NAME"]]);
  assertEquals(options("md5 valid")[0].text, "valid");
  assertEquals(options("ECN e0b 1 ceb 2").map(({ numbers, text }) => [numbers, text]), [[[1, 2], "e0b ceb"]]);
  assertEquals(options("exp-AccECN1 ee1b 5").map(({ name, numbers, text }) => [name, numbers, text]), [
    ["exp-AccECN1", [5], "ee1b"],
  ]);
  assertEquals(options("gen-254 f989,exp-FFFF").map(({ name }) => name), ["gen-254", "exp-FFFF"]);
  assertEquals(segment("> . 1:1(0) <...>").options.kind, "any");
  const raw = segment("> . 1:1(0) <0101080a>").options;
  assertEquals(raw.kind === "raw" && [...raw.bytes], [1, 1, 8, 10]);
});

Deno.test("packet: options that are none, or hold what does not fit", () => {
  const refused: [string, string][] = [
    ["", ">"],
    ["mss", ">"],
    ["mss 65536", "65536"],
    ["wscale 256", "256"],
    ["sack", ">"],
    ["sack 1:4294967296", "4294967296"],
    ["sack 1:2 3:4 5:6 7:8 9:10", ">"],
    ["TS val 1", ">"],
    ["md5", ">"],
    ["md5 0011223344556677889900112233445566", "0011223344556677889900112233445566"],
    ["FO 123", "123"],
    ["FO abc", "abc"],
    ["ECN ceb 1", "ceb"],
    ["ECN e0b 16777216", "16777216"],
    ["AccECN0 ee1b 1", "ee1b"],
    ["exp-tarr 128", "128"],
    ["gen-256", "gen-256"],
    ["exp-10000", "exp-10000"],
    ["fo", "fo"],
    ["constructor", "constructor"],
    ["ECN constructor", "constructor"],
    ["nop nop", "nop"],
    ["nop,", ">"],
    ["...,nop", ","],
    ["0102030", "0102030"],
  ];
  for (const [text, token] of refused) assertEquals(stopsAt(`> . 1:1(0) <${text}>`), token, text);
});

Deno.test("packet: a header has room for 40 octets of options (RFC 9293 §3.1)", () => {
  const nops = (count: number) => new Array(count).fill("nop").join(",");
  assertEquals(options(nops(40)).length, 40);
  assertEquals(stopsAt(`> . 1:1(0) <${nops(41)}>`), "nop");
  assertEquals(options(`TS val 1 ecr 2,sack 1:2 3:4 5:6,${nops(4)}`).length, 6);
  assertEquals(stopsAt(`> . 1:1(0) <TS val 1 ecr 2,sack 1:2 3:4 5:6,${nops(5)}>`), "nop");
  assertEquals(options(`FO ${"00".repeat(38)}`).length, 1);
  assertEquals(stopsAt(`> . 1:1(0) <FO ${"00".repeat(39)}>`), "00".repeat(39));
  assertEquals(
    options(`mss 1,wscale 1,sackOK,exp-FO ${"00".repeat(16)},md5 ${"00".repeat(4)},exp-tarr 1`).length,
    6,
  );
  assertEquals(stopsAt(`> . 1:1(0) <md5 valid,md5 valid,exp-tarr 1>`), "exp-tarr");
  assertEquals(stopsAt(`> . 1:1(0) <${nops(32)},ECN e0b 1 ceb 2 e1b 3>`), "ECN");
});

Deno.test("packet: what is said of the IP header", () => {
  const ip = (text: string) => {
    const { ecn, tos, dscp, ttl, flowLabel, id } = packet(`> ${text} . 1:1(0)`).ip;
    return { ecn, tos, dscp, ttl, flowLabel, id };
  };
  const none = { ecn: null, tos: null, dscp: null, ttl: null, flowLabel: null, id: null };
  assertEquals(ip(""), none);
  for (const ecn of ["noecn", "ect0", "ect1", "ect01", "ce"] as const) {
    assertEquals(ip(`[${ecn}]`), { ...none, ecn });
    assertEquals(ip(`(ecn ${ecn})`), { ...none, ecn });
  }
  assertEquals(ip("(tos 0x28)"), { ...none, tos: 0x28 });
  assertEquals(ip("(class 0xff, hlim 255)"), { ...none, tos: 0xff, ttl: 255 });
  assertEquals(ip("[flowlabel 0xfffff,ttl 0]"), { ...none, flowLabel: 0xfffff, ttl: 0 });
  assertEquals(ip("[ect0, dscp ef]"), { ...none, ecn: "ect0", dscp: 46 });
});

Deno.test("packet: code points by name (RFC 2474, RFC 2597, RFC 3246, RFC 5865, RFC 8622)", () => {
  const named: [string, number][] = [
    ["cs0", 0],
    ["cs1", 8],
    ["cs7", 56],
    ["af11", 10],
    ["af12", 12],
    ["af13", 14],
    ["af21", 18],
    ["af32", 28],
    ["af43", 38],
    ["ef", 46],
    ["voice-admit", 44],
    ["le", 1],
    ["0x3f", 63],
  ];
  for (const [name, value] of named) assertEquals(packet(`> [dscp ${name}] . 1:1(0)`).ip.dscp, value, name);
  assertEquals(stopsAt("> [dscp 0x40] . 1:1(0)"), "0x40");
  assertEquals(stopsAt("> [dscp af44] . 1:1(0)"), "af44");
});

Deno.test("packet: what must not be said of the IP header", () => {
  assertEquals(stopsAt("> [tos 0x100] . 1:1(0)"), "0x100");
  assertEquals(stopsAt("> [tos 40] . 1:1(0)"), "40");
  assertEquals(stopsAt("> [ttl 256] . 1:1(0)"), "256");
  assertEquals(stopsAt("> [flowlabel 0x100000] . 1:1(0)"), "0x100000");
  assertEquals(stopsAt("> [ect0, ce] . 1:1(0)"), "ce");
  assertEquals(stopsAt("> [ect0, tos 0x1] . 1:1(0)"), "tos");
  assertEquals(stopsAt("> [tos 0x1, dscp ef] . 1:1(0)"), "dscp");
  assertEquals(stopsAt("> [ect0) . 1:1(0)"), ")");
  assertEquals(stopsAt("> [] . 1:1(0)"), "]");
  // A question cannot be sent.
  assertEquals(stopsAt("< [ect01] . 1:1(0)"), "[");
  assertEquals(stopsAt("< . 1:1(0) <...>"), ".");
});

Deno.test("packet: headers around it, the outermost first", () => {
  const { wrapping } = packet(
    "> ipv4 [ttl 3] 192.0.2.1 > 192.0.2.2: gre: ipv6 fd00::1 > ::ffff:192.0.2.9: . 1:1(0)",
  );
  assertEquals(wrapping.map(({ name, addresses }) => [name, addresses?.source, addresses?.destination]), [
    ["ipv4", "192.0.2.1", "192.0.2.2"],
    ["gre", undefined, undefined],
    ["ipv6", "fd00::1", "::ffff:192.0.2.9"],
  ]);
  assertEquals(wrapping[0].ip.ttl, 3);
  assertEquals(
    packet("> mpls (label 1, tc 2, ttl 3) (label 4, tc 5, [S], ttl 6): . 1:1(0)").wrapping[0].text,
    "(label 1, tc 2, ttl 3) (label 4, tc 5, [S], ttl 6)",
  );
  assertEquals(packet("> [ect0] encap psp spi 0x1 . 1:1(0)").wrapping.map(({ name, text }) => [name, text]), [
    ["psp", "spi 0x1"],
  ]);
  assertEquals(stopsAt("> ipv4 fd00::1 > fd00::2: . 1:1(0)"), "fd00::1");
  assertEquals(stopsAt("> gre . 1:1(0)"), "gre");
  assertEquals(stopsAt("> mpls (label 1): . 1:1(0)"), "mpls");
  assertEquals(stopsAt("> gre `x`: . 1:1(0)"), "`x`");
});

Deno.test("packet: ICMP, and what it quotes", () => {
  const full = icmp("< icmp unreachable frag_needed mtu 1200 id 9 [1:1001(1000)/udp(1 > 2)]");
  assertEquals([full.type, full.code, full.mtu, full.id], ["unreachable", "frag_needed", 1200, 9]);
  assertEquals(full.quoted, {
    protocol: "tcp",
    seq: 1,
    endSeq: 1001,
    length: 1000,
    coverage: null,
    udpPorts: { source: 1, destination: 2 },
  });
  assertEquals(icmp("< icmp echo_request").quoted, null);
  assertEquals(icmp("< icmp echo_request id 7").code, null);
  const quoted = (text: string) => {
    const { protocol, length, coverage } = icmp(`< icmp unreachable [${text}]`).quoted ?? {};
    return [protocol, length, coverage];
  };
  assertEquals(quoted("udp(100)"), ["udp", 100, null]);
  assertEquals(quoted("raw (20)"), ["raw", 20, null]);
  assertEquals(quoted("udplite(100, 8)"), ["udplite", 100, 8]);
  assertEquals(quoted("sctp(4294967295)"), ["sctp", 4294967295, null]);
  assertEquals(stopsAt("< icmp"), "");
  assertEquals(stopsAt("< icmp unreachable [gre(1)]"), "gre");
  assertEquals(stopsAt("< icmp unreachable [1:3(1)]"), "3");
});

Deno.test("packet: UDP, UDP-Lite and SCTP are read to their end", () => {
  assertEquals(withoutPlaces(packet("> udp 1 > 2 (3)").body), {
    protocol: "udp",
    ports: { source: 1, destination: 2 },
    length: 3,
  });
  const other = (text: string) => {
    const { body } = packet(text);
    return body.protocol === "other" ? [body.name, body.text] : [];
  };
  assertEquals(other("> udplite(10,8)"), ["udplite", "udplite (10, 8)"]);
  assertEquals(other("> sctp:  A[ x=[1,\n 2] ] ;B[] // end"), ["sctp", "sctp: A[x=[1, 2]]; B[]"]);
  assertEquals(other("> sctp:"), ["sctp", "sctp:"]);
  assertEquals(stopsAt("> sctp: A[x"), "");
  assertEquals(stopsAt("> sctp: A[x)]"), ")");
  assertEquals(stopsAt("> sctp: A;"), ";");
});
