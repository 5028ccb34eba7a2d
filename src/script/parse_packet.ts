/**
 * Packets in a script: `< S 0:0(0) win 32792 <mss 1000>`, `> . 1:1(0) ack 1`, `< icmp ...`, `> udp (100)`, `< sctp: ...`.
 *
 * Owns: the grammar of packets of both dialects. Must not know: how a packet is made or compared.
 */
import { parseIpAnnotation, parsePsp, parseWrapping } from "./parse_ip.ts";
import { parseTcpOptions } from "./parse_tcp_options.ts";
import { MOST_U16, MOST_U32, placeOf, type TokenReader } from "./token_reader.ts";
import type {
  IcmpPacket,
  OtherPacket,
  PacketEvent,
  PortPair,
  QuotedPacket,
  TcpPacket,
  UdpPacket,
} from "./values.ts";

/** A packet; the next word is `<` or `>`. */
export function parsePacket(reader: TokenReader): PacketEvent {
  const first = reader.next();
  const direction = first.text === "<" ? "inbound" : "outbound";
  const wrapping = parseWrapping(reader);
  const annotated = reader.peek();
  const ip = parseIpAnnotation(reader);
  if (ip.ecn === "ect01" && direction === "inbound") {
    reader.fail("ect0 or ect1 on a packet that is given: ect01 is a question", annotated);
  }
  const psp = parsePsp(reader);
  if (psp !== null) wrapping.push(psp);
  const body = parseBody(reader);
  if (body.protocol === "tcp" && body.options.kind === "any" && direction === "inbound") {
    reader.fail("the options of a packet that is given: <...> is a question", annotated);
  }
  return { kind: "packet", place: placeOf(first), direction, ip, wrapping, body };
}

function parseBody(reader: TokenReader): TcpPacket | IcmpPacket | UdpPacket | OtherPacket {
  if (reader.isWord("icmp")) return parseIcmp(reader);
  if (reader.isWord("udp")) return parseUdp(reader);
  if (reader.isWord("udplite")) return parseUdpLite(reader);
  // With a colon it is the range of a packet without flags.
  const ports = reader.isKind("integer") && !reader.isSign(":", 1) ? reader.ports() : null;
  if (reader.isWord("sctp")) return parseSctp(reader, ports);
  return parseTcp(reader, ports);
}

function parseTcp(reader: TokenReader, ports: PortPair | null): TcpPacket {
  const place = placeOf(reader.peek());
  const flags = parseFlags(reader);
  const range = parseRange(reader);
  const ack = reader.takeWord("ack")
    ? reader.integer({ what: "a number to acknowledge", most: MOST_U32 })
    : null;
  const window = reader.takeWord("win") ? reader.integer({ what: "a window", most: MOST_U16 }) : null;
  const urgent = reader.takeWord("urg")
    ? reader.integer({ what: "an urgent pointer", most: MOST_U16 })
    : null;
  const options = parseTcpOptions(reader);
  const resetReason = parseResetReason(reader);
  const udpPorts = reader.udpWrapping();
  return {
    protocol: "tcp",
    place,
    ports,
    flags,
    ...range,
    ack,
    window,
    urgent,
    options,
    resetReason,
    udpPorts,
  };
}

const FLAGS = /^[FSRPUEWA.0-7]+$/;
const EXPECTED_FLAGS =
  'TCP flags (of F S R P . U E W A and a digit for ACE, or "-"), or icmp, udp, sctp, udplite';

/** `S`, `F.`, `.5`, `S.A`, `-`: up to three words without a number between them. */
function parseFlags(reader: TokenReader): string {
  const first = reader.peek();
  if (reader.take("-")) return "-";
  let flags = "";
  while (flags.length < 16) {
    const token = reader.peek();
    const isFlag = token.kind === "word" || token.kind === "float" ||
      (token.kind === "sign" && token.text === ".");
    if (!isFlag) break;
    flags += reader.next().text;
  }
  if (!FLAGS.test(flags)) reader.fail(EXPECTED_FLAGS, first);
  const ace = flags.match(/[0-7]/g) ?? [];
  if (ace.length > 1 || (ace.length === 1 && /[EWA]/.test(flags))) {
    reader.fail("either E, W and A or one digit for all three bits", first);
  }
  return flags;
}

/** `1:1001(1000)`, `0:0(0)!`, `...(10)`. */
function parseRange(reader: TokenReader): Pick<TcpPacket, "seqForm" | "seq" | "endSeq" | "length"> {
  const what = "octets of payload";
  if (reader.isKind("ellipsis")) {
    reader.next();
    reader.expect("(");
    const length = reader.integer({ what, most: MOST_U16 });
    reader.expect(")");
    return { seqForm: "any", seq: 0, endSeq: length, length };
  }
  const seq = reader.integer({ what: "a sequence number, as in 1:1001(1000)", most: MOST_U32 });
  reader.expect(":");
  const end = reader.peek();
  const endSeq = reader.integer({ what: "the sequence number of the end", most: MOST_U32 });
  reader.expect("(");
  const length = reader.integer({ what, most: MOST_U16 });
  reader.expect(")");
  if (endSeq !== (seq + length) % (MOST_U32 + 1)) {
    reader.fail(`${(seq + length) % (MOST_U32 + 1)}, which is ${length} octets behind ${seq}`, end);
  }
  return { seqForm: reader.take("!") ? "absolute" : "relative", seq, endSeq, length };
}

