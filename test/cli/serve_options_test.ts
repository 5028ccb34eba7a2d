/** The arguments of `serve`: what they mean, and the line for each bad value. */
import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../src/cli/command.ts";
import { parseServeOptions } from "../../src/cli/serve_options.ts";

Deno.test("the defaults are the contract's", () => {
  const config = parseServeOptions([]);
  assertEquals(config.device, null);
  assertEquals(config.addresses, []);
  assertEquals(config.hosts, [{ addresses: config.addresses, mac: { kind: "auto" } }]);
  assertEquals(config.services, [{ port: 3333, app: "echo" }]);
  assertEquals([config.rstGuard, config.capture, config.checksum, config.log], [
    "off",
    "immediate",
    "partial",
    "text",
  ]);
  assertEquals([config.ringMib, config.readTimeoutMs, config.once, config.durationMs], [64, 1, false, null]);
  assertEquals(config.tcp, {});
});

Deno.test("addresses, ports and services are lists", () => {
  const config = parseServeOptions([
    "--ip",
    "10.0.0.1/24,10.0.0.2",
    "--ip=10.0.0.3",
    "--serve",
    "5000=echo,5001=hold",
  ]);
  assertEquals(config.addresses.map((address) => [address.text, address.prefixLength]), [
    ["10.0.0.1", 24],
    ["10.0.0.2", null],
    ["10.0.0.3", null],
  ]);
  assertEquals(config.services, [{ port: 5000, app: "echo" }, { port: 5001, app: "hold" }]);
  assertEquals(parseServeOptions(["-p", "80,443", "--app", "close"]).services, [
    { port: 80, app: "close" },
    { port: 443, app: "close" },
  ]);
});

Deno.test("figures of TCP reach the configuration in its units, and only where they differ", () => {
  const config = parseServeOptions(
    "--msl 0.5 --time-wait 2s --rto-min 300ms --recv-buffer 64K --send-buffer 2M --mss 1000 --no-sack --no-timestamps"
      .split(" "),
  );
  assertEquals(config.tcp, {
    mslUs: 500_000,
    timeWaitUs: 2_000_000,
    rtoMinUs: 300_000,
    receiveBufferBytes: 0x10000,
    sendBufferBytes: 0x200000,
    mss: 1000,
    sack: false,
    timestamps: false,
  });
  assertEquals(parseServeOptions(["--msl", "30"]).tcp, {});
});

Deno.test("a duration may have a unit", () => {
  for (const [text, ms] of [["2", 2000], ["0.5", 500], ["250ms", 250], ["1m", 60_000]] as const) {
    assertEquals(parseServeOptions(["--duration", text]).durationMs, ms);
  }
});

Deno.test("log and recording may have limits, a recording files to go on in", () => {
  const limits = (text: string) => {
    const { logLimitBytes, writeLimit } = parseServeOptions(text.split(" "));
    return [logLimitBytes, writeLimit];
  };
  assertEquals(limits("--write x"), [null, null]);
  assertEquals(limits("--log-limit 100MB"), [100 * 0x100000, null]);
  assertEquals(limits("--log-limit 4096 --write x --write-limit 1GiB"), [4096, {
    bytes: 0x40000000,
    files: 1,
  }]);
  assertEquals(limits("-w x --write-limit 5Mx3"), [null, { bytes: 5 * 0x100000, files: 3 }]);
  assertEquals(limits("-w x --write-limit 1048576X100"), [null, { bytes: 0x100000, files: 100 }]);
});

