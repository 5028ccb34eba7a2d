/**
 * Snapshots of servers: through JSON and back, and as the table of netstat.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { connectionDetails, netstatToText, socketTable } from "../../src/observe/netstat.ts";
import {
  connectionSnapshot,
  isServerSnapshot,
  type ServerSnapshot,
} from "../../src/observe/server_snapshot.ts";
import { parseSocketFilter } from "../../src/observe/socket_filter.ts";
import type { ConnectionInfo } from "../../src/tcp/info.ts";

const INFO: ConnectionInfo = {
  id: 1,
  name: "192.168.56.101:3333-192.168.56.1:51234",
  state: "ESTABLISHED",
  role: "server",
  openedUs: 5,
  states: ["LISTEN", "SYN_RCVD", "ESTABLISHED"],
  sndUna: 1,
  sndNxt: 1,
  sndWnd: 64256,
  sndWl1: 1,
  sndWl2: 1,
  iss: 1,
  rcvNxt: 1,
  rcvWnd: 65535,
  irs: 1,
  sendMss: 1448,
  receiveMss: 1460,
  pathMss: 0,
  sendWindowShift: 7,
  receiveWindowShift: 8,
  sackPermitted: true,
  timestamps: true,
  ecn: false,
  synTextBytes: 0,
  srttUs: 412,
  rttvarUs: 103,
  rtoUs: 204000,
  minRttUs: Infinity,
  backoff: 0,
  duplicatesReported: 0,
  sinceSendUs: 10,
  sinceReceiveUs: 10,
  sackedBytes: 0,
  lostBytes: 0,
  resentBytes: 0,
  retransmits: 0,
  congestionControl: "cubic",
  cwnd: 14480,
  ssthresh: Infinity,
  inFlight: 0,
  recovery: "open",
  receiveQueue: 0,
  sendQueue: 12,
  unsent: 0,
  outOfOrderBytes: 0,
  bytesIn: 10,
  bytesOut: 10,
  segmentsIn: 4,
  segmentsOut: 3,
  timers: { "delayed-ack": 39000 },
};

const SERVER: ServerSnapshot = {
  pid: 4711,
  device: "veth0",
  ip: ["192.168.56.101"],
  mac: "02:00:00:00:00:01",
  startedAt: 1000,
  listeners: [{ port: 3333, app: "echo", state: "LISTEN" }, { port: 13, app: "daytime", state: "LISTEN" }],
  connections: [connectionSnapshot(INFO, "echo")],
  counters: { "frames-in": 9 },
  figures: { connections: 1 },
};

Deno.test("netstat: listeners, then connections", () => {
  assertEquals(
    "\n" + netstatToText([SERVER], { now: 1012.3456 }),
    `
tcplab 4711 on veth0  192.168.56.101  mac 02:00:00:00:00:01  up 12.346 s  1 connection
Proto  Recv-Q  Send-Q  Local Address        Foreign Address     State        App
tcp         0       0  192.168.56.101:3333  *:*                 LISTEN       echo
tcp         0       0  192.168.56.101:13    *:*                 LISTEN       daytime
tcp         0      12  192.168.56.101:3333  192.168.56.1:51234  ESTABLISHED  echo`,
  );
});

Deno.test("netstat: the heading says how much memory is held of what may be, and counts what is not shown", () => {
  const heading = (figures: Record<string, number>) =>
    netstatToText([{ ...SERVER, figures }]).split("\n")[0].split("  ").slice(3).join("  ");
  const memoryLimit = 1024 * 0x10_0000;
  assertEquals(heading({}), "1 connection");
  assertEquals(heading({ memoryUsed: 5 }), "1 connection");
  assertEquals(
    heading({ connections: 5000, memoryUsed: 0, memoryLimit }),
    "5000 connections  memory 0 KiB of 1024 MiB",
  );
  assertEquals(heading({ memoryUsed: 5000, memoryLimit }), "1 connection  memory 5 KiB of 1024 MiB");
  assertEquals(heading({ memoryUsed: 12_600_000, memoryLimit }), "1 connection  memory 12 MiB of 1024 MiB");
});

Deno.test("netstat: details below each connection, within the page", () => {
  const text = netstatToText([SERVER], { details: true, width: 100 });
  assertEquals(
    text.split("\n").slice(4).join("\n"),
    `tcp         0      12  192.168.56.101:3333  192.168.56.1:51234  ESTABLISHED  echo
       server  cubic  wscale 7,8  mss 1448/1460  sack ts  rto 204.0 ms  srtt 412 us var 103 us
       cwnd 14480 B  ssthresh -  flight 0 B  retrans 0  snd.wnd 64256 B  rcv.wnd 65535 B
       in 10 B in 4 segments  out 10 B in 3 segments  timer delayed-ack 39.0 ms`,
  );
  assert(text.split("\n").every((line) => line.length <= 100));
});

Deno.test("netstat: what is unusual is told, what is usual is not", () => {
  const told = connectionDetails({
    ...connectionSnapshot(INFO, "echo"),
    backoff: 3,
    recovery: "loss",
    ssthresh: 2896,
    minRttUs: 300,
    unsent: 5,
    outOfOrderBytes: 6,
    ecn: true,
  }).join("; ");
  for (
    const words of [
      "backed off 3x",
      "loss",
      "ssthresh 2896 B",
      "min 300 us",
      "unsent 5 B",
      "out of order 6 B",
      "sack ts ecn",
    ]
  ) {
    assertStringIncludes(told, words);
  }
});

Deno.test("netstat: several servers, several addresses of both versions", () => {
  const text = netstatToText([{ ...SERVER, ip: ["10.0.0.1", "fe80::1"], connections: [] }, SERVER]);
  assertStringIncludes(text, "tcp6        0       0  [fe80::1]:3333  *:*              LISTEN  echo\n");
  assertEquals(text.match(/^tcplab /gm)?.length, 2);
  assertEquals(netstatToText([]), "");
});

Deno.test("netstat: sockets of unknown owner have no App column", () => {
  const row = {
    proto: "tcp",
    receiveQueue: 0,
    sendQueue: 0,
    local: "10.0.0.1:22",
    peer: "*:*",
    state: "LISTEN",
    app: "",
  };
  assertEquals(
    socketTable([row]),
    "Proto  Recv-Q  Send-Q  Local Address  Foreign Address  State\n" +
      "tcp         0       0  10.0.0.1:22    *:*              LISTEN",
  );
});

Deno.test("snapshot: survives JSON; figures not set yet are null", () => {
  const read: unknown = JSON.parse(JSON.stringify(SERVER));
  assert(isServerSnapshot(read));
  assertEquals(read, SERVER);
  assertEquals([read.connections[0].ssthresh, read.connections[0].minRttUs], [null, null]);
});

Deno.test("snapshot: what is something else is refused, whatever it is", () => {
  const { counters: _, ...partial } = SERVER;
  const [connection] = SERVER.connections;
  const others: unknown[] = [
    null,
    1,
    "x",
    [],
    {},
    partial,
    { ...SERVER, pid: "1" },
    { ...SERVER, connections: [{ ...connection, state: "OPEN" }] },
    { ...SERVER, connections: [{ ...connection, cwnd: null }] },
    { ...SERVER, listeners: [{ port: 1 }] },
  ];
  for (const value of others) assert(!isServerSnapshot(value), JSON.stringify(value));
  fc.assert(fc.property(fc.anything(), (value) => assert(!isServerSnapshot(value))));
});

Deno.test("netstat: names from outside cannot command the terminal", () => {
  // deno-lint-ignore no-control-regex
  assert(!/\x1b/.test(netstatToText([{ ...SERVER, device: "a\x1b[2Jb", listeners: [] }])));
});

Deno.test("netstat: with a filter only what passes, counted, and no server of which nothing is left", () => {
  const filtered = (text: string) =>
    netstatToText([SERVER, { ...SERVER, ip: ["10.0.0.9"], connections: [] }], {
      filter: parseSocketFilter([text]),
    }).split("\n");
  assertEquals(filtered("state established").length, 3);
  assertEquals(filtered("state established")[0].split("  ").at(-1), "1 of 1 connection");
  assertEquals(filtered("state time-wait"), [""]);
  const [heading, , row, ...rest] = filtered("sport = :13 and src 192.168.56.101");
  assert(heading.endsWith("0 of 1 connection"), heading);
  assert(/192\.168\.56\.101:13 .*LISTEN/.test(row), row);
  assertEquals(rest, []);
});

Deno.test("netstat: one is one", () => {
  const one = connectionSnapshot({ ...INFO, segmentsIn: 1, segmentsOut: 1 }, "echo");
  assertEquals(connectionDetails(one).filter((text) => /segment/.test(text)), [
    "in 10 B in 1 segment",
    "out 10 B in 1 segment",
  ]);
});

Deno.test("two addresses of IPv6 in full have room on 80 columns, in two lines; where a line is a socket, in one", () => {
  const long = "[fd00:1234:5678:9abc:def0:1234:5678:9abc]:65535";
  const rows = [
    {
      proto: "tcp6",
      receiveQueue: 0,
      sendQueue: 123456,
      local: long,
      peer: long,
      state: "ESTABLISHED",
      app: "discard",
    },
    {
      proto: "tcp",
      receiveQueue: 0,
      sendQueue: 0,
      local: "10.0.0.1:80",
      peer: "*:*",
      state: "LISTEN",
      app: "echo",
    },
  ];
  const narrow = socketTable(rows, { rowWidth: 80, detailsOf: (row) => row === 0 ? ["mss 1440"] : [] }).split(
    "\n",
  );
  assertEquals(narrow, [
    "Proto  Recv-Q  Send-Q  Local Address",
    "       Foreign Address                                  State        App",
    `tcp6        0  123456  ${long}`,
    `       ${long}  ESTABLISHED  discard`,
    "       mss 1440",
    "tcp         0       0  10.0.0.1:80",
    "       *:*                                              LISTEN       echo",
  ]);
  assert(narrow.every((line) => line.length <= 80));
  assertEquals(socketTable(rows).split("\n").length, 3);
  const short = rows.map((row) => ({ ...row, local: "[fe80::fc:ff:fe00:1]:3333", peer: "[fe80::1]:50000" }));
  assertEquals(socketTable(short, { rowWidth: 120 }).split("\n").length, 3);
});
