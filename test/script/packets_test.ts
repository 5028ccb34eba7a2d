/**
 * Packets of a script: words to octets and back, by the layouts of the RFCs; the two ends' numbers; flags, ICMP, IPv4 and IPv6.
 */
import { assert, assertEquals } from "@std/assert";
import { Flow } from "../../src/script/flow.ts";
import { icmpNumbers, icmpWords } from "../../src/script/icmp_words.ts";
import { decodeTcpOptions, encodeTcpOption } from "../../src/script/option_bytes.ts";
import { parseScript } from "../../src/script/parse_script.ts";
import { printTcpOptions } from "../../src/script/print_packet.ts";
import { formatFlags, parseFlags } from "../../src/script/tcp_flags.ts";
import type { ScriptTcpOption, TcpPacket } from "../../src/script/values.ts";
import { played, tracedBy } from "./played.ts";

function segmentOf(text: string): TcpPacket {
  const [step] = parseScript(`0 ${text}`, "t").steps;
  assert(step.kind === "step" && step.event.kind === "packet" && step.event.body.protocol === "tcp");
  return step.event.body;
}

function optionsOf(text: string): readonly ScriptTcpOption[] {
  const { options } = segmentOf(`> . 1:1(0) ack 1 <${text}>`);
  assert(options.kind === "list");
  return options.options;
}

