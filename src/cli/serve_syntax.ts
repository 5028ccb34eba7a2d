/**
 * The options of `serve`, as a table.
 *
 * Owns: names, placeholders and help. Must not know: what is done with them (serve_options.ts, serve.ts).
 */
import { LOG_OPTIONS } from "./log_syntax.ts";
import { OFFERED_APPLICATIONS } from "../app/applications.ts";
import type { OptionSpec, Syntax } from "./options.ts";
import { CONNECTION_OPTIONS, LISTENING_OPTIONS } from "./tcp_syntax.ts";

/** Where the live page is unless told. */
const DEFAULT_PAGE_ADDRESS = "127.0.0.1:8033";

const ADDRESS = "Device and address";
const SERVICE = "Service";
const WIRE = "Wire";
const OUTPUT = "Recording";
const PAGE = "Live page";
const END = "Leaving";

/** Every option of `serve`. */
export const SERVE_OPTIONS = [
  {
    name: "iface",
    alias: "i",
    kind: "value",
    value: "NAME",
    group: ADDRESS,
    help: "device; needed where there is more than one candidate (tcplab interfaces)",
  },
  {
    name: "ip",
    kind: "list",
    value: "ADDR[/LEN][,...]",
    group: ADDRESS,
    help:
      "addresses to answer for, IPv4 and IPv6, that no other host has (192.168.56.101,fd00::7/64,fe80::7); without it " +
      "free ones are proposed. /LEN where it is outside the device's own subnet (24 and 64 where it has none)",
  },
  {
    name: "gateway",
    kind: "value",
    value: "ADDR[,ADDR]",
    group: ADDRESS,
    help:
      "router to what is outside the subnets of --ip, one of each family; without it the kernel's default routes by the " +
      "device",
  },
  {
    name: "no-ra",
    kind: "flag",
    group: ADDRESS,
    help: "believe no router advertisement: IPv6 routers, prefixes and MTU are those that are given",
  },
  {
    name: "mac",
    kind: "list",
    value: "MAC|auto|device",
    group: ADDRESS,
    help:
      "auto (default): a stable locally administered address; device: the device's own (Wi-Fi and macvlan need that); given " +
      "once for each --ip, each pair is a host of its own, up to 64",
  },
  {
    name: "rst-guard",
    kind: "value",
    value: "off|nft",
    group: ADDRESS,
    help: "for an address that the kernel owns: nft drops the kernel's own RST while the server runs; off " +
      "(default) refuses such an address",
  },
  {
    name: "port",
    alias: "p",
    kind: "list",
    value: "N[,N...]",
    group: SERVICE,
    help: "port to listen on (3333)",
  },
  {
    name: "app",
    kind: "value",
    value: "NAME",
    group: SERVICE,
    help: "what runs on a connection: echo (default), discard, chargen, daytime, hold, close, http",
    choices: OFFERED_APPLICATIONS.map(({ name }) => name),
  },
  {
    name: "serve",
    kind: "list",
    value: "P=APP[,P=APP]",
    group: SERVICE,
    help: "several ports, each with its application, instead of --port and --app",
  },
  {
    name: "www",
    kind: "value",
    value: "DIR",
    group: SERVICE,
    help: "directory that http serves, and nothing outside of it; without it http shows its own connection",
  },
  {
    name: "capture",
    kind: "value",
    value: "immediate|live",
    group: WIRE,
    help: "immediate (default): every frame at once; live: pcap_open_live, in bunches",
  },
  {
    name: "read-timeout",
    kind: "value",
    value: "MS",
    group: WIRE,
    help: "read timeout of --capture live (1)",
  },
  { name: "ring", kind: "value", value: "MIB", group: WIRE, help: "capture buffer in MiB (64)" },
  {
    name: "checksum",
    kind: "value",
    value: "partial|strict|ignore",
    group: WIRE,
    help:
      "partial (default) also takes sums that the sender's device was to complete; strict takes only correct " +
      "ones; ignore takes all",
  },
  {
    name: "tx",
    kind: "value",
    value: "auto|inject|batch|gso",
    group: WIRE,
    help:
      "how frames leave: inject one by one through libpcap, batch many at a time, gso also large segments that the " +
      "kernel cuts; auto (default) takes the fastest that works",
  },
  {
    name: "filter",
    kind: "value",
    value: "EXPR",
    group: WIRE,
    help: "pcap-filter expression, added to the TCP part of tcplab's own filter",
  },
  {
    name: "vlan",
    kind: "value",
    value: "N",
    group: WIRE,
    help:
      "join this VLAN of the device, 1 to 4094: only frames with its tag are taken, and all that are sent carry it; " +
      "without it tagged frames are left alone",
  },
  {
    name: "fault",
    kind: "value",
    value: "SPEC",
    group: WIRE,
    help:
      "disturb frames on purpose; words with commas between them: drop=1%, dup=1%, reorder=2%, corrupt=0.5%, mark=1%, " +
      "delay=10ms, jitter=5ms, rate=10mbit, seed=7 (the same seed, the same faults); in: or out: before a word means " +
      "one direction; ARP and neighbor discovery are left alone but for arp=on",
  },
  {
    name: "write",
    alias: "w",
    kind: "value",
    value: "FILE",
    group: OUTPUT,
    help:
      "record to a pcapng file, each frame with its state change and what --fault did to it as packet comment; - is stdout, for a program that " +
      "reads along (| wireshark -k -i -), and the log then goes to stderr",
  },
  {
    name: "snaplen",
    kind: "value",
    value: "BYTES",
    group: OUTPUT,
    help: "record no more than so much of each frame (96: headers, and no text that others have sent)",
  },
  {
    name: "write-limit",
    kind: "value",
    value: "SIZE[xN]",
    group: OUTPUT,
    help:
      "end the recording there (100M, 1G); with xN go on in a new file instead, and keep N in all: FILE is the " +
      "newest, FILE.1 the one before it",
  },
  {
    name: "ui",
    kind: "value",
    value: "[HOST:PORT]",
    // Whatever is no option: what is wrong with it is said by who reads it.
    alone: { value: DEFAULT_PAGE_ADDRESS, unlessNext: /^[^-]/ },
    group: PAGE,
    help:
      `live page for a browser of this machine: state diagram, connections, faults while it runs (${DEFAULT_PAGE_ADDRESS}); ` +
      "loopback addresses only, port 0 for any that is free; the address to open is printed, with the token that it " +
      "needs; /metrics is there for Prometheus",
  },
  ...LOG_OPTIONS,
  ...CONNECTION_OPTIONS,
  ...LISTENING_OPTIONS,
  { name: "once", kind: "flag", group: END, help: "leave after the first connection has closed" },
  { name: "duration", kind: "value", value: "SECONDS", group: END, help: "leave after that time" },
  {
    name: "user",
    kind: "value",
    value: "NAME",
    group: END,
    help:
      "who to become once the device is open, when started as root: the user of sudo, else nobody (default); root keeps " +
      "all rights",
  },
] as const satisfies readonly OptionSpec[];

