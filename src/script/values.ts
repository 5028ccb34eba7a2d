/**
 * A packetdrill script as values: what the parser gives, the printer writes, and the runner plays.
 *
 * Owns: the shape of scripts of both dialects (google/packetdrill's, and nplab's for FreeBSD). Must not know: text, how anything is
 * carried out, or which names mean what (calls, constants and options stay the words of the script).
 *
 * Times are microseconds, exact. Sequence numbers are as written: relative to each end's first (RFC 9293 §3.4).
 */

/** Where something stands in the script: both from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** One script. */
export interface Script {
  /** As in messages: a path, or what the caller names it. */
  readonly file: string;
  /** `--name=value` at the head. */
  readonly options: readonly ScriptOption[];
  /** The command before the first step, without a time. */
  readonly setUp: ShellCommand | null;
  readonly steps: readonly ScriptPart[];
  /** The command after the last step, without a time. */
  readonly cleanUp: ShellCommand | null;
}

/** `--ip_version=ipv4`; value null for a bare flag. */
export interface ScriptOption {
  readonly place: Place;
  readonly name: string;
  readonly value: string | null;
}

/** A step, or steps that count only where a name is defined (`#ifdef NAME`, `#ifndef NAME`, `#else`, `#endif`). */
export type ScriptPart = Step | Condition;

/** `#ifdef` and what it holds. */
export interface Condition {
  readonly kind: "condition";
  readonly place: Place;
  readonly name: string;
  /** `#ifndef`. */
  readonly negated: boolean;
  readonly then: readonly ScriptPart[];
  readonly otherwise: readonly ScriptPart[];
}

/** One event of the script, and when. */
export interface Step {
  readonly kind: "step";
  readonly place: Place;
  readonly time: StepTime;
  readonly event: PacketEvent | CallEvent | ShellCommand | CodeEvent;
}

/**
 * When: `+t` and `t`, `*` (whenever), `+a~+b` and `a~b` (between), each `...t2` behind it for a call that blocks until then.
 * Null `fromUs` is `*`. `untilUs` differs from `fromUs` for a range. `endUs` is on the same base as `fromUs`.
 */
export interface StepTime {
  readonly base: "absolute" | "relative" | "any";
  readonly fromUs: number | null;
  readonly untilUs: number | null;
  readonly endUs: number | null;
}

/** `` `sysctl -w ...` ``: never carried out by a shell unless the user allows it. */
export interface ShellCommand {
  readonly kind: "shell";
  readonly place: Place;
  readonly text: string;
}

/** `%{ assert tcpi_snd_cwnd == 10 }%`. */
export interface CodeEvent {
  readonly kind: "code";
  readonly place: Place;
  /** What stands between the braces. */
  readonly text: string;
}

/** `name(args) = result ERRNO (note)`. */
export interface CallEvent {
  readonly kind: "call";
  readonly place: Place;
  readonly name: string;
  readonly args: readonly Expression[];
  /** Null where the script says nothing of it. `...` is an expression. */
  readonly result: Expression | null;
  /** `EAGAIN`; null where none is written. */
  readonly errno: string | null;
  /** What stands in parentheses behind. */
  readonly note: string | null;
}

/** An argument. Every form has its place. */
export type Expression =
  | { readonly kind: "ellipsis"; readonly place: Place }
  /** `text` is the spelling: `0x2`, `10`, `-1`, `1.5`. */
  | { readonly kind: "number"; readonly place: Place; readonly value: number; readonly text: string }
  | { readonly kind: "word"; readonly place: Place; readonly name: string }
  /** Escapes resolved. */
  | { readonly kind: "string"; readonly place: Place; readonly value: string }
  /** `A | B`, and the other operators of both grammars. */
  | {
    readonly kind: "binary";
    readonly place: Place;
    readonly operator: string;
    readonly left: Expression;
    readonly right: Expression;
  }
  /** `[a, b]`. */
  | { readonly kind: "array"; readonly place: Place; readonly items: readonly Expression[] }
  /** `{sa_family = AF_INET, ...}` and `{"abc", 3}`: name null where none is written. */
  | { readonly kind: "struct"; readonly place: Place; readonly fields: readonly StructField[] }
  /** `htons(8080)`, `inet_addr("192.0.2.1")`, a macro of the grammar. */
  | {
    readonly kind: "macro";
    readonly place: Place;
    readonly name: string;
    readonly args: readonly Expression[];
  };

/** A member of a struct. */
export interface StructField {
  readonly place: Place;
  readonly name: string | null;
  readonly value: Expression;
}

