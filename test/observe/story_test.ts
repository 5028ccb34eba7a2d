/**
 * The lab's connection between two of our hosts, as every observer tells it: JSON, text, recording, table, netstat.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { ConnectionHandler } from "../../src/host/api.ts";
import { Host } from "../../src/host/host.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import { tapLink } from "../../src/link/tap.ts";
import { eventToJson } from "../../src/observe/event_json.ts";
import { textLog } from "../../src/observe/event_text.ts";
import { netstatToText } from "../../src/observe/netstat.ts";
import { PcapngRecorder } from "../../src/observe/pcapng_recorder.ts";
import {
  connectionSnapshot,
  isServerSnapshot,
  type ServerSnapshot,
} from "../../src/observe/server_snapshot.ts";
import { EventHub } from "../../src/runtime/event_hub.ts";
import { readPackets } from "./capture_reading.ts";

const EPOCH_US = 1_700_000_000_000_000;
const PORT = 3333;

/** Plays the story on a virtual clock; the client writes, waits for the echo, and closes. */
function playStory(): { json: string[]; text: string[]; file: Uint8Array; snapshot: ServerSnapshot } {
  let nowUs = 0;
  const [clientLink, wire] = memoryPair({ nowUs: () => EPOCH_US + nowUs });
  const bytes: number[] = [];
  const recorder = new PcapngRecorder({
    write: (chunk) => bytes.push(...chunk) && chunk.length,
    nowEpochUs: () => EPOCH_US + nowUs,
    device: wire.name,
    application: "tcplab test",
  });
  const serverLink = tapLink(wire, recorder);
  const hostAt = (link: typeof serverLink, last: number) =>
    new Host({
      link,
      addresses: [{ address: Uint8Array.of(10, 77, 0, last), prefixLength: 24 }],
      secret: new Uint8Array(16).fill(last),
      epochUs: EPOCH_US,
    });
  const client = hostAt(clientLink, 2);
  const server = hostAt(serverLink, 1);
  const json: string[] = [];
  const text: string[] = [];
  const log = textLog({ width: 120 });
  const hub = new EventHub(server);
  hub.subscribeAtOnce((event) => json.push(eventToJson(event)));
  hub.subscribeAtOnce((event) => text.push(log(event)));
  hub.subscribeAtOnce(recorder.observe);
  const runUntilQuiet = () => {
    let count = 0;
    do {
      nowUs += 50;
      count = clientLink.receive((frame, length) => client.ingest(frame, length, nowUs), 10) +
        serverLink.receive((frame, length) => server.ingest(frame, length, nowUs), 10);
    } while (count > 0);
  };

  const echo: ConnectionHandler = {
    onReadable: (connection) => void connection.echo(),
    onPeerClosed: (connection) => connection.closeWrite(),
  };
  server.listen({ port: PORT, accept: () => echo });
  const connection = client.connect({ address: Uint8Array.of(10, 77, 0, 1), port: PORT, handler: {} });
  runUntilQuiet();
  client.setNow(nowUs);
  connection.write(new TextEncoder().encode("hello"));
  runUntilQuiet();
  const snapshot: ServerSnapshot = {
    pid: 1,
    device: wire.name,
    ip: ["10.77.0.1"],
    mac: "02:00:00:00:00:0b",
    startedAt: EPOCH_US / 1e6,
    listeners: server.listeners().map(({ port, state }) => ({ port, state, app: "echo" })),
    connections: server.connections().map((live) => connectionSnapshot(live.info(), "echo")),
    counters: server.counters(),
    figures: { connections: server.connections().length },
  };
  client.setNow(nowUs);
  connection.closeWrite();
  runUntilQuiet();
  recorder.finish();
  return { json, text, file: Uint8Array.from(bytes), snapshot };
}

const STORY = playStory();

Deno.test("story: the JSON log has the lab's path, and the path in the end", () => {
  const events = STORY.json.map((line) => JSON.parse(line));
  const path = events.filter(({ event }) => event === "transition")
    .map(({ from, to, recv, send }) => [from, to, recv?.join() ?? "-", send?.join() ?? "-"]);
  assertEquals(path, [
    ["CLOSED", "LISTEN", "-", "-"],
    ["LISTEN", "SYN_RCVD", "SYN", "SYN,ACK"],
    ["SYN_RCVD", "ESTABLISHED", "ACK", "-"],
    ["ESTABLISHED", "CLOSE_WAIT", "FIN,ACK", "ACK"],
    ["CLOSE_WAIT", "LAST_ACK", "-", "FIN,ACK"],
    ["LAST_ACK", "CLOSED", "ACK", "-"],
  ]);
  const closed = events.find(({ event }) => event === "closed");
  assertEquals([closed.reason, closed.bytesIn, closed.bytesOut], ["normal", 5, 5]);
  assertEquals(closed.states, ["LISTEN", "SYN_RCVD", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK", "CLOSED"]);
});

Deno.test("story: the recording has each change of state on the segment that it belongs to", () => {
  const changes = readPackets(STORY.file).flatMap(({ direction, frame, comments }) =>
    comments.map((comment) => [direction, frame[47], /[A-Z_1-2]+ -> [A-Z_1-2]+/.exec(comment)?.[0]])
  );
  assertEquals(changes, [
    ["in", 0x02, "CLOSED -> LISTEN"],
    ["in", 0x02, "LISTEN -> SYN_RCVD"],
    ["in", 0x10, "SYN_RCVD -> ESTABLISHED"],
    ["in", 0x11, "ESTABLISHED -> CLOSE_WAIT"],
    ["out", 0x11, "CLOSE_WAIT -> LAST_ACK"],
    ["in", 0x10, "LAST_ACK -> CLOSED"],
  ]);
});

Deno.test("story: the text log tells it within its page", () => {
  const text = STORY.text.join("\n");
  for (
    const words of ["LISTEN -> SYN_RCVD", "recv [FIN, ACK]", "send [ACK]", "data in   5 B", "closed normal"]
  ) {
    assertStringIncludes(text, words);
  }
  assert(text.split("\n").every((line) => line.length <= 120), text);
});

Deno.test("story: netstat of a live host, its snapshot fit for JSON", () => {
  assertStringIncludes(
    netstatToText([STORY.snapshot], { details: true }),
    "ESTABLISHED  echo\n       server  ",
  );
  assert(isServerSnapshot(JSON.parse(JSON.stringify(STORY.snapshot))));
});
