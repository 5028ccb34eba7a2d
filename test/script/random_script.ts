/**
 * Scripts at random: every construct of the language, within its bounds.
 *
 * Owns: the generators. What they make is what a parser can give: values that only one text stands for.
 */
import fc from "fast-check";
import { NO_ANNOTATION } from "../../src/script/parse_ip.ts";
import type {
  Expression,
  IpAnnotation,
  PacketEvent,
  PortPair,
  Script,
  ScriptPart,
  ScriptTcpOption,
  Step,
  StructField,
  TcpOptionList,
} from "../../src/script/values.ts";

const PLACE = { line: 1, column: 1 };
const u8 = fc.nat(0xff);
const u16 = fc.nat(0xffff);
const u24 = fc.nat(0xffffff);
const u32 = fc.nat(0xffffffff);
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });

const RESERVED = new Set(["htons", "htonl", "inet_addr", "inet6_addr", "flags", "NULL"]);
/** A name that no number or address looks like. */
const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/).filter((text) => !RESERVED.has(text));
const words = fc.array(fc.stringMatching(/^[A-Za-z]{1,8}$/), { minLength: 1, maxLength: 4 }).map((list) =>
  list.join(" ")
);

const number: fc.Arbitrary<Expression> = fc.oneof(
  fc.integer().map(String),
  u32.map((value) => `0x${value.toString(16)}`),
  fc.tuple(u8, u16).map(([whole, part]) => `${whole}.${part}`),
).map((text) => ({ kind: "number", place: PLACE, value: Number(text), text }));
const leaf: fc.Arbitrary<Expression> = fc.oneof(
  fc.constant<Expression>({ kind: "ellipsis", place: PLACE }),
  number,
  name.map((text): Expression => ({ kind: "word", place: PLACE, name: text })),
  fc.record<Expression & { kind: "string" }>({
    kind: fc.constant("string"),
    place: fc.constant(PLACE),
    value: fc.array(u8, { maxLength: 12 }).map((octets) => String.fromCharCode(...octets)),
    open: fc.boolean(),
  }),
);

function nested(inner: fc.Arbitrary<Expression>): fc.Arbitrary<Expression> {
  const items = fc.array(inner, { maxLength: 3 });
  const named = fc.record<StructField>({
    place: fc.constant(PLACE),
    name,
    count: maybe(inner),
    value: inner,
  });
  const unnamed = inner.map((value): StructField => ({ place: PLACE, name: null, count: null, value }));
  return fc.oneof(
    { weight: 3, arbitrary: leaf },
    { weight: 1, arbitrary: items.map((list): Expression => ({ kind: "array", place: PLACE, items: list })) },
    {
      weight: 1,
      arbitrary: fc.array(fc.oneof(named, unnamed), { maxLength: 3 }).map((fields): Expression => ({
        kind: "struct",
        place: PLACE,
        fields,
      })),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.constantFrom("htons", "htonl", "inet_addr", "inet6_addr"), items).map((
        [macro, args],
      ): Expression => ({ kind: "macro", place: PLACE, name: macro, args })),
    },
    {
      weight: 1,
      arbitrary: fc.array(leaf, { minLength: 2, maxLength: 4 }).map((parts) =>
        parts.reduce((left, right): Expression => ({
          kind: "binary",
          place: PLACE,
          operator: "|",
          left,
          right,
        }))
      ),
    },
  );
}

/** An expression of up to four levels. */
export const expression: fc.Arbitrary<Expression> = nested(nested(nested(leaf)));