Deno.test("each bad value is one line with the option, the value and what was expected", () => {
  const cases: [string, string][] = [
    ["--port 0", "--port 0: expected a port from 1 to 65535"],
    ["--log-limit 4095", "--log-limit 4095: expected bytes"],
    ["--log-limit much", "--log-limit much: expected bytes"],
    ["--log-limit 1M --log none", "--log-limit needs a log"],
    ["--write-limit 1M", "--write-limit needs --write FILE"],
    ["-w - --write-limit 1Mx2", "--write - has no files to rotate: leave xN of --write-limit out"],
    ["-w x --write-limit 1000K", "--write-limit 1000K: expected bytes"],
    ["-w x --write-limit x3", "--write-limit : expected bytes"],
    [
      "-w x --write-limit 1Mx1",
      "--write-limit 1Mx1: expected SIZE, or SIZExN with N files in all, from 2 to 100",
    ],
    ["-w x --write-limit 1Mx101", "--write-limit 1Mx101: expected SIZE, or SIZExN"],
    ["--port 65536", "--port 65536: expected a port"],
    ["--port http", "--port http: expected a port"],
    ["--port 80,80", "--port 80: expected each port once"],
    ["--port 80,", "--port : expected a port"],
    [
      "--app ecko",
      "--app ecko: expected one of echo, discard, chargen, daytime, hold, close, http (did you mean echo?)",
    ],
    ["--www .", "--www needs a port with http"],
    ["--serve 1=echo,2=discard --www .", "--www needs a port with http"],
    ["--serve 5000", "--serve 5000: expected PORT=APPLICATION"],
    ["--serve 5000=x", "--serve x: expected one of"],
    ["--serve 1=echo --port 2", "--serve and --port exclude each other"],
    ["--serve 1=echo --app echo", "--serve and --app exclude each other"],
    ["--ip 10.0.0.256", "--ip 10.0.0.256: expected an address, as in 192.168.56.101"],
    ["--gateway router", "--gateway router: expected the router's address"],
    ["--no-ra=1", '--no-ra takes no value: leave the "=" out'],
    ["--mac 01:00:5e:00:00:01", "an address of one host"],
    ["--mac ff:ff:ff:ff:ff:ff", "an address of one host"],
    ["--mac 00:00:00:00:00:00", "other than zero"],
    ["--mac 12:34", "--mac 12:34: expected auto, device, or six pairs"],
    ["--ring 0", "--ring 0: expected MiB from 1 to 1024"],
    ["--capture fast", "--capture fast: expected one of immediate, live"],
    ["--read-timeout 5", "--read-timeout goes with --capture live"],
    ["--capture live --read-timeout 0", "--read-timeout 0: expected"],
    ["--checksum none", "--checksum none: expected one of partial, strict, ignore"],
    ["--tx fast", "--tx fast: expected one of auto, inject, batch, gso"],
    ["--log xml", "--log xml: expected one of text, json, tui, none"],
    ["--log none --payload", "--payload needs a log"],
    ["--rst-guard iptables", "--rst-guard iptables: expected one of off, nft"],
    ["--duration soon", "--duration soon: expected seconds"],
    ["--duration 0", "--duration 0: expected seconds"],
    ["--msl 2h", "--msl 2h: expected seconds (or a number with us, ms, s, m or h) from 1ms to 1h"],
    ["--mss 10", "--mss 10: expected bytes from 88 to 65495"],
    ["--recv-buffer 1", "--recv-buffer 1: expected bytes (or a number with K, M or G) from 2048"],
    ["--backlog 0", "--backlog 0: expected"],
    [
      "--ui 10.0.0.1:8033",
      "--ui 10.0.0.1:8033: the page is for this machine only, at 127.0.0.1, localhost or [::1]",
    ],
    ["--ui 127.0.0.1:65536", "--ui 127.0.0.1:65536: expected HOST:PORT, as in 127.0.0.1:8033"],
    ["--ui page", "--ui page: expected HOST:PORT"],
  ];
  for (const [args, message] of cases) {
    assertThrows(() => parseServeOptions(args.split(" ")), UsageError, message, args);
  }
});

Deno.test("faults are read, and refused in one line with the option's name", () => {
  assertEquals(parseServeOptions([]).faults, null);
  const faults = parseServeOptions(["--fault", "in:drop=1%,delay=10ms,seed=7"]).faults;
  assertEquals([faults?.seed, faults?.in.drop, faults?.out.drop, faults?.out.delayUs], [7, 0.01, 0, 10_000]);
  assertThrows(
    () => parseServeOptions(["--fault", "drop=1"]),
    UsageError,
    "--fault drop=1: expected a percentage from 0% to 100%, as in 0.5%",
  );
});

Deno.test("the live page has its usual address where it stands alone, and loopback addresses only", () => {
  const pageOf = (words: string) => parseServeOptions(words.split(" ").filter((word) => word !== "")).ui;
  const usual = { hostname: "127.0.0.1", port: 8033 };
  assertEquals(pageOf(""), null);
  for (
    const words of ["--ui", "--ui -q", "--ui --port 80", "--port 80 --ui", "--ui=127.0.0.1:8033", "--ui 8033"]
  ) {
    assertEquals(pageOf(words), usual, words);
  }
  assertEquals(pageOf("--ui localhost:9"), { hostname: "127.0.0.1", port: 9 });
  assertEquals(pageOf("--ui [::1]:0 -q"), { hostname: "::1", port: 0 });
});

Deno.test("serve options: a dash alone is stdout for the recording, however it is given", () => {
  for (const args of [["--write", "-"], ["--write=-"], ["-w", "-"], ["-w-"]]) {
    const { write, snapBytes } = parseServeOptions(["--ip", "10.0.0.1", ...args, "--snaplen", "96"]);
    assertEquals([write, snapBytes], ["-", 96]);
  }
  assertThrows(
    () => parseServeOptions(["--ip", "10.0.0.1", "--snaplen", "96"]),
    UsageError,
    "--snaplen needs --write",
  );
  assertThrows(
    () => parseServeOptions(["--ip", "10.0.0.1", "-w-", "--snaplen", "13"]),
    UsageError,
    "--snaplen 13",
  );
});

Deno.test("serve options: http by itself shows its connection, with --www a directory, on one port of several too", () => {
  const bare = parseServeOptions(["--app", "http"]);
  assertEquals([bare.services, bare.www], [[{ port: 3333, app: "http" }], null]);
  const both = parseServeOptions(["--serve", "80=http,7=echo", "--www", "site"]);
  assertEquals([both.services.map(({ app }) => app), both.www], [["http", "echo"], "site"]);
});
