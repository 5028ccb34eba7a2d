/**
 * Every reader of text as a target: fault specifications, option values, addresses, what a control socket answers, what
 * the kernel says of its sockets, scripts and the code in them.
 *
 * Owns: the list of readers and their invariants: what is wrong with a text is an error in one line for a person, and what
 * is taken is within its bounds and can be shown. Must not know: how a text is changed (input_mutations.ts).
 */
import { assert, assertEquals } from "@std/assert";
import { UsageError } from "../../src/cli/command.ts";
import { parseConnectOptions } from "../../src/cli/connect_options.ts";
import { parseKernelSockets } from "../../src/cli/kernel_sockets.ts";
import { netstatText } from "../../src/cli/netstat.ts";
import { parseDurationUs, parseSizeBytes } from "../../src/cli/option_values.ts";
import { parseServeOptions } from "../../src/cli/serve_options.ts";
import { describeFaults, FAULT_SPEC_EXAMPLE, parseFaultSpec } from "../../src/link/fault_spec.ts";
import {
  connectionSnapshot,
  isServerSnapshot,
  type ServerSnapshot,
} from "../../src/observe/server_snapshot.ts";
import { evaluateCode } from "../../src/script/code.ts";
import { parseScript } from "../../src/script/parse_script.ts";
import { printScript } from "../../src/script/print_script.ts";
import { ScriptError } from "../../src/script/script_error.ts";
import { formatIpAddress, formatMac, parseIpAddress, parseMac, parsePrefix } from "../../src/wire/address.ts";
import { SCRIPT_SAMPLES, STEP_SAMPLES } from "../script/script_samples.ts";
import { ALL_OPTIONS, reachEstablished } from "../tcp/states.ts";

/** A reader of text. */
export interface TextTarget {
  readonly name: string;
  /** Texts that are right. */
  readonly seeds: readonly string[];
  /** Reads, and checks what came of it; throws when something is wrong. True where the text was taken. */
  readonly read: (text: string) => boolean;
}

/** The words of a command line stand on lines of their own in an input. */
const BETWEEN_WORDS = "\n";

const SERVE_LINES = [
  "--iface eth0 --ip 192.168.56.101/24 --port 3333,4444 --app echo --log json",
  "--serve 5000=echo,5001=discard,5002=chargen --mac 02:00:00:00:00:01 --duration 2m --once",
  "--fault drop=1%,delay=10ms,in:reorder=2% --recv-buffer 64K --send-buffer 4M --mss 1200 --time-wait 2s --backlog 16",
  "--ip 192.0.2.7,fd00::7/64,fe80::7%eth0 --gateway 192.0.2.1,fe80::1%eth0 --no-ra",
  "--rst-guard nft --capture live --read-timeout 5 --checksum strict --tx gso --max-connections 100 --no-sack",
];
const CONNECT_LINES = [
  "-6 -v fe80::1%eth0 80 --ip fd00::7/64,fe80::7%eth0 --gateway 10.0.0.1,fe80::2 --no-ra --timeout 2",
  "server.lab 5000 -4 --ip 192.0.2.7,fd00::7 --syn-timeout 3",
  "192.168.56.101 3333 --iface eth0 --ip 192.168.56.102",
  "10.0.0.1 80 --iface eth0 --log json",
];
const asInput = (line: string) => line.split(" ").join(BETWEEN_WORDS);

/** Gives false where `read` refuses the text as it should: one line for a person. Any other error goes on. */
function isTaken(read: () => void, refusal: new (message: string) => Error): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (!(error instanceof refusal) || (refusal === Error && error.constructor !== Error)) throw error;
    assert(error.message.length > 0, "an error without words");
    return false;
  }
}

function snapshotText(): string {
  const { app } = reachEstablished({ options: ALL_OPTIONS });
  const server: ServerSnapshot = {
    pid: 17,
    device: "eth0",
    ip: ["10.0.0.1"],
    mac: "02:00:00:00:00:01",
    startedAt: 1_700_000_000,
    figures: { connections: 1 },
    listeners: [{ port: 7777, app: "echo", state: "LISTEN" }],
    connections: [connectionSnapshot(app.connection.info(), "echo")],
    counters: { "frames-in": 3 },
  };
  assert(isServerSnapshot(JSON.parse(JSON.stringify(server))));
  return JSON.stringify(server);
}

/** Nothing that a terminal would obey, and no end of a line where none is meant. */
function assertShowable(text: string): void {
  // deno-lint-ignore no-control-regex
  const found = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/.exec(text);
  assert(found === null, `character ${found?.[0].charCodeAt(0)} reaches the terminal`);
}

const KERNEL_SOCKETS = `
   1: 0221210A:A3F2 0321210A:0D05 06 00000000:00000000 00:00000000 00000000     0        0 1 1 0
   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:0 0 0 0 1
`;

const CODE = [
  "assert 1 <= tcpi_rtt <= 20, 'rtt=%5d' % tcpi_rtt; print(tcpi_rtt, [1, 'a'])",
  "x = 3\nfor y in range(4):\n  x += min(y, 2) ** 2 | 1\nif x > 5: assert not x in (1, 2)\nelse: pass",
];

