/** What a line of the log costs: the events of an upload, as text and as JSON, into a writer that goes nowhere. */
import { ServeLog } from "../../../src/cli/serve_log.ts";
import type { Observer, TcpEvent } from "../../../src/tcp/events.ts";
import { flagNames } from "../../../src/wire/tcp.ts";

const SECONDS = 1_700_000_000;
/** ACK, and PSH,ACK. */
const FLAGS = { ack: 0x10, push: 0x18 } as const;

/** A segment of an upload, its data, and the ACK. */
function upload(count: number): TcpEvent[] {
  const events: TcpEvent[] = [];
  for (let i = 0; i < count; i++) {
    const about = { time: SECONDS + i * 1e-5, connection: "10.77.0.101:3333-10.77.0.2:51234" };
    const relSeq = 1 + i * 1448;
    const segment = {
      ...about,
      event: "segment",
      relAck: 1,
      window: 502,
      windowBytes: 64256,
      options: { timestamps: { value: 3_000_000_000 + i, echo: 1234 } },
      state: "ESTABLISHED",
    } as const;
    events.push(
      {
        ...segment,
        direction: "recv",
        flags: flagNames(FLAGS.push),
        seq: 3_735_928_559 + relSeq,
        ack: 1_000_001,
        relSeq,
        length: 1448,
        rule: "arrives.text.in-order",
      },
      { ...about, event: "data", direction: "recv", length: 1448 },
      {
        ...segment,
        direction: "send",
        flags: flagNames(FLAGS.ack),
        seq: 1_000_001,
        ack: 3_735_928_559 + relSeq + 1448,
        relSeq: 1,
        relAck: relSeq + 1448,
        length: 0,
        rule: "send.ack",
      },
    );
  }
  return events;
}

function log(form: "text" | "json"): Observer {
  const output = { writeSync: (bytes: Uint8Array) => bytes.length };
  const { observer } = new ServeLog({ form, output, ...{ width: 120 } });
  if (observer === null) throw new Error(`${form} logs nothing`);
  return observer;
}

const EVENTS = upload(1000);

for (const form of ["json", "text"] as const) {
  const observer = log(form);
  Deno.bench(`3,000 events of an upload: ${form}`, () => {
    for (const event of EVENTS) observer(event);
  });
}