/** `[code 2, pen 0]`. */
function parseResetReason(reader: TokenReader): TcpPacket["resetReason"] {
  if (!reader.isSign("[")) return null;
  reader.next();
  if (!reader.takeWord("code")) reader.fail('"code"');
  const code = reader.integer({ what: "a code", most: MOST_U16 });
  reader.expect(",");
  if (!reader.takeWord("pen")) reader.fail('"pen"');
  const pen = reader.integer({ what: "a private enterprise number", most: MOST_U32 });
  reader.expect("]");
  return { code, pen };
}

function parseIcmp(reader: TokenReader): IcmpPacket {
  const place = placeOf(reader.next());
  const type = reader.expectWord("a type of ICMP").text;
  const hasCode = reader.isKind("word") && !reader.isWord("mtu") && !reader.isWord("id");
  const code = hasCode ? reader.next().text : null;
  const mtu = reader.takeWord("mtu") ? reader.integer({ what: "an MTU", most: MOST_U32 }) : null;
  const id = reader.takeWord("id") ? reader.integer({ what: "an id", most: MOST_U16 }) : null;
  return { protocol: "icmp", place, type, code, mtu, id, quoted: parseQuoted(reader) };
}

function parseQuoted(reader: TokenReader): QuotedPacket | null {
  if (!reader.take("[")) return null;
  const none = { seq: 0, endSeq: 0, coverage: null, udpPorts: null };
  let quoted: QuotedPacket;
  if (reader.isKind("word")) {
    const token = reader.next();
    reader.expect("(");
    const protocol = token.text;
    if (protocol === "udp" || protocol === "raw") {
      quoted = { ...none, protocol, length: reader.integer({ what: "octets of payload", most: MOST_U16 }) };
    } else if (protocol === "sctp") {
      quoted = { ...none, protocol, length: reader.integer({ what: "a verification tag", most: MOST_U32 }) };
    } else if (protocol === "udplite") {
      const length = reader.integer({ what: "octets of payload", most: MOST_U16 });
      reader.expect(",");
      quoted = {
        ...none,
        protocol,
        length,
        coverage: reader.integer({ what: "a coverage", most: MOST_U16 }),
      };
    } else {
      reader.fail("a sequence range, udp, raw, udplite or sctp", token);
    }
    reader.expect(")");
    if (protocol === "sctp") quoted = { ...quoted, udpPorts: reader.udpWrapping() };
  } else {
    const first = reader.peek();
    const { seqForm, seq, endSeq, length } = parseRange(reader);
    if (seqForm !== "relative") reader.fail("a sequence range, as in 1:1001(1000)", first);
    quoted = { protocol: "tcp", seq, endSeq, length, coverage: null, udpPorts: reader.udpWrapping() };
  }
  reader.expect("]");
  return quoted;
}

/** `udp (100)`, `udp 1234 > 5678 (100)`. */
function parseUdp(reader: TokenReader): UdpPacket {
  const place = placeOf(reader.next());
  const ports = reader.isKind("integer") ? reader.ports() : null;
  reader.expect("(");
  const length = reader.integer({ what: "octets of payload", most: MOST_U16 });
  reader.expect(")");
  return { protocol: "udp", place, ports, length };
}

/** `udplite (100, 8)`. */
function parseUdpLite(reader: TokenReader): OtherPacket {
  const place = placeOf(reader.next());
  const ports = reader.isKind("integer") ? reader.ports() : null;
  reader.expect("(");
  const length = reader.integer({ what: "octets of payload", most: MOST_U16 });
  reader.expect(",");
  const coverage = reader.integer({ what: "octets that the checksum covers", most: MOST_U16 });
  reader.expect(")");
  const between = ports === null ? "" : `${ports.source} > ${ports.destination} `;
  return { protocol: "other", place, name: "udplite", text: `udplite ${between}(${length}, ${coverage})` };
}

/** `sctp: INIT[flgs=0, ...]; DATA[...]`, ports before it, `(bad_crc32c)`, `/udp(a > b)` and so on behind the name. */
function parseSctp(reader: TokenReader, ports: PortPair | null): OtherPacket {
  const words: string[] = [];
  if (ports !== null) words.push(`${ports.source} > ${ports.destination} `);
  const place = placeOf(reader.next());
  words.push("sctp");
  if (reader.take("(")) {
    words.push(`(${reader.wordsUntil(")")})`);
    reader.next();
  }
  const udp = reader.udpWrapping();
  if (udp !== null) words.push(`/udp(${udp.source} > ${udp.destination})`);
  reader.expect(":");
  words.push(":");
  if (reader.isSign("[")) {
    words.push(` ${parseBrackets(reader)}`);
  } else if (reader.isKind("word")) {
    do {
      if (words.at(-1) !== ":") words.push(";");
      words.push(` ${reader.expectWord("a chunk").text}${parseBrackets(reader)}`);
    } while (reader.take(";"));
  }
  return { protocol: "other", place, name: "sctp", text: words.join("") };
}

function parseBrackets(reader: TokenReader): string {
  reader.expect("[");
  const text = reader.wordsUntil("]");
  reader.next();
  return `[${text}]`;
}
