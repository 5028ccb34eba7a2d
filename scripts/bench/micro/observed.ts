/**
 * What it costs to be observed: CPU time of a segment without a log, with `--log json` and with a text log.
 *
 *     deno run -A scripts/bench/micro/observed.ts [TRAFFIC [LOG]]
 *
 * Owns: traffic from prepared frames through a whole stack, and a log that goes nowhere. Must not know: how events are
 * told. Two checkouts are compared by running this file in both, in turn: only what both have is used.
 *
 * User and system time of this process count, so that others on the machine disturb it less; each kind of traffic and
 * of log has a process of its own, as a server has.
 */
import process from "node:process";
import { findApplication } from "../../../src/app/applications.ts";
import { ENGINE_FLAGS } from "../../../src/cli/self_command.ts";
import { ServeLog } from "../../../src/cli/serve_log.ts";
import { emptyLinkStats, type FrameHandler, type FrameLink } from "../../../src/link/link.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { createStack } from "../../../src/runtime/create_stack.ts";
import { readU32, writeU16, writeU32 } from "../../../src/wire/bytes.ts";
import { emitEthernet, ETHERNET, ETHERTYPE } from "../../../src/wire/ethernet.ts";
import { emitIpv4, IP_PROTOCOL, IPV4 } from "../../../src/wire/ipv4.ts";
import { emitTcp, FLAG, TCP, TcpSegment } from "../../../src/wire/tcp.ts";

const HOST_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 0x01);
const PEER_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 0x02);
const HOST_ADDRESS = Uint8Array.of(10, 77, 0, 101);
const PEER_ADDRESS = Uint8Array.of(10, 77, 0, 2);
const PORT = 3333;
const FIRST_PEER_PORT = 10_000;
const TCP_OFFSET = ETHERNET.HEADER_BYTES + IPV4.HEADER_BYTES;
const FULL_SEGMENT = 1448;
const MESSAGE = 64;
/** Above 2^31, where a number is no small integer to V8: as likely as below. */
const FIRST_SEQUENCE = 0xdeadbeef;
/** Frames that wait when the pump looks; local choice: as at full speed. */
const BATCH = 32;
const MESSAGE_CONNECTIONS = 16;

/** Local choice: a look at the time that was used costs a microsecond. */
const TURNS_PER_LOOK = 64;

/** Until V8 has compiled everything for the last time; local choice. */
const WARM_MS = 1500;
/** The first quartile counts: what others on the machine do makes a round dearer, never cheaper. */
const ROUNDS = 40;
const ROUND_MS = 50;

/** A frame that is sent again and again, with other numbers. */
class PreparedFrame {
  readonly bytes = new Uint8Array(2048);
  readonly length: number;
  readonly #stampOffset: number;

  constructor(flags: number, payloadLength: number) {
    const segment = new TcpSegment();
    segment.destinationPort = PORT;
    segment.flags = flags;
    segment.window = 502;
    if ((flags & FLAG.SYN) !== 0) {
      segment.mss = 1460;
      segment.windowScale = 7;
      segment.sackPermitted = true;
    }
    segment.hasTimestamps = true;
    segment.tsValue = STAMP_MARK;
    emitEthernet(this.bytes, { destination: HOST_MAC, source: PEER_MAC, type: ETHERTYPE.IPV4 });
    const header = emitTcp(this.bytes, TCP_OFFSET, segment);
    const about = {
      source: PEER_ADDRESS,
      destination: HOST_ADDRESS,
      protocol: IP_PROTOCOL.TCP,
      hopLimit: 64,
      id: 1,
    };
    emitIpv4(this.bytes, ETHERNET.HEADER_BYTES, { ...about, payloadLength: header + payloadLength });
    this.length = TCP_OFFSET + header + payloadLength;
    let at = TCP_OFFSET + TCP.HEADER_BYTES;
    while (readU32(this.bytes, at) !== STAMP_MARK) at++;
    this.#stampOffset = at;
  }

