/** A connection as qlog: every event of a short one, and what makes it readable for qvis. */
import { assertEquals } from "@std/assert";
import { qlogText } from "../../src/observe/qlog.ts";
import { FULL_HANDSHAKE, tell } from "../story/written_story.ts";

interface Trace {
  readonly vantage_point: unknown;
  readonly common_fields: { readonly protocol_type: readonly string[]; readonly time_format: string };
  readonly events: readonly { readonly time: number; readonly name: string; readonly data: EventData }[];
}
interface EventData {
  readonly header?: { readonly packet_type: string; readonly packet_number: number };
  readonly raw?: unknown;
  readonly frames?: readonly unknown[];
  readonly bytes_in_flight?: number;
  readonly latest_rtt?: number;
}

const LOSSY = `${FULL_HANDSHAKE}
  C A 1 1 len=100 at=0.1 ts=10/501
  C A 101 1 len=100 at=0.101 ts=11/501
  S A 1 1 at=0.102 ts=511/2 sack=101-201
  C A 1 1 len=100 at=0.11 ts=20/511
  S A 1 201 at=0.111 ts=520/20`;

Deno.test("qlog: segments are packets by number, positions are frames, what is sent again was lost", () => {
  const { version, traces } = parsed(LOSSY);
  assertEquals(version, ["0.3", "JSON"]);
  assertEquals(traces.length, 1);
  const [{ events, vantage_point, common_fields }] = traces;
  assertEquals(vantage_point, { name: "10.0.0.2:40000", type: "client" });
  assertEquals([common_fields.protocol_type, common_fields.time_format], [["TCP"], "relative"]);
  const told = events.map(({ name, data: { header, frames, bytes_in_flight } }) => [
    name.replace(/^\w+:/, ""),
    header?.packet_number ?? bytes_in_flight,
    ...(frames ?? []).filter((frame) => !JSON.stringify(frame).includes("max_data")),
  ]);
  const ack = (...acked_ranges: number[][]) => ({ frame_type: "ack", acked_ranges });
  const stream = (offset: number) => ({
    frame_type: "stream",
    stream_id: 0,
    offset,
    length: 100,
    fin: false,
  });
  assertEquals(
    told.slice(-8),
    [
      ["packet_sent", 4, stream(0)],
      ["packet_sent", 5, stream(100)],
      ["packet_received", 6, ack([5, 5])],
      ["metrics_updated", 200],
      ["packet_lost", 4],
      ["packet_sent", 7, stream(0)],
      ["packet_received", 8, ack([7, 7])],
      ["metrics_updated", 0],
    ].slice(-10),
  );
  const times = events.map(({ time }) => time);
  assertEquals(times, times.toSorted((a, b) => a - b));
  assertEquals(
    events.every(({ data: { header } }) => header === undefined || header.packet_type === "1RTT"),
    true,
  );
});

function parsed(text: string): { version: readonly string[]; traces: readonly Trace[] } {
  const file = JSON.parse(qlogText([tell(text).connection], { side: "client", source: "told.pcap" }));
  return { version: [file.qlog_version, file.qlog_format], traces: file.traces };
}
