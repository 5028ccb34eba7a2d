/**
 * A server that answers with its own TCB: the record that a TCP keeps of a connection (RFC 9293 §3.3.1).
 *
 *     deno run examples/own_tcb.ts                                          client and server, in memory
 *     sudo deno run -A examples/own_tcb.ts --device eth0 --ip 10.33.0.3/24  then: nc 10.33.0.3 7777
 *
 * What it teaches: `connection.info()` has every figure of a connection at this moment, of a true stack: no kernel shows
 * SND.UNA or SRTT to the application like this. Each line that you send is answered with them: `json` as JSON, any other
 * as text.
 *
 * What to see: RCV.NXT moves on by exactly what you have sent, SND.NXT by the answers; SRTT is what your network takes.
 */
import { type Connection, type ConnectionInfo, createStack, memoryPair, type Stack } from "../mod.ts";
import { openOnDevice, portOf, readOptions, serveUntilInterrupted } from "./place.ts";

/** Nobody needs longer ones; without a bound a client could fill our memory with one line. */
const MOST_LINE_BYTES = 1024;
/** Beyond these, new ones wait or are refused. */
const SETTINGS = { maxConnections: 1000 };
/** A client that has gone without a word is noticed by keep-alive (RFC 9293 §3.8.4). */
const IDLE_US = 60_000_000;

async function serve(stack: Stack, port: number): Promise<void> {
  for await (const connection of stack.listen({ port })) {
    answer(connection).catch((error) => {
      // One client's end is no other's: say it, and let go of this one alone.
      console.log(`${connection.name}: ${error.message}`);
      connection.abort();
    });
  }
}

async function answer(connection: Connection): Promise<void> {
  connection.setKeepAlive(true, { idleUs: IDLE_US });
  const writer = connection.writable.getWriter();
  for await (const line of lines(connection)) {
    const info = connection.info();
    const text = line === "json" ? JSON.stringify(info) : asText(info);
    // It waits while the client does not read: what piles up is the client's, not ours.
    await writer.write(new TextEncoder().encode(`${text}\n`));
  }
  await writer.close();
}

async function* lines(connection: Connection): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of connection.readable.pipeThrough(new TextDecoderStream())) {
    const whole = (rest + chunk).split(/\r?\n/);
    rest = whole.pop() ?? "";
    if (rest.length > MOST_LINE_BYTES) throw new RangeError(`a line of more than ${MOST_LINE_BYTES} bytes`);
    yield* whole;
  }
}

function asText(info: ConnectionInfo): string {
  const options = [
    info.sackPermitted ? "SACK" : "no SACK",
    info.timestamps ? "timestamps" : "no timestamps",
    `window scale ${info.sendWindowShift} (yours) and ${info.receiveWindowShift} (ours)`,
  ];
  return [
    `state    ${info.states.join(" > ")}`,
    `send     ISS ${info.iss}  SND.UNA +${(info.sndUna - info.iss) >>> 0}  SND.NXT +${
      (info.sndNxt - info.iss) >>> 0
    }  SND.WND ${info.sndWnd}`,
    `receive  IRS ${info.irs}  RCV.NXT +${(info.rcvNxt - info.irs) >>> 0}  RCV.WND ${info.rcvWnd}`,
    `time     SRTT ${info.srttUs} us  RTTVAR ${info.rttvarUs} us  RTO ${info.rtoUs} us  resent ${info.retransmits}`,
    `sending  ${info.congestionControl}: cwnd ${info.cwnd}  in flight ${info.inFlight}  MSS ${info.sendMss}`,
    `options  ${options.join(", ")}`,
    "",
  ].join("\n");
}

/** A client on the other end of a cable in memory. */
async function demo(port: number): Promise<void> {
  const [near, far] = memoryPair();
  await using server = createStack({ link: near, addresses: "10.0.0.1/24", ...SETTINGS });
  await using client = createStack({ link: far, addresses: "10.0.0.2/24" });
  serve(server, port).catch((error) => console.error(error));

  const connection = await client.connect({ hostname: "10.0.0.1", port });
  const writer = connection.writable.getWriter();
  const answers = lines(connection);
  const ask = async (word: string) => {
    console.log(`> ${word}`);
    await writer.write(new TextEncoder().encode(`${word}\n`));
  };

  await ask("hello");
  for (;;) {
    const { value = "" } = await answers.next();
    if (value === "") break;
    console.log(value);
  }
  await ask("json");
  const { value } = await answers.next();
  const info: ConnectionInfo = JSON.parse(value ?? "");
  const received = (info.rcvNxt - info.irs - 1) >>> 0;
  console.log(
    `RCV.NXT - IRS - 1 = ${received}: "hello" and "json", with their line feeds; the SYN counts one`,
  );
  await writer.close();
  await answers.next();
  console.log(`the client closed first: it is in ${connection.state}`);
}

const options = readOptions({ port: "7777" });
const port = portOf(options.port);
if (options.device === "") {
  await demo(port);
} else {
  const stack = await openOnDevice(options, SETTINGS);
  serve(stack, port).catch((error) => console.error(error));
  await serveUntilInterrupted(
    stack,
    `Each line to ${options.ip.split("/")[0]} port ${port} is answered with the TCB`,
  );
}
