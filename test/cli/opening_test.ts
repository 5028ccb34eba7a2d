/** The tries of `connect`: in order, each for its time, and what is said of them; on a virtual clock. */
import { assertEquals, assertRejects } from "@std/assert";
import { CliError } from "../../src/cli/command.ts";
import { openFirst } from "../../src/cli/opening.ts";
import { VirtualClock } from "../../src/runtime/clock.ts";
import { hostUnreachableError } from "../../src/runtime/connection_error.ts";
import { formatIpAddress, parseIpAddress } from "../../src/wire/address.ts";

const REFUSED = new Deno.errors.ConnectionRefused("refused");
const SILENT = "silent";

/** Opens one of these addresses, each of which is open, refuses with an error, or says nothing. */
function open(peers: Record<string, "open" | typeof SILENT | Error>, timeoutMs: number | null = null) {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const told: string[] = [];
  const tried: [address: string, atMs: number][] = [];
  const opened = openFirst({
    host: Object.keys(peers).length > 1 ? "x.lab" : Object.keys(peers)[0],
    port: 80,
    addresses: Object.keys(peers).map((text) => parseIpAddress(text) ?? new Uint8Array(4)),
    device: "eth0",
    timeoutMs,
    clock,
    stop: stop.signal,
    connect: (address, signal) => {
      const text = formatIpAddress(address);
      const peer = peers[text];
      tried.push([text, clock.nowUs() / 1000]);
      if (peer === "open") return Promise.resolve(text);
      if (peer !== SILENT) return Promise.reject(peer);
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
    tell: (line) => told.push(line),
  });
  opened.catch(() => {});
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 500) {
      await settle();
      clock.advance(500_000);
    }
    await settle();
  };
  return { opened, told, tried, pass, stop, clock };
}

/** Lets all happen that waits for no time. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

Deno.test("the first address that opens is taken, and each try told as nc tells it", async () => {
  const { opened, told, tried } = open({ "fd00::1": REFUSED, "192.0.2.1": "open", "192.0.2.2": "open" });
  assertEquals(await opened, "192.0.2.1");
  assertEquals(tried, [["fd00::1", 0], ["192.0.2.1", 0]]);
  assertEquals(told, [
    "connect to fd00::1 port 80 (tcp) failed: Connection refused",
    "Connection to x.lab (192.0.2.1) 80 port [tcp] succeeded!",
  ]);
  const alone = open({ "fd00::1": "open" });
  await alone.opened;
  assertEquals(alone.told, ["Connection to fd00::1 80 port [tcp] succeeded!"]);
  // Nothing is left that would end the connection later.
  const timed = open({ "fd00::1": "open" }, 2000);
  await timed.opened;
  assertEquals(timed.clock.nextTimerUs, Infinity);
});

Deno.test("an address that others follow has five seconds, the last as long as its SYN", async () => {
  const { opened, told, tried, pass, stop } = open({ "fd00::1": SILENT, "192.0.2.1": SILENT });
  await pass(60_000);
  assertEquals(tried, [["fd00::1", 0], ["192.0.2.1", 5000]]);
  assertEquals(told, ["connect to fd00::1 port 80 (tcp) failed: Connection timed out"]);
  stop.abort();
  assertEquals((await assertRejects(() => opened, CliError)).message, "Stopped before x.lab:80 had answered");
});

Deno.test("--timeout is the time of each", async () => {
  const { opened, tried, pass } = open({ "fd00::1": SILENT, "192.0.2.1": SILENT }, 1500);
  await pass(4000);
  assertEquals(tried, [["fd00::1", 0], ["192.0.2.1", 1500]]);
  assertEquals(
    (await assertRejects(() => opened, CliError)).message,
    "No connection to x.lab:80: [fd00::1]:80 Connection timed out; 192.0.2.1:80 Connection timed out",
  );
});

Deno.test("refused, unreachable and timed out are one clear line each", async () => {
  const lines: readonly (readonly [peer: typeof SILENT | Error, line: string])[] = [
    [
      REFUSED,
      "[fd00::1]:80 refuses the connection (RST): nothing listens on that port, or a firewall says so (tcplab why arrives.syn-sent.rst)",
    ],
    [
      new Deno.errors.TimedOut("no answer"),
      "[fd00::1]:80 does not answer the SYN: is the port filtered there? (--syn-timeout sets how long to try; tcplab why SYN_SENT)",
    ],
    [
      hostUnreachableError("nobody answers neighbor discovery for fd00::1"),
      "Nobody on eth0 answers neighbor discovery for fd00::1 (three questions, a second apart): is that host up, and on this network?",
    ],
    [
      hostUnreachableError("ICMP code 1"),
      "No connection to [fd00::1]:80: No route to host (os error 113): ICMP code 1",
    ],
    [
      SILENT,
      "[fd00::1]:80 does not answer the SYN within 2 s (--timeout): is the port filtered there? (tcplab why SYN_SENT)",
    ],
  ];
  for (const [peer, line] of lines) {
    const { opened, pass } = open({ "fd00::1": peer }, 2000);
    await pass(2500);
    assertEquals((await assertRejects(() => opened, CliError)).message, line);
  }
});
