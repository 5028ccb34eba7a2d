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
  /** What stands in parentheses behind the error (or behind the result, where none is written). */
  readonly note: string | null;
  /** A second one behind that, which the grammars allow. */
  readonly remark: string | null;
}

/** An argument. Every form has its place. */
export type Expression =
  | { readonly kind: "ellipsis"; readonly place: Place }
  /** `text` is the spelling: `0x2`, `10`, `-1`, `1.5`. `value` is rounded where it is beyond 2^53. */
  | { readonly kind: "number"; readonly place: Place; readonly value: number; readonly text: string }
  | { readonly kind: "word"; readonly place: Place; readonly name: string }
  /** Escapes resolved; one character an octet (0 to 255). `open`: `"abc"...`, the string may go on. */
  | { readonly kind: "string"; readonly place: Place; readonly value: string; readonly open: boolean }
  /** `A | B`, and `NAME = value` among arguments. */
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
  /** `htons(8080)`, `htonl(1)`, `inet_addr("192.0.2.1")`, `inet6_addr("::1")`. */
  | {
    readonly kind: "macro";
    readonly place: Place;
    readonly name: string;
    readonly args: readonly Expression[];
  }
  /** What is read and is not about TCP, as it is written between braces: `{(label 16, tc 0, ttl 64)}`, `{flags 0x1 ...}`. */
  | { readonly kind: "words"; readonly place: Place; readonly text: string };

/** A member of a struct. */
export interface StructField {
  readonly place: Place;
  readonly name: string | null;
  /** `msg_iov(2) = [...]`: how many there are, or `...`; null where it is not written. */
  readonly count: Expression | null;
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

/** What the brackets say: `[ect0]`, `(tos 0x..)`, `[ttl 64]`, `[flowlabel 0x123]`, `[dscp ef, ce]`; null where nothing is said. */
export interface IpAnnotation {
  readonly ecn: "noecn" | "ect0" | "ect1" | "ect01" | "ce" | null;
  /** The whole octet as it is in the header, where `tos` or `class` says it. */
  readonly tos: number | null;
  /** The upper six bits alone (`dscp 0x28`, `dscp af11`): the ECN bits are then as `ecn` says, or anything. */
  readonly dscp: number | null;
  /** `ttl` or `hlim`. */
  readonly ttl: number | null;
  readonly flowLabel: number | null;
  readonly id: number | null;
  readonly place: Place | null;
}

/** A header around the packet: `ipv4`, `ipv6`, `gre`, `mpls`, `psp`. Arguments as text for those that are not about TCP. */
export interface WrappingHeader {
  readonly place: Place;
  readonly name: string;
  /** What the brackets behind `ipv4` and `ipv6` say. */
  readonly ip: IpAnnotation;
  /** `ipv4 192.0.2.1 > 192.0.2.2`: the addresses; else null. */
  readonly addresses: AddressPair | null;
  /** What else is written, as it is written. */
  readonly text: string;
}

/** The ports of a packet: `p > q`. */
export interface PortPair {
  readonly source: number;
  readonly destination: number;
}

/** The addresses of a header: `a > b`, as they are written. */
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
  /**
   * As written, in the order of the script: `S`, `F.`, `SEW`, `A`...; `-` without flags. `.` is ACK, `E` ECE, `W` CWR, `A` AE
   * (RFC 9768), a digit the three bits of ACE.
   */
  readonly flags: string;
  /** `relative` to the first of its end; `absolute` (`0:0(0)!`): as it is in the header; `any` (`...(10)`): only the length counts. */
  readonly seqForm: "relative" | "absolute" | "any";
  /** Sequence number of the first octet; 0 for `any`. */
  readonly seq: number;
  readonly endSeq: number;
  readonly length: number;
  readonly ack: number | null;
  readonly window: number | null;
  readonly urgent: number | null;
  readonly options: TcpOptionList;
  /** `[code 2, pen 0]`: the reason that an RST carries as data; null without. */
  readonly resetReason: { readonly code: number; readonly pen: number } | null;
  /** `/udp(9811 > 1)` behind the segment: the UDP header that it travels in; null without. */
  readonly udpPorts: PortPair | null;
}

/**
 * `unsaid`: nothing is written (no options at all on a segment that is given; none demanded). `any`: `<...>`. `raw`: the whole
 * field in hex (`<0101080a...>`).
 */
export type TcpOptionList =
  | { readonly kind: "unsaid" }
  | { readonly kind: "any"; readonly place: Place }
  | { readonly kind: "raw"; readonly place: Place; readonly bytes: Uint8Array }
  | { readonly kind: "list"; readonly place: Place; readonly options: readonly ScriptTcpOption[] };

/**
 * One option. `name` is that of the script: `mss`, `nop`, `eol`, `wscale`, `sackOK`, `sack`, `TS`, `md5`, `FO`, `FOEXP` and
 * `exp-FO` (the same thing in two dialects), `ECN`, `AccECN0`, `AccECN1`, `exp-AccECN0`, `exp-AccECN1`, `exp-tarr`, `gen-N`
 * (kind N, decimal), `exp-N` (experiment N, hex).
 */
export interface ScriptTcpOption {
  readonly place: Place;
  readonly name: string;
  /** `mss 1460` [1460]; `TS val 100 ecr 0` [100, 0]; `sack 1:11 21:31` [1, 11, 21, 31]; the counters of AccECN; empty without. */
  readonly numbers: readonly number[];
  /** Octets that are written in hex (`FO 1234abcd`, `md5 00ff...`, `gen-99 0a`), or null. */
  readonly bytes: Uint8Array | null;
  /**
   * What stands in the place of a value: `valid` (md5), a name for a cookie; the names of AccECN's counters in the order of
   * `numbers`, with a space between (`e0b ceb`); empty without.
   */
  readonly text: string;
  /** `TS val ...`: any value will do. The number is 0 then. */
  readonly anyVal: boolean;
  /** `ecr 100!`: the echo as it is in the header. */
  readonly absoluteEcr: boolean;
}

/** `icmp unreachable frag_needed mtu 1200 [1:1001(1000)]`. */
export interface IcmpPacket {
  readonly protocol: "icmp";
  readonly place: Place;
  /** `unreachable`, `type_3`. */
  readonly type: string;
  /** `port_unreachable`, `code_3`. */
  readonly code: string | null;
  readonly mtu: number | null;
  readonly id: number | null;
  /** What the error quotes; null where nothing is written. */
  readonly quoted: QuotedPacket | null;
}

/** What an ICMP error quotes: `[1:1001(1000)]`, `[1:1(0)/udp(9811 > 1)]`, `[udp (100)]`, `[raw (20)]`. */
export interface QuotedPacket {
  /** `tcp` where no name is written. */
  readonly protocol: "tcp" | "udp" | "raw" | "udplite" | "sctp";
  /** Of a segment of ours; 0 for the other protocols. */
  readonly seq: number;
  readonly endSeq: number;
  /** Octets of payload; the verification tag of SCTP. */
  readonly length: number;
  /** The checksum coverage of UDP-Lite; null for others. */
  readonly coverage: number | null;
  /** The UDP header around it; null without. */
  readonly udpPorts: PortPair | null;
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