/** The syntax of `serve`. */
export const SERVE_SYNTAX: Syntax<typeof SERVE_OPTIONS> = {
  command: "serve",
  synopsis: "--iface NAME --ip ADDR[/LEN] [--port N | --serve P=APP,...] [OPTIONS]",
  description:
    `Answers TCP on a device with tcplab's own stack, for an address that the kernel does not own, and shows
every segment and every state change. Ctrl-C ends it: connections are closed, a summary is shown.`,
  options: SERVE_OPTIONS,
  examples: [
    ["sudo tcplab serve --iface eth0 --ip 192.168.56.101", "the echo server of the lab, on port 3333"],
    [
      "sudo tcplab serve -i eth0 --ip 192.168.56.101 --serve 5000=echo,5001=discard -w lab.pcapng",
      "two ports, and a recording for Wireshark",
    ],
    [
      "sudo tcplab serve -i eth0 --ip 192.168.56.101 --mac auto --ip 192.168.56.102,fd00::2 --mac auto",
      "two hosts, each with a hardware address of its own",
    ],
    [
      "sudo tcplab serve -i eth0 --ip 192.168.56.101 --fault in:drop=1%,out:reorder=2%,delay=20ms,seed=7",
      "the same bad path every time",
    ],
    ["sudo tcplab serve -i eth0 --ip 192.168.56.101 --ui", "the same, to look at in a browser"],
    [
      "sudo tcplab serve -i eth0 --ip 192.168.56.101 --log tui",
      "connections and their ladders in the terminal",
    ],
    [
      "sudo tcplab serve -i eth0 --ip 192.168.56.101 -q --only 'peer 192.168.56.1 and not port 22'",
      "the states of one peer's connections, nothing else",
    ],
  ],
};
