/**
 * The screen of a server: 80 x 24 exactly, and in every window as many lines as it has rows, none wider.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { stripAnsiCode } from "@std/fmt/colors";
import {
  connectionList,
  type ListedConnection,
  SORT_KEYS,
  sortedConnections,
} from "../../src/observe/connection_list.ts";
import { type ServerScreen, serverScreen } from "../../src/observe/server_screen.ts";
import { cutPainted, paletteFor } from "../../src/observe/text_layout.ts";
import { findingsOf } from "../../src/story/findings.ts";
import { ladderOf } from "../../src/story/ladder.ts";
import { HANDSHAKE, tell } from "../story/written_story.ts";

function row(id: number, change: Partial<ListedConnection> = {}): ListedConnection {
  return {
    id,
    local: "10.0.0.1:80",
    peer: `10.0.0.${id}:40000`,
    state: "ESTABLISHED",
    app: "echo",
    receiveQueue: 0,
    sendQueue: 0,
    bytesIn: 100,
    bytesOut: 200,
    retransmits: 0,
    srttUs: 412,
    ...change,
  };
}

const { connection } = tell(`${HANDSHAKE}
  C A 1 1 len=100
  C A 1 1 len=100 at=1.5
  S A 1 101
  C FA 101 1
  S FA 1 102
  C A 102 2`);

const SCREEN: ServerScreen = {
  title: "tcplab 4711 on veth-server  10.0.0.1",
  page: null,
  total: 3,
  connections: [row(3), row(2, { state: "CLOSED" }), row(1, { retransmits: 2 })],
  order: { key: "id", isReversed: true },
  selected: {
    row: row(3),
    ladder: ladderOf(connection),
    scrolledBack: 0,
    details: ["server", "cubic", "wscale 10,5"],
    findings: findingsOf(connection),
  },
  paused: { waiting: 2 },
  notice: null,
  keys: ["q quit", "j/k choose", "s sort"],
};

const SIZE = { columns: 80, rows: 24, color: false, isUtf8: true };

Deno.test("server screen: 80 x 24", () => {
  assertEquals(serverScreen(SCREEN, SIZE), [
    "tcplab 4711 on veth-server  10.0.0.1  3 connections  PAUSED, 2 frames wait",
    "  #▼  Recv-Q  Send-Q  Local Address  Foreign Address  State        App   Retrans",
    ">  3       0       0  10.0.0.1:80    10.0.0.3:40000   ESTABLISHED  echo        0",
    "   2       0       0  10.0.0.1:80    10.0.0.2:40000   CLOSED       echo        0",
    "   1       0       0  10.0.0.1:80    10.0.0.1:40000   ESTABLISHED  echo        2",
    "── #3 10.0.0.1:80 10.0.0.3:40000 ESTABLISHED ───────────────────────────────────",
    "server  cubic  wscale 10,5",
    "          client 10.0.0.2:40000                               server 10.0.0.1:80",
    "                       ┆              3 lines before              ┆",
    "          ESTABLISHED  │                                          │ ESTABLISHED",
    "0.030 #4               │── ACK  seq 1  ack 1  len 100 ─?          │",
    "                       │   ! probably never arrived (#5)          │",
    "                       ┆                  1.4 s                   ┆",
    "1.490 #5               │── ACK  seq 1  ack 1  len 100 ───────────►│",
    "                       │   ! sent again: timeout (#4)             │",
    "1.500 #6               │◄─ ACK  seq 1  ack 101  win 1000 ─────────│",
    "1.510 #7  FIN_WAIT_1   │── FIN,ACK  seq 101  ack 1  win 1000 ────►│ CLOSE_WAIT?",
    "1.520 #8  FIN_WAIT_2   │◄─ FIN,ACK  seq 1  ack 102  win 1000 ─────│ LAST_ACK?",
    "          TIME_WAIT    │                                          │",
    "1.530 #9               │── ACK  seq 102  ack 2  win 1000 ────────►│ CLOSED?",
    "? One segment was sent again because a timer expired.",
    "! The client (10.0.0.2:40000) closed first, so it waits in TIME_WAIT: 60 s on",
    "  Linux, 2 MSL by the RFC (4 min). CLOSED follows by time, no segment shows it.",
    "q quit  j/k choose  s sort",
  ]);
});

Deno.test("server screen: the live page's address stands below the title, whole where that can be", () => {
  const page = `http://127.0.0.1:8033/?token=${"0123456789abcdef".repeat(2)}`;
  const lines = serverScreen({ ...SCREEN, page }, SIZE);
  assertEquals([lines.length, lines[1], lines[0]], [24, `Live page: ${page}`, serverScreen(SCREEN, SIZE)[0]]);
  assertEquals(lines[2], serverScreen(SCREEN, SIZE)[1]);
  assertEquals(serverScreen({ ...SCREEN, page }, { ...SIZE, columns: 61 })[1], page);
  for (let columns = 40; columns < 100; columns++) {
    const narrow = serverScreen({ ...SCREEN, page }, { ...SIZE, columns, rows: 10 });
    assertEquals(narrow.length, 10);
    for (const line of narrow) assert(line.length <= columns, `${columns}: ${line}`);
  }
});

Deno.test("server screen: every window has as many lines as rows, none wider, the keys or the notice last", () => {
  let screens = 0;
  for (let columns = 40; columns <= 200; columns += 7) {
    for (let rows = 10; rows <= 60; rows += 3) {
      for (const notice of [null, "Something happened".repeat(20)]) {
        const lines = serverScreen({ ...SCREEN, notice }, { ...SIZE, columns, rows });
        assertEquals(lines.length, rows);
        for (const line of lines) assert(line.length <= columns, `${columns} x ${rows}: ${line}`);
        assert(lines.at(-1)?.startsWith(notice === null ? "q quit" : "Something"));
        const coloured = serverScreen({ ...SCREEN, notice }, { ...SIZE, columns, rows, color: true });
        assertEquals(
          coloured.map(stripAnsiCode).map((line) => line.trimEnd()),
          lines.map((line) => line.trimEnd()),
        );
        screens++;
      }
    }
  }
  assert(screens > 700);
});

Deno.test("server screen: findings whole, and the last segments where not all have room", () => {
  const lines = serverScreen(SCREEN, SIZE);
  const first = lines.findIndex((line) => /^[!?] /.test(line));
  assert(first > 0);
  // Not cut: a finding's sentence ends.
  assertStringIncludes(lines[lines.length - 2], ".");
  const low = serverScreen(SCREEN, { ...SIZE, rows: 16 }).join("\n");
  assertStringIncludes(low, "#9");
  const scrolled = serverScreen(
    { ...SCREEN, selected: SCREEN.selected === null ? null : { ...SCREEN.selected, scrolledBack: 100 } },
    { ...SIZE, rows: 16 },
  ).join("\n");
  assertStringIncludes(scrolled, "#1 ");
  assert(!scrolled.includes("#9"));
});

Deno.test("connection list: sorted by each of its columns, numbers as numbers, addresses by their parts", () => {
  const rows = [
    row(1, { peer: "10.0.0.10:1", bytesIn: 9, srttUs: null, state: "CLOSED" }),
    row(2, { peer: "10.0.0.9:1", bytesIn: 100, srttUs: 5 }),
    row(3, { peer: "10.0.0.9:1", bytesIn: 20, srttUs: 4 }),
  ];
  const ids = (key: string, isReversed = false) =>
    sortedConnections(rows, { key, isReversed }).map(({ id }) => id);
  assertEquals(ids("id"), [1, 2, 3]);
  assertEquals(ids("id", true), [3, 2, 1]);
  assertEquals(ids("peer"), [2, 3, 1]);
  assertEquals(ids("peer", true), [1, 2, 3]);
  assertEquals(ids("in"), [1, 3, 2]);
  assertEquals(ids("srtt"), [1, 3, 2]);
  assertEquals(ids("state"), [1, 2, 3]);
  assertEquals(SORT_KEYS.length, 11);
  for (const key of SORT_KEYS) assertEquals(ids(key).toSorted(), [1, 2, 3]);
});

Deno.test("connection list: columns give way on a narrow page, peer and state never; nothing from outside acts", () => {
  const page = {
    palette: paletteFor(false),
    order: { key: "id", isReversed: false },
    selected: 1,
    isUtf8: false,
  };
  const titles = (width: number) => connectionList([row(1)], { ...page, width })[0].trim().split(/\s{2,}/);
  assertEquals(titles(120).length, 11);
  assertEquals(titles(80), [
    "#^",
    "Recv-Q",
    "Send-Q",
    "Local Address",
    "Foreign Address",
    "State",
    "App",
    "Retrans",
  ]);
  assertEquals(titles(60), ["#^", "Local Address", "Foreign Address", "State", "App"]);
  assertEquals(titles(40), ["#^", "Foreign Address", "State"]);
  const [, line] = connectionList([row(1, { app: "a\x1b[2J" })], { ...page, width: 120 });
  assertStringIncludes(line, "a?[2J");
});

Deno.test("a painted line is cut by what is seen of it", () => {
  assertEquals(cutPainted("\x1b[1mabc\x1b[22mdef", 6), "\x1b[1mabc\x1b[22mdef");
  assertEquals(cutPainted("\x1b[1mabc\x1b[22mdef", 4), "\x1b[1mabc\x1b[22md\x1b[0m");
  assertEquals(cutPainted("\x1b[31mabc", 2), "\x1b[31mab\x1b[0m");
  assertEquals(cutPainted("abc", 3), "abc");
});