/** All readers of text. */
export const TEXT_TARGETS: readonly TextTarget[] = [
  {
    name: "fault spec",
    seeds: [FAULT_SPEC_EXAMPLE, "in:drop=100%,out:mark=.5%,arp=on", "rate=1kbit,delay=60s,seed=4294967295"],
    read: (text) =>
      isTaken(() => {
        const { seed, in: inward, out } = parseFaultSpec(text);
        assert(Number.isInteger(seed) && seed >= 0 && seed <= 0xffff_ffff, `seed ${seed}`);
        for (
          const { drop, duplicate, reorder, corrupt, mark, delayUs, jitterUs, rateBitsPerSecond } of [
            inward,
            out,
          ]
        ) {
          for (const rate of [drop, duplicate, reorder, corrupt, mark]) {
            assert(rate >= 0 && rate <= 1, `rate ${rate}`);
          }
          for (const us of [delayUs, jitterUs]) {
            assert(us >= 0 && us <= 60_000_000, `${us} us`);
          }
          assert(rateBitsPerSecond >= 1000, `${rateBitsPerSecond} bit/s`);
        }
        assertShowable(describeFaults({ seed, in: inward, out }));
      }, Error),
  },
  {
    name: "serve options",
    seeds: SERVE_LINES.map(asInput),
    read: (text) =>
      isTaken(() => {
        const config = parseServeOptions(text.split(BETWEEN_WORDS));
        for (const { port } of config.services) assert(port >= 1 && port <= 0xffff);
        for (const { address } of config.addresses) assert(address.length === 4 || address.length === 16);
        for (const [name, value] of Object.entries(config.tcp)) assert(!Number.isNaN(value), name);
        assert(config.ringMib >= 1 && config.ringMib <= 1024);
      }, UsageError),
  },
  {
    name: "connect options",
    seeds: CONNECT_LINES.map(asInput),
    read: (text) =>
      isTaken(() => {
        const { port } = parseConnectOptions(text.split(BETWEEN_WORDS));
        assert(port >= 1 && port <= 0xffff);
      }, UsageError),
  },
  {
    name: "durations and sizes",
    seeds: ["2", "0.5", "200ms", "2s", "1m", "64K", "4MiB", "1g"],
    read: (text) => {
      const given = { option: "time", text };
      const isDuration = isTaken(() => {
        const us = parseDurationUs(given, { leastUs: 1, mostUs: 1e12, bareUnit: "s" });
        assert(Number.isInteger(us) && us >= 1 && us <= 1e12, `${us} us`);
      }, UsageError);
      const isSize = isTaken(() => {
        const bytes = parseSizeBytes(given, { least: 1, most: 2 ** 40 });
        assert(Number.isInteger(bytes) && bytes >= 1 && bytes <= 2 ** 40, `${bytes} bytes`);
      }, UsageError);
      return isDuration || isSize;
    },
  },
  {
    name: "addresses",
    seeds: [
      "192.168.56.101",
      "10.0.0.0/8",
      "fd00::1",
      "::ffff:10.0.0.1",
      "fe80::1/64",
      "02:00:5e:00:00:01",
      "ff-ff-ff-ff-ff-ff",
    ],
    read: (text) => {
      const address = parseIpAddress(text);
      if (address !== null) assertEquals(parseIpAddress(formatIpAddress(address)), address);
      const prefix = parsePrefix(text);
      if (prefix !== null && prefix.prefixLength !== null) {
        assert(prefix.prefixLength >= 0 && prefix.prefixLength <= 8 * prefix.address.length);
      }
      const mac = parseMac(text);
      if (mac !== null) assertEquals(parseMac(formatMac(mac)), mac);
      return address !== null || prefix !== null || mac !== null;
    },
  },
  {
    name: "control answer",
    seeds: [snapshotText()],
    read: (text) => {
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch (error) {
        if (error instanceof SyntaxError) return false;
        throw error;
      }
      if (!isServerSnapshot(value)) return false;
      for (const details of [false, true]) {
        assertShowable(netstatText([value], { details, color: false, now: 1_700_000_060, kernel: null }));
      }
      return true;
    },
  },
  {
    name: "kernel sockets",
    seeds: [KERNEL_SOCKETS],
    read: (text) => {
      const sockets = parseKernelSockets(text, true);
      for (const { localPort, peerPort, localAddress } of sockets) {
        assert(
          localPort <= 0xffff && peerPort <= 0xffff &&
            (localAddress.length === 4 || localAddress.length === 16),
        );
      }
      return sockets.length > 0;
    },
  },
  {
    name: "script",
    seeds: [...SCRIPT_SAMPLES, ...STEP_SAMPLES.map(({ written }) => written)],
    read: (text) => {
      try {
        const script = parseScript(text, "input");
        assertEquals(printScript(script), text);
        const canonical = printScript(script, { layout: "canonical" });
        assertEquals(printScript(parseScript(canonical, "again"), { layout: "canonical" }), canonical);
        return true;
      } catch (error) {
        if (!(error instanceof ScriptError)) throw error;
        assertShowable(error.message);
        return false;
      }
    },
  },
  {
    name: "script code",
    seeds: CODE,
    read: (text) => evaluateCode(text, new Map([["tcpi_rtt", 12]])).kind !== "unsupported",
  },
];