  set(port: number, numbers: { seq: number; ack: number; stamp: number }): void {
    const { bytes } = this;
    writeU16(bytes, TCP_OFFSET, port);
    writeU32(bytes, TCP_OFFSET + TCP.SEQUENCE, numbers.seq);
    writeU32(bytes, TCP_OFFSET + TCP.ACKNOWLEDGMENT, numbers.ack);
    writeU32(bytes, this.#stampOffset, numbers.stamp);
  }
}

/** Found again in a frame. */
const STAMP_MARK = 0x7e57_3a3b;

/** A link whose frames are made when they are taken. */
class PreparedLink implements FrameLink {
  readonly name = "prepared";
  readonly mtu = 1500;
  readonly mac = HOST_MAC;
  readonly maxPacketBytes = 1500;
  readonly isCrowded = false;
  onDeparture: (() => void) | null = null;
  /** Sequence number of the last SYN-ACK. */
  lastSynSeq = 0;
  sentFrames = 0;
  #unflushed = 0;
  takeBatch: ((handler: FrameHandler) => number) | null = null;

  receive(handler: FrameHandler): number {
    return this.takeBatch === null ? 0 : this.takeBatch(handler);
  }
  send(frame: Uint8Array): void {
    if ((frame[TCP_OFFSET + TCP.FLAGS] & FLAG.SYN) !== 0) {
      this.lastSynSeq = readU32(frame, TCP_OFFSET + TCP.SEQUENCE);
    }
    this.sentFrames++;
    this.#unflushed++;
  }
  flush(): void {
    if (this.#unflushed === 0) return;
    this.#unflushed = 0;
    this.onDeparture?.();
  }
  wait(): Promise<void> {
    return new Promise(() => {});
  }
  wake(): void {}
  stats(): ReturnType<typeof emptyLinkStats> {
    return emptyLinkStats();
  }
  close(): void {}
  [Symbol.dispose](): void {}
}

/** Traffic of one kind through a stack of its own. */
export class Traffic {
  readonly #link = new PreparedLink();
  readonly #clock = systemClock();
  readonly #log: ServeLog;
  readonly #turn: () => number;
  readonly #frames = {
    syn: new PreparedFrame(FLAG.SYN, 0),
    ack: new PreparedFrame(FLAG.ACK, 0),
    fin: new PreparedFrame(FLAG.FIN | FLAG.ACK, 0),
    text: new PreparedFrame(FLAG.ACK | FLAG.PSH, FULL_SEGMENT),
    message: new PreparedFrame(FLAG.ACK | FLAG.PSH, MESSAGE),
  };
  /** By connection: how many octets it has sent, and our first sequence number. */
  readonly #sent: number[] = [];
  readonly #synSeqs: number[] = [];
  #nextPort = 0;
  #handler: FrameHandler = () => {};
  /** Frames that were taken; the host has to agree. */
  #taken = 0;
  readonly #segmentsIn: () => number;

  constructor(traffic: TrafficName, log: LogForm) {
    const application = findApplication(traffic === "upload" ? "discard" : "echo");
    if (application === null) throw new Error("no application");
    const form = log === "events" ? "none" : log;
    this.#log = new ServeLog({ form, output: { writeSync: (bytes) => bytes.length }, width: 120 });
    const stack = createStack({
      link: this.#link,
      addresses: "10.77.0.101/24",
      clock: this.#clock,
      checksumPolicy: "ignore",
      foldAfter: 100,
      announce: false,
      maxConnections: 100_000,
    });
    const { host } = stack;
    const accept = application.create({ nowEpochUs: () => 0 });
    host.listen({ port: PORT, backlog: 1024, accept });
    const observer = log === "events" ? () => {} : this.#log.observer;
    if (observer !== null) stack.observe(observer);
    this.#turn = () => stack.pump.turn();
    this.#segmentsIn = () => host.counters()["segments-in"];
    if (traffic === "connections") {
      this.#link.takeBatch = this.#connections;
      return;
    }
    const connections = traffic === "upload" ? 1 : MESSAGE_CONNECTIONS;
    this.#link.takeBatch = (handler) => {
      this.#handler = handler;
      return this.#open(connections);
    };
    this.#turn();
    this.#link.takeBatch = traffic === "upload" ? this.#upload : this.#messages;
  }

  /** Goes on until so much CPU time is used; gives that of a segment, microseconds. */
  run(ms: number): number {
    const segments = this.taken();
    const before = process.cpuUsage();
    let usedUs = 0;
    while (usedUs < ms * 1000) {
      for (let i = 0; i < TURNS_PER_LOOK; i++) this.#turn();
      this.#log.flush();
      const { user, system } = process.cpuUsage(before);
      usedUs = user + system;
    }
    return usedUs / (this.taken() - segments);
  }

  /** Segments so far, both ways. */
  taken(): number {
    return this.#taken + this.#link.sentFrames;
  }