const ports: fc.Arbitrary<PortPair> = fc.record({ source: u16, destination: u16 });
const bytes = (most: number) => fc.uint8Array({ maxLength: most });
const option = (optionName: string, parts: Partial<ScriptTcpOption> = {}): ScriptTcpOption => ({
  place: PLACE,
  name: optionName,
  numbers: [],
  bytes: null,
  text: "",
  anyVal: false,
  absoluteEcr: false,
  ...parts,
});
/** Octets of nothing are read as nothing. */
const value = (octets: Uint8Array) => octets.length === 0 ? null : octets;
const tcpOption: fc.Arbitrary<ScriptTcpOption> = fc.oneof(
  fc.constantFrom("nop", "eol", "sackOK", "FO", "FOEXP", "exp-FO", "AccECN0", "exp-AccECN1", "exp-tarr").map((
    text,
  ) => option(text)),
  u16.map((mss) => option("mss", { numbers: [mss] })),
  u8.map((shift) => option("wscale", { numbers: [shift] })),
  fc.array(fc.tuple(u32, u32), { minLength: 1, maxLength: 2 }).map((blocks) =>
    option("sack", { numbers: blocks.flat() })
  ),
  fc.tuple(u32, u32, fc.boolean(), fc.boolean()).map(([val, ecr, anyVal, absoluteEcr]) =>
    option("TS", { numbers: [anyVal ? 0 : val, ecr], anyVal, absoluteEcr })
  ),
  fc.uint8Array({ minLength: 1, maxLength: 8 }).map((digest) => option("md5", { bytes: digest })),
  fc.constant(option("md5", { text: "valid" })),
  fc.tuple(fc.constantFrom("FO", "FOEXP", "exp-FO", "gen-200", "exp-beef"), bytes(8)).map(([text, cookie]) =>
    option(text, { bytes: value(cookie) })
  ),
  fc.array(u24, { minLength: 1, maxLength: 3 }).map((numbers) =>
    option("ECN", { numbers, text: ["e0b", "ceb", "e1b"].slice(0, numbers.length).join(" ") })
  ),
);
const optionList: fc.Arbitrary<TcpOptionList> = fc.oneof(
  fc.constant<TcpOptionList>({ kind: "unsaid" }),
  fc.uint8Array({ minLength: 1, maxLength: 40 }).map((raw): TcpOptionList => ({
    kind: "raw",
    place: PLACE,
    bytes: raw,
  })),
  // Two of the longest have room.
  fc.array(tcpOption, { minLength: 1, maxLength: 2 }).map((options): TcpOptionList => ({
    kind: "list",
    place: PLACE,
    options,
  })),
);

const annotation: fc.Arbitrary<IpAnnotation> = fc.record({
  ecn: maybe(fc.constantFrom("noecn" as const, "ect0" as const, "ect1" as const, "ce" as const)),
  tos: fc.constant<number | null>(null),
  dscp: maybe(fc.nat(0x3f)),
  ttl: maybe(u8),
  flowLabel: maybe(fc.nat(0xfffff)),
  id: maybe(u16),
  place: fc.constant(PLACE),
});
const whole: fc.Arbitrary<IpAnnotation> = u8.map((tos) => ({
  ecn: null,
  tos,
  dscp: null,
  ttl: null,
  flowLabel: null,
  id: null,
  place: PLACE,
}));
const address = fc.constantFrom("fd00::1", "::", "::ffff:192.0.2.1", "1:2:3:4:5:6:7:8", "fe80::a:0:b");

const range = fc.tuple(u32, u16).map(([seq, length]) => ({
  seq,
  endSeq: (seq + length) % 0x100000000,
  length,
}));
const segment = fc.record({
  protocol: fc.constant("tcp" as const),
  place: fc.constant(PLACE),
  ports: maybe(ports),
  flags: fc.constantFrom("S", "S.", "F.", "-", ".", "P.", "SEW", "SEWA", ".5", "R", "FSRPU."),
  ack: maybe(u32),
  window: maybe(u16),
  urgent: maybe(u16),
  options: optionList,
  resetReason: maybe(fc.record({ code: u16, pen: u32 })),
  udpPorts: maybe(ports),
}).chain((parts) =>
  fc.oneof(
    fc.tuple(fc.constantFrom("relative" as const, "absolute" as const), range).map(([seqForm, numbers]) => ({
      ...parts,
      seqForm,
      ...numbers,
    })),
    u16.map((length) => ({ ...parts, seqForm: "any" as const, seq: 0, endSeq: length, length })),
  )
);
const quoted = fc.oneof(
  fc.tuple(range, maybe(ports)).map(([numbers, udpPorts]) => ({
    protocol: "tcp" as const,
    ...numbers,
    coverage: null,
    udpPorts,
  })),
  fc.tuple(fc.constantFrom("udp" as const, "raw" as const, "sctp" as const), u16).map((
    [protocol, length],
  ) => ({
    protocol,
    seq: 0,
    endSeq: 0,
    length,
    coverage: null,
    udpPorts: null,
  })),
);
const icmp = fc.record({
  protocol: fc.constant("icmp" as const),
  place: fc.constant(PLACE),
  type: fc.constantFrom("unreachable", "echo_request", "type_7"),
  code: maybe(fc.constantFrom("frag_needed", "code_3")),
  mtu: maybe(u32),
  id: maybe(u16),
  quoted: maybe(quoted),
});
const udp = fc.record({
  protocol: fc.constant("udp" as const),
  place: fc.constant(PLACE),
  ports: maybe(ports),
  length: u16,
});