/** A packet: `<` is given to the stack (`inbound`), `>` is demanded of it (`outbound`). */
export interface PacketEvent {
  readonly kind: "packet";
  readonly place: Place;
  readonly direction: "inbound" | "outbound";
  readonly ip: IpAnnotation;
  /** Headers around it, the outermost first: `ipv4 a > b:`, `gre`, `mpls`, `udp(a > b)`. */
  readonly wrapping: readonly WrappingHeader[];
  readonly body: TcpPacket | IcmpPacket | UdpPacket | OtherPacket;
}

/** What the brackets say: `[ect0]`, `(tos 0x..)`, `[ttl 64]`, `[flowlabel 0x123]`; null where nothing is said. */
export interface IpAnnotation {
  readonly ecn: "noecn" | "ect0" | "ect1" | "ect01" | "ce" | null;
  /** The octet as it is in the header, where `tos`, `class` or a DSCP word says it. */
  readonly tos: number | null;
  readonly ttl: number | null;
  readonly flowLabel: number | null;
  readonly id: number | null;
  readonly place: Place | null;
}

/** A header around the packet. `name` as written; arguments as text for those that are not about TCP. */
export interface WrappingHeader {
  readonly place: Place;
  readonly name: string;
  /** `udp(9899 > 1)`: the ports; else null. */
  readonly ports: PortPair | null;
  /** `ipv4 192.0.2.1 > 192.0.2.2`: the addresses; else null. */
  readonly addresses: AddressPair | null;
  /** What else is written, as it is written. */
  readonly text: string;
}

export interface PortPair {
  readonly source: number;
  readonly destination: number;
}

export interface AddressPair {
  readonly source: string;
  readonly destination: string;
}

/** A TCP segment. Fields are null where the script does not say. */
export interface TcpPacket {
  readonly protocol: "tcp";
  readonly place: Place;
  /** `p > q:`; null for those of the connection under test. */
  readonly ports: PortPair | null;
  /** As written: `S`, `F.`, `SEW`, `-`, `A`... in the order of the script. */
  readonly flags: string;
  /** Sequence number of the first octet. Null: the packet has no `s:e(len)` (options of an echoed packet). */
  readonly seq: number;
  readonly endSeq: number;
  readonly length: number;
  readonly ack: number | null;
  readonly window: number | null;
  readonly urgent: number | null;
  readonly options: TcpOptionList;
  /** `udp/SPORT/DPORT` behind the segment in nplab's way of writing encapsulation; null without. */
  readonly udpPorts: PortPair | null;
}

/** `unsaid`: nothing is written (no options at all on a segment that is given; none demanded). `any`: `<...>`. */
export type TcpOptionList =
  | { readonly kind: "unsaid" }
  | { readonly kind: "any"; readonly place: Place }
  | { readonly kind: "list"; readonly place: Place; readonly options: readonly ScriptTcpOption[] };

/** One option. `name` is that of the script: `mss`, `nop`, `wscale`, `sackOK`, `sack`, `TS`, `eol`, `FO`, `FOEXP`, `md5`, `e0b`... */
export interface ScriptTcpOption {
  readonly place: Place;
  readonly name: string;
  /** `mss 1460` [1460]; `TS val 100 ecr 0` [100, 0]; `sack 1:11 21:31` [1, 11, 21, 31]; empty without. */
  readonly numbers: readonly number[];
  /** Octets that are written in hex (`FO 1234abcd`, `exp-FO`, `md5`), or null. */
  readonly bytes: Uint8Array | null;
  /** `FO cookie`-like words and length claims that only one dialect has, as written; empty without. */
  readonly text: string;
}

/** `icmp unreachable frag_needed mtu 1200 [1:1001(1000)]`. */
export interface IcmpPacket {
  readonly protocol: "icmp";
  readonly place: Place;
  readonly type: string;
  readonly code: string | null;
  readonly mtu: number | null;
  readonly id: number | null;
  /** What the error quotes: a segment of ours with these numbers; null where nothing is written. */
  readonly quoted: { readonly seq: number; readonly endSeq: number; readonly length: number } | null;
  /** The quoted protocol where it is written (`tcp` by default), or the raw text. */
  readonly quotedProtocol: string;
}

/** `udp (100)`. */
export interface UdpPacket {
  readonly protocol: "udp";
  readonly place: Place;
  readonly ports: PortPair | null;
  readonly length: number;
}

/** What is read, and is not about TCP (SCTP, UDP-Lite, raw IP): the words, so that it can be named and printed. */
export interface OtherPacket {
  readonly protocol: "other";
  readonly place: Place;
  readonly name: string;
  readonly text: string;
}
