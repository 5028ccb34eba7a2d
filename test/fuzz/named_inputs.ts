/**
 * Inputs with a history: each has broken some stack, or was made to. The corpus that every run goes through.
 *
 * Owns: the inputs, and what they may lead to at most. Must not know: why our code would break.
 */
import type { RuleId } from "../../src/tcp/rules.ts";
import { HOST_IP, IS_IPV6 } from "../tcp/family.ts";
import { ICMP_FAMILY, sendsIcmp } from "../tcp/icmp_craft.ts";
import { craftSegment } from "../tcp/frame_craft.ts";
import type { Fixture } from "../tcp/states.ts";
import { HOST_PORT } from "../tcp/wire_ends.ts";

/**
 * One input: sent to a host with an open connection, both sides at 1; once while nothing is in flight, and once while the
 * host's octets 1 to 8,760 are, of which the first 1,460 never arrive.
 */
interface NamedInput {
  readonly name: string;
  /** Where it is known from. */
  readonly known: string;
  /** Of what only IPv4 has. */
  readonly isIpv4?: boolean;
  readonly send: (fixture: Fixture) => void;
  /** The rule by which the machine reads it while data is in flight; null: it gets no further than the host. */
  readonly reaches: RuleId | null;
  /** Answers at most (1). */
  readonly answers?: number;
  /** Answers at most while data is in flight, retransmissions included; as many as else where absent. */
  readonly answersInFlight?: number;
  /** The connection lives on and works (true). */
  readonly survives?: boolean;
}

const MULTICAST = IS_IPV6
  ? Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
  : Uint8Array.of(224, 0, 0, 1);
const LOOPBACK = IS_IPV6
  ? Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
  : Uint8Array.of(127, 0, 0, 1);

/** A segment from a source that is not the peer's. */
function sendsFrom(fixture: Fixture, source: Uint8Array, flags: number): void {
  const { lab, peer } = fixture;
  lab.ingest(craftSegment({ ...lab.routeFrom(peer.address), source }, {
    sourcePort: HOST_PORT,
    targetPort: HOST_PORT,
    flags,
    seq: 1,
    ack: 1,
    window: 512,
    data: new Uint8Array(0),
  }));
}

const RAW = { flags: "ACK", seq: 1, ack: 1 } as const;
const WORD_OF_NOPS = [1, 1, 1, 1];