  /** Throws an Error unless the host took every segment: what is dropped costs less. */
  check(): void {
    if (this.#segmentsIn() !== this.#taken) {
      throw new Error(`of ${this.#taken} segments ${this.#segmentsIn()} were taken`);
    }
  }

  #give(frame: PreparedFrame, port: number, numbers: { seq: number; ack: number }): void {
    const nowUs = this.#clock.nowUs();
    frame.set(port, { ...numbers, stamp: Math.trunc(nowUs / 1000) });
    this.#taken++;
    this.#handler(frame.bytes, frame.length, this.#clock.epochUs + nowUs);
  }

  #open(count: number): number {
    const { syn, ack } = this.#frames;
    for (let i = 0; i < count; i++) {
      this.#give(syn, FIRST_PEER_PORT + i, { seq: FIRST_SEQUENCE, ack: 0 });
      this.#synSeqs[i] = this.#link.lastSynSeq;
      this.#sent[i] = 0;
      this.#give(ack, FIRST_PEER_PORT + i, { seq: FIRST_SEQUENCE + 1, ack: this.#synSeqs[i] + 1 });
    }
    return 2 * count;
  }

  readonly #upload = (handler: FrameHandler): number => {
    this.#handler = handler;
    const ack = this.#synSeqs[0] + 1;
    for (let i = 0; i < BATCH; i++) {
      const seq = FIRST_SEQUENCE + 1 + this.#sent[0];
      this.#sent[0] = (this.#sent[0] + FULL_SEGMENT) >>> 0;
      this.#give(this.#frames.text, FIRST_PEER_PORT, { seq, ack });
    }
    return BATCH;
  };

  /** Each message acknowledges the echo of the one before. */
  readonly #messages = (handler: FrameHandler): number => {
    this.#handler = handler;
    for (let i = 0; i < MESSAGE_CONNECTIONS; i++) {
      const sent = this.#sent[i];
      const seq = FIRST_SEQUENCE + 1 + sent;
      this.#sent[i] = (sent + MESSAGE) >>> 0;
      this.#give(this.#frames.message, FIRST_PEER_PORT + i, { seq, ack: this.#synSeqs[i] + 1 + sent });
    }
    return MESSAGE_CONNECTIONS;
  };

  /** From SYN to the last ACK, the peer closing first. */
  readonly #connections = (handler: FrameHandler): number => {
    this.#handler = handler;
    const { syn, ack, fin } = this.#frames;
    const port = FIRST_PEER_PORT + this.#nextPort;
    this.#nextPort = (this.#nextPort + 1) % 50_000;
    const seq = FIRST_SEQUENCE + 1;
    this.#give(syn, port, { seq: FIRST_SEQUENCE, ack: 0 });
    const synSeq = this.#link.lastSynSeq;
    this.#give(ack, port, { seq, ack: synSeq + 1 });
    this.#give(fin, port, { seq, ack: synSeq + 1 });
    this.#give(ack, port, { seq: seq + 1, ack: synSeq + 2 });
    return 4;
  };
}

const TRAFFIC = ["upload", "messages", "connections"] as const;
/** `events`: they are told to somebody who does nothing. */
const LOGS = ["none", "events", "json", "text"] as const;
type TrafficName = typeof TRAFFIC[number];
type LogForm = typeof LOGS[number];

function measure(traffic: TrafficName, log: LogForm): number {
  const run = new Traffic(traffic, log);
  run.run(WARM_MS);
  const costs = Array.from({ length: ROUNDS }, () => run.run(ROUND_MS));
  run.check();
  return costs.sort((a, b) => a - b)[ROUNDS >> 2];
}

async function measureApart(traffic: TrafficName, log: LogForm): Promise<number> {
  const script = new URL(import.meta.url).pathname;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--no-check", "--cached-only", ENGINE_FLAGS, script, traffic, log],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return Number(new TextDecoder().decode(stdout));
}

if (import.meta.main) {
  const traffic = TRAFFIC.find((name) => name === Deno.args[0]);
  const log = LOGS.find((name) => name === Deno.args[1]);
  if (traffic !== undefined && log !== undefined) {
    console.log(measure(traffic, log));
  } else {
    for (const name of TRAFFIC.filter((name) => (traffic ?? name) === name)) {
      for (const form of LOGS) {
        console.log(`${name}, ${form}: ${(await measureApart(name, form)).toFixed(3)} us a segment`);
      }
    }
  }
}