const said = (ip: IpAnnotation) => Object.entries(ip).some(([field, of]) => field !== "place" && of !== null);

/** A packet that is demanded or given. */
export const packet: fc.Arbitrary<PacketEvent> = fc.record({
  kind: fc.constant("packet" as const),
  place: fc.constant(PLACE),
  direction: fc.constantFrom("inbound" as const, "outbound" as const),
  ip: fc.oneof(annotation, whole).map((ip) => said(ip) ? ip : NO_ANNOTATION),
  wrapping: fc.array(
    fc.tuple(address, address).map(([source, destination]) => ({
      place: PLACE,
      name: "ipv6",
      ip: NO_ANNOTATION,
      addresses: { source, destination },
      text: "",
    })),
    { maxLength: 2 },
  ),
  body: fc.oneof({ weight: 4, arbitrary: segment }, { weight: 1, arbitrary: icmp }, {
    weight: 1,
    arbitrary: udp,
  }),
});

const call = fc.record({
  kind: fc.constant("call" as const),
  place: fc.constant(PLACE),
  name,
  args: fc.array(expression, { maxLength: 4 }),
  result: expression,
  errno: maybe(name),
  note: words,
  remark: maybe(words),
});
const usFrom = (from: number) => fc.oneof(fc.nat(1_000_000), fc.nat(0x7fffffff)).map((more) => from + more);
const usTime = fc.oneof(
  fc.nat(1_000_000),
  fc.maxSafeInteger().map((us) => Math.abs(us) % 1_000_000_000_000_000),
);

function step(event: Step["event"]): fc.Arbitrary<Step> {
  const at = fc.tuple(fc.constantFrom("absolute" as const, "relative" as const), usTime);
  const plain = at.map(([base, fromUs]) => ({ base, fromUs, untilUs: fromUs, endUs: null }));
  const blocking = at.chain(([base, fromUs]) =>
    usFrom(fromUs).map((endUs) => ({ base, fromUs, untilUs: fromUs, endUs }))
  );
  const between = at.chain(([base, fromUs]) =>
    usFrom(fromUs).map((untilUs) => ({ base, fromUs, untilUs, endUs: null }))
  );
  const any = fc.constant({ base: "any" as const, fromUs: null, untilUs: null, endUs: null });
  const isDemand = event.kind === "packet" && event.direction === "outbound";
  const time = event.kind === "call"
    ? fc.oneof(plain, blocking)
    : isDemand
    ? fc.oneof(plain, between, any)
    : plain;
  return time.map((when) => ({ kind: "step", place: PLACE, time: when, event }));
}

const text = fc.stringMatching(/^[ -_a-z|~]{1,20}$/).filter((line) => !/[`\\]/.test(line));
const shell = text.map((line) => ({ kind: "shell" as const, place: PLACE, text: line }));
const code = text.filter((line) => !line.includes("}")).map((line) => ({
  kind: "code" as const,
  place: PLACE,
  text: line,
}));
const anyStep: fc.Arbitrary<ScriptPart> = fc.oneof(
  { weight: 4, arbitrary: packet },
  { weight: 2, arbitrary: call },
  { weight: 1, arbitrary: shell },
  { weight: 1, arbitrary: code },
).chain(step);

function condition(inner: fc.Arbitrary<ScriptPart>): fc.Arbitrary<ScriptPart> {
  return fc.record({
    kind: fc.constant("condition" as const),
    place: fc.constant(PLACE),
    name,
    negated: fc.boolean(),
    then: fc.array(inner, { maxLength: 2 }),
    otherwise: fc.array(inner, { maxLength: 2 }),
  });
}

const part = fc.oneof(
  { weight: 5, arbitrary: anyStep },
  {
    weight: 1,
    arbitrary: condition(
      fc.oneof({ weight: 3, arbitrary: anyStep }, { weight: 1, arbitrary: condition(anyStep) }),
    ),
  },
);

/** A whole script; nothing is defined in it. */
export const script: fc.Arbitrary<Script> = fc.record({
  file: fc.constant("random"),
  options: fc.array(
    fc.record({
      place: fc.constant(PLACE),
      name: name.map((option) => `x${option}`),
      value: maybe(fc.oneof(name, u32.map(String), address, fc.stringMatching(/^[ -!#-Z_a-z]{0,10}$/))),
    }),
    { maxLength: 3 },
  ),
  setUp: maybe(shell),
  steps: fc.array(part, { minLength: 1, maxLength: 6 }),
  cleanUp: maybe(shell),
});