/** The corpus. */
export const NAMED_INPUTS: readonly NamedInput[] = [
  {
    name: "LAND: a SYN from our own address and port",
    known: "CVE-1999-0016",
    reaches: null,
    send: (fixture) => sendsFrom(fixture, HOST_IP, 0x02),
    answers: 0,
  },
  {
    name: "a SYN from the broadcast address",
    known: "RFC 9293 MUST-63",
    isIpv4: true,
    reaches: null,
    send: (fixture) => sendsFrom(fixture, Uint8Array.of(255, 255, 255, 255), 0x02),
    answers: 0,
  },
  {
    name: "a SYN from the subnet's broadcast address",
    known: "RFC 9293 MUST-63",
    isIpv4: true,
    reaches: null,
    send: (fixture) => sendsFrom(fixture, Uint8Array.of(10, 0, 0, 255), 0x02),
    answers: 0,
  },
  {
    name: "a SYN from a multicast address",
    known: "RFC 9293 MUST-63",
    reaches: null,
    send: (fixture) => sendsFrom(fixture, MULTICAST, 0x02),
    answers: 0,
  },
  {
    name: "a SYN from loopback",
    known: "RFC 1122 §3.2.1.3",
    reaches: null,
    send: (fixture) => sendsFrom(fixture, LOOPBACK, 0x02),
    answers: 0,
  },
  {
    name: "no flag at all",
    known: "nmap -sN",
    reaches: "arrives.check5.no-ack",
    send: ({ peer }) => peer.sends({ ...RAW, flags: "" }),
  },
  {
    name: "a tree with all its lights",
    known: "nmap -sX",
    reaches: "arrives.check5.no-ack",
    // FIN without ACK is not taken; the connection goes on.
    send: ({ peer }) => peer.sends({ ...RAW, flags: "FIN PSH URG", urgentPointer: 0 }),
  },
  {
    name: "SYN and FIN together",
    known: "T/TCP, nmap -O",
    reaches: "arrives.check4.syn-challenge",
    send: ({ peer }) => peer.sends({ ...RAW, flags: "SYN FIN" }),
  },
  {
    name: "SYN and RST together, beside the mark",
    known: "RFC 9293 §3.10.7.4",
    reaches: "arrives.check2.rst-challenge",
    send: ({ peer }) => peer.sends({ ...RAW, flags: "SYN RST", seq: 2 }),
  },
  {
    name: "every flag there is, but RST",
    known: "hping3 --tcp-flags",
    reaches: "arrives.check4.syn-challenge",
    send: ({ peer }) => peer.sends({ ...RAW, flags: "FIN SYN PSH ACK URG ECE CWR", seq: 5000 }),
  },
  {
    name: "an option of length zero",
    known: "the endless loop of many option parsers",
    reaches: "arrives.check5.ack-nothing-new",
    send: ({ peer }) => peer.sends({ ...RAW, rawOptions: [8, 0, 1, 1], data: "" }),
  },
  {
    name: "an option of length one",
    known: "RFC 9293 MUST-7",
    reaches: "arrives.check5.ack-nothing-new",
    send: ({ peer }) => peer.sends({ ...RAW, rawOptions: [8, 1, 1, 1] }),
  },
  {
    name: "an option that is longer than the header",
    known: "RFC 9293 MUST-7",
    reaches: "arrives.check5.ack-nothing-new",
    send: ({ peer }) => peer.sends({ ...RAW, rawOptions: [8, 255, 1, 1] }),
  },
  {
    name: "a kind without its length, at the very end",
    known: "RFC 9293 MUST-7",
    reaches: "arrives.check5.ack-nothing-new",
    send: ({ peer }) => peer.sends({ ...RAW, rawOptions: [1, 1, 1, 8] }),
  },
  {
    name: "forty bytes of nothing",
    known: "RFC 9293 MUST-64",
    reaches: "arrives.check5.ack-nothing-new",
    send: ({ peer }) => peer.sends({ ...RAW, rawOptions: new Array(10).fill(WORD_OF_NOPS).flat() }),
  },
  {
    name: "an MSS of zero in mid-connection",
    known: "CVE-2019-11479's kin",
    reaches: "arrives.check5.ack-nothing-new",
    send: ({ peer }) => peer.sends({ ...RAW, rawOptions: [2, 4, 0, 0] }),
  },
  {
    name: "a SYN with an MSS of zero, in the window",
    known: "CVE-2002-0510's kin",
    reaches: "arrives.check4.syn-challenge",
    send: ({ peer }) => peer.sends({ flags: "SYN", seq: 100, rawOptions: [2, 4, 0, 0] }),
  },
  {
    name: "SACK that ends before it begins",
    known: "CVE-2019-11477's kin",
    reaches: "arrives.check5.ack-nothing-new",
    send: ({ peer }) => peer.sends({ ...RAW, options: { sack: [peer.hostBlock(5000, 1000)] } }),
  },
  {
    name: "SACK of nothing",
    known: "RFC 2018 §4",
    reaches: "arrives.check5.ack-nothing-new",
    send: ({ peer }) => peer.sends({ ...RAW, options: { sack: [peer.hostBlock(3000, 3000)] } }),
  },
  {
    name: "SACK of what was never sent",
    known: "CVE-2019-11478's kin",
    reaches: "arrives.check5.ack-nothing-new",
    send: ({ peer }) => peer.sends({ ...RAW, options: { sack: [peer.hostBlock(2921, 0x7fff_ffff)] } }),
  },
  {
    name: "SACK of half the circle behind",
    known: "RFC 2883 §4.2",
    reaches: "arrives.check5.d-sack",
    send: ({ peer }) => peer.sends({ ...RAW, options: { sack: [peer.hostBlock(-0x7fff_ffff, 1)] } }),
  },
  {
    name: "four SACK blocks that overlap",
    known: "RFC 2018 §4",
    reaches: "arrives.check5.sack",
    answersInFlight: 2,
    send: ({ peer }) =>
      peer.sends({
        ...RAW,
        options: {
          sack: [
            peer.hostBlock(2921, 4381),
            peer.hostBlock(2000, 5841),
            peer.hostBlock(1461, 2000),
            peer.hostBlock(2921, 4381),
          ],
        },
      }),
  },
  {
    name: "an acknowledgment of what was never sent",
    known: "optimistic ACK, Savage 1999",
    reaches: "arrives.check5.ack-of-unsent",
    send: ({ peer }) => peer.sends({ ...RAW, ack: 100_000 }),
  },
  {
    name: "an acknowledgment from half the circle ago",
    known: "RFC 5961 §5",
    reaches: "arrives.check5.ack-too-old",
    send: ({ peer }) => peer.sends({ ...RAW, ack: -0x7000_0000 }),
  },
  {
    name: "an urgent pointer beyond everything",
    known: "CVE-2023-33953's kin, RFC 6093",
    reaches: "arrives.check6.urgent",
    send: ({ peer }) => peer.sends({ flags: "ACK URG", seq: 1, ack: 1, urgentPointer: 0xffff }),
  },
  {
    name: "an urgent pointer of zero",
    known: "CVE-2019-12255 (Urgent/11)",
    reaches: "arrives.check5.ack-nothing-new",
    send: ({ peer }) => peer.sends({ flags: "ACK URG", seq: 1, ack: 1, urgentPointer: 0 }),
  },
  {
    name: "URG and SYN",
    known: "CVE-2019-12260 (Urgent/11)",
    reaches: "arrives.check4.syn-challenge",
    send: ({ peer }) => peer.sends({ flags: "SYN URG", seq: 1, urgentPointer: 3 }),
  },
  {
    name: "a timestamp from far in the future, beside the window",
    known: "CVE-2005-0356",
    reaches: "arrives.check1.outside-window",
    send: ({ peer }) =>
      peer.sends({
        ...RAW,
        seq: 0x5000_0000,
        options: { timestamps: { value: (peer.clock + 0x7000_0000) >>> 0, echo: 0 } },
      }),
  },
  {
    name: "a reset beside the mark",
    known: "CVE-2004-0230, RFC 5961 §3",
    reaches: "arrives.check2.rst-challenge",
    send: ({ peer }) => peer.sends({ flags: "RST", seq: 2 }),
  },
  {
    name: "a reset with data",
    known: "RFC 9293 §3.5.3, SHLD-2",
    reaches: "arrives.check2.rst",
    send: ({ peer }) => peer.sends({ flags: "RST", seq: 1, data: "why" }),
    answers: 0,
    survives: false,
  },
  {
    name: "a SYN in the window",
    known: "CVE-2004-0230, RFC 5961 §4",
    reaches: "arrives.check4.syn-challenge",
    send: ({ peer }) => peer.sends({ flags: "SYN", seq: 3 }),
  },
  {
    name: "a SYN, ACK in mid-connection",
    known: "RFC 5961 §4",
    reaches: "arrives.check4.syn-challenge",
    send: ({ peer }) => peer.sends({ flags: "SYN ACK", seq: 1, ack: 1 }),
  },
  {
    name: "a FIN far ahead",
    known: "CVE-2015-5364's kin",
    reaches: "arrives.check8.fin-out-of-order",
    send: ({ peer }) => peer.sends({ flags: "FIN ACK", seq: 60_000, ack: 1 }),
  },
  {
    name: "data far ahead, byte by byte",
    known: "CVE-2018-5390 (SegmentSmack)",
    reaches: "arrives.check7.too-many-holes",
    send: ({ peer }) => {
      for (let at = 0; at < 3000; at++) peer.sends({ ...RAW, seq: 60_000 - 2 * at, data: 1 });
    },
    answers: 3000,
  },
  {
    name: "ten thousand duplicate acknowledgments",
    known: "Savage 1999",
    reaches: "recovery.enter",
    send: ({ peer }) => {
      for (let i = 0; i < 10_000; i++) peer.sends(RAW);
    },
  },
  {
    name: "a wrong checksum",
    known: "RFC 9293 MUST-3",
    reaches: null,
    send: ({ peer }) => peer.sends({ ...RAW, data: "lies", corrupt: true }),
    answers: 0,
  },
  {
    name: "fragmentation needed, next hop of zero bytes",
    known: "RFC 1191 §5, RFC 5927 §7",
    // RFC 8201 §4: what is below 1280 is not so much as looked at.
    reaches: IS_IPV6 ? null : "icmp.too-big",
    answersInFlight: 18,
    send: ({ peer }) => sendsIcmp(peer, { ...ICMP_FAMILY.tooBig, seq: 1, rest: 0 }),
  },
  {
    name: "fragmentation needed, next hop of one byte",
    known: "CVE-2004-1060",
    // RFC 8201 §4: what is below 1280 is not so much as looked at.
    reaches: IS_IPV6 ? null : "icmp.too-big",
    answersInFlight: 18,
    send: ({ peer }) => sendsIcmp(peer, { ...ICMP_FAMILY.tooBig, seq: 1, rest: 1 }),
  },
  {
    name: "port unreachable for what was never sent",
    known: "CVE-2004-0790, RFC 5927 §4",
    reaches: "icmp.ignored",
    send: ({ peer }) => sendsIcmp(peer, { ...ICMP_FAMILY.portUnreachable, seq: 0x1000_0000 }),
    answers: 0,
  },
  {
    name: "source quench",
    isIpv4: true,
    known: "CVE-2004-0791, RFC 6633",
    reaches: null,
    send: ({ peer }) => sendsIcmp(peer, { type: 4, code: 0, seq: 1 }),
    answers: 0,
  },
  {
    name: "an error that quotes less than ports",
    known: "RFC 792",
    reaches: null,
    send: ({ peer }) => sendsIcmp(peer, { ...ICMP_FAMILY.hostUnreachable, seq: 1, quotedBytes: 2 }),
    answers: 0,
  },
];