function hex(bytes: Uint8Array | null): string {
  return bytes === null ? "" : [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const OPTION_OCTETS: readonly (readonly [words: string, octets: string])[] = [
  ["mss 1460", "020405b4"], // RFC 9293 §3.2
  ["nop", "01"],
  ["eol", "00"],
  ["wscale 14", "03030e"], // RFC 7323 §2.2
  ["sackOK", "0402"], // RFC 2018 §2
  ["sack 1:11 21:31", "0512000000010000000b000000150000001f"],
  ["TS val 100 ecr 4294967295", "080a00000064ffffffff"], // RFC 7323 §3.2
  ["FO", "2202"], // RFC 7413 §4.1.1
  ["FO 0102030405060708", "220a0102030405060708"],
  ["FOEXP 01020304", "fe08f98901020304"],
  ["exp-FO 01020304", "fe08f98901020304"],
  ["gen-77 abcd", "4d04abcd"],
];

for (const [words, octets] of OPTION_OCTETS) {
  Deno.test(`the option ${words} is ${octets}, and back`, () => {
    const [option] = optionsOf(words);
    const bytes = encodeTcpOption(option);
    assertEquals(hex(bytes), octets);
    assert(bytes !== null);
    const back = decodeTcpOptions(bytes);
    assertEquals(back.length, 1);
    assertEquals(hex(encodeTcpOption(back[0])), octets);
    if (!words.startsWith("exp-")) {
      const list = { kind: "list" as const, place: option.place, options: back };
      assertEquals(printTcpOptions(list), `<${words}>`);
    }
  });
}

Deno.test("options that break off are shown with all octets that are left (MUST-7)", () => {
  for (const octets of [[0x02], [0x02, 0x00, 0x05], [0x02, 0x09, 0x05], [0x08, 0x0a, 1, 2]]) {
    const options = decodeTcpOptions(Uint8Array.from([0x01, ...octets]));
    assertEquals(options.map(({ name }) => name), ["nop", `gen-${octets[0]}`]);
  }
  // An MSS of three octets is none.
  assertEquals(decodeTcpOptions(Uint8Array.of(0x02, 0x03, 0x05))[0].name, "gen-2");
});

Deno.test("flags: every letter of both dialects, and the spelling of the script where it says the same", () => {
  assertEquals(parseFlags("SEWA"), { bits: 0xc2, ae: true });
  assertEquals(parseFlags("FRPU."), { bits: 0x3d, ae: false });
  assertEquals(parseFlags("-"), { bits: 0, ae: false });
  assertEquals(parseFlags(".5"), { bits: 0x50, ae: true }); // ACE 5: AE and ECE (RFC 9768 §3.2.2)
  assertEquals(parseFlags("Q"), null);
  assertEquals(formatFlags({ bits: 0x12, ae: false }, ".S"), ".S");
  assertEquals(formatFlags({ bits: 0x12, ae: false }, "S"), "S.");
  assertEquals(formatFlags({ bits: 0, ae: false }, "S"), "-");
  assertEquals(formatFlags({ bits: 0x50, ae: true }, ".1"), ".5");
});

Deno.test("ICMP's words are the numbers of RFC 792 and RFC 4443, in each version its own", () => {
  const number = (type: string, code: string | null, bytes: number) => icmpNumbers({ type, code }, bytes);
  assertEquals(number("unreachable", "frag_needed", 4), { type: 3, code: 4 });
  assertEquals(number("unreachable", "port_unreachable", 4), { type: 3, code: 3 });
  assertEquals(number("unreachable", "port_unreachable", 16), { type: 1, code: 4 });
  assertEquals(number("packet_too_big", null, 16), { type: 2, code: 0 });
  assertEquals(number("type_3", "code_13", 4), { type: 3, code: 13 });
  assertEquals(number("packet_too_big", null, 4), null);
  assertEquals(number("unreachable", "frag_needed", 16), null);
  assertEquals(number("type_256", null, 4), null);
  assertEquals(icmpWords({ type: 3, code: 4 }, 4), { type: "unreachable", code: "frag_needed" });
  assertEquals(icmpWords({ type: 1, code: 0 }, 16), { type: "unreachable", code: "no_route" });
  assertEquals(icmpWords({ type: 200, code: 7 }, 4), { type: "type_200", code: "code_7" });
});

Deno.test("numbers of a flow: with SYN as written, else from the SYN, also past 2^31 and over 2^32", () => {
  for (const iss of [0, 0x7ffffff0, 0xfffffff0]) {
    const flow = new Flow({ localPort: 1, remotePort: 2 }, "syn-received");
    flow.scriptIss = 5;
    flow.wireIss = iss;
    flow.irs = 0xfffffffe;
    assertEquals(flow.toScript(iss, "local", true), 5);
    assertEquals(flow.toScript((iss + 1) >>> 0, "local", false), 1);
    assertEquals(flow.toWire(100, "local", false), (iss + 100) >>> 0);
    assertEquals(flow.toWire(6, "local", true), (iss + 1) >>> 0);
    assertEquals(flow.toWire(3, "remote", false), 1);
    assertEquals(flow.toScript(1, "remote", false), 3);
    assertEquals(flow.toWire(77, "remote", true), 77);
  }
});

Deno.test("an echo of a timestamp is the value that the host sent there, else as far from the first as the script says", () => {
  const flow = new Flow({ localPort: 1, remotePort: 2 }, "open");
  assertEquals(flow.echoToWire(100), 100);
  flow.noteTimestamp(100, 0xfffffff0);
  flow.noteTimestamp(300, 0x000000ff);
  assertEquals(flow.echoToWire(100), 0xfffffff0);
  assertEquals(flow.echoToWire(300), 0xff);
  assertEquals(flow.echoToWire(120), 4);
  assertEquals(flow.timestampToScript(4), 120);
});

Deno.test("flow labels: the first is learnt, and they change just where the script's do", () => {
  const flow = new Flow({ localPort: 1, remotePort: 2 }, "open");
  assertEquals(flow.takesFlowLabel(1, 0), false);
  assertEquals([flow.takesFlowLabel(1, 77), flow.takesFlowLabel(1, 77)], [true, true]);
  assertEquals(flow.takesFlowLabel(1, 78), false);
  assertEquals(flow.takesFlowLabel(2, 77), false);
  assertEquals([flow.takesFlowLabel(2, 78), flow.takesFlowLabel(1, 78)], [true, false]);
});

const OPENED = `0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0...0.1 connect(3, ..., ...) = 0
+0 > S 0:0(0) <...>
+.1 < S. 0:0(0) ack 1 win 5792 <mss 1000>
+0 > . 1:1(0) ack 1
+0 write(3, ..., 2000) = 2000
+0 > . 1:1001(1000) ack 1
+0 > P. 1001:2001(1000) ack 1
`;

for (const ipVersion of ["ipv4", "ipv6", "ipv4-mapped-ipv6"] as const) {
  Deno.test(`one script is played with ${ipVersion}: handshake, text, FIN, ICMP`, () => {
    const [type, code] = ipVersion === "ipv6"
      ? ["unreachable", "no_route"]
      : ["unreachable", "net_unreachable"];
    const script = `${OPENED}+.1 < icmp ${type} ${code} [1:1001(1000)]
+.1 < . 1:1(0) ack 2001 win 5792
+0 < F. 1:1(0) ack 2001 win 5792
+0 > . 2001:2001(0) ack 2
+0 close(3) = 0
+0 > F. 2001:2001(0) ack 2
+.1 < . 2:2(0) ack 2002 win 5792`;
    const trace = tracedBy(script, { wishes: { ipVersion } }).map(({ text }) => text);
    assertEquals(played(script, { wishes: { ipVersion } }).verdict, { kind: "pass" });
    assert(trace.some((text) => text.startsWith("takes ICMP")), trace.join("\n"));
  });
}

Deno.test("segments are put together up to the length of the step, but not with --strict_segments", () => {
  const script = OPENED.split("\n").slice(0, 6).join("\n");
  assertEquals(played(`${script}\n+0 > P. 1:2001(2000) ack 1`).verdict, { kind: "pass" });
  const { verdict } = played(`--strict_segments\n${script}\n+0 > P. 1:2001(2000) ack 1`);
  assert(verdict.kind === "fail");
  assertEquals(verdict.what, "flags, length");
});

Deno.test("ports on a packet choose the connection: a SYN from other ports opens another one, and both go on", () => {
  const script = `0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 2) = 0
+0 < 1111 > 8080 S 0:0(0) win 1000 <mss 1000>
+0 > 8080 > 1111 S. 0:0(0) ack 1 <...>
+0 < 2222 > 8080 S 500:500(0) win 1000 <mss 1000>
+0 > 8080 > 2222 S. 0:0(0) ack 501 <...>
+0 < 1111 > 8080 . 1:1(0) ack 1 win 1000
+0 < 2222 > 8080 . 1:1(0) ack 1 win 1000
+0 < 1111 > 8080 P. 1:11(10) ack 1 win 1000
+0 < 2222 > 8080 P. 1:21(20) ack 1 win 1000
+0 > 8080 > 2222 . 1:1(0) ack 21
+0 > 8080 > 1111 . 1:1(0) ack 11
+0 < 3333 > 9999 S 0:0(0) win 1000
+0 > 9999 > 3333 R. 0:0(0) ack 1 win 0`;
  assertEquals(played(script).verdict, { kind: "pass" });
});

Deno.test("what cannot be given is said: no window, a header around it", () => {
  const given = (packet: string) => {
    const { verdict } = played(`0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 ${packet}`);
    return verdict.kind === "error"
      ? verdict.message
      : verdict.kind === "unsupported"
      ? verdict.construct
      : verdict.kind;
  };
  assertEquals(given("< S 0:0(0) ack 1"), "expected a window on a packet that is given (win N), found none");
  assertEquals(given("< gre: S 0:0(0) win 10"), "gre");
});
