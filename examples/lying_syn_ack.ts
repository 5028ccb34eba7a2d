/**
 * A SYN-ACK that lies: a server whose answer to a SYN acknowledges what was never sent, or promises what is not so.
 *
 *     deno run examples/lying_syn_ack.ts                                          all three lies, in memory
 *     sudo deno run -A examples/lying_syn_ack.ts --device eth0 --ip 10.33.0.3/24 --lie ack   then: nc 10.33.0.3 7777
 *
 * What it teaches: what an honest client does with it, ours or the kernel's.
 *   ack     It acknowledges ISS+1001 where ISS+1 was sent. RFC 9293 §3.10.7.3: RST with that number as its sequence number, and
 *           the client stays in SYN-SENT. So an old SYN-ACK, of a connection before, ends itself and not the new one (§3.5).
 *   mss     It offers an MSS of 64: the client has to cut all that it sends in pieces of 64 bytes, less its own options (§3.7.1), a
 *           header for each. It is a way to have somebody else work; Linux has a least MSS because of it (CVE-2019-11479).
 *   wscale  It offers a scale of 14 (RFC 7323 §2.2), and counts with less: the client takes a window of 64 KiB for one of
 *           a gigabyte. It sends more than there is room for, loses it, and is held back by congestion control alone.
 *
 * The stack below is honest: `editSegments` changes its SYN-ACK on the way out, and makes the checksum right again.
 */
import {
  createHost,
  editSegments,
  FLAG,
  type FrameLink,
  memoryPair,
  type Observer,
  type PassingSegment,
  type Stack,
  type TcpSegment,
  VirtualNetwork,
} from "../mod.ts";
import { endWith, openOnDevice, portOf, readOptions, serveUntilInterrupted } from "./place.ts";

const SECOND_US = 1_000_000;

/** What each lie changes. */
const LIES: Readonly<Record<string, (synAck: TcpSegment) => void>> = {
  ack: (synAck) => synAck.ack = (synAck.ack + 1000) >>> 0,
  mss: (synAck) => synAck.mss = 64,
  wscale: (synAck) => synAck.windowScale = 14,
};

/** Changes each SYN-ACK that leaves. */
function lieOn(link: FrameLink, lie: string): FrameLink {
  const { SYN, ACK } = FLAG;
  return editSegments(link, {
    edit({ direction, tcp }: PassingSegment) {
      if (direction === "in" || (tcp.flags & (SYN | ACK)) !== (SYN | ACK)) return "pass";
      LIES[lie](tcp);
      return "edited";
    },
    onThrown: (error) => console.error(error),
  });
}

/** What the client sees and does: segments with SYN or RST, numbers of its own counted from its ISS, and the largest window. */
class ClientWatch {
  readonly lines: string[] = [];
  mostWindow = 0;
  #iss = 0;

  readonly observe: Observer = (event) => {
    if (event.event === "closed") {
      this.lines.push(`it gives up (${event.reason}): ${event.states.join(" > ")}`);
    }
    if (event.event !== "segment") return;
    const { direction, flags, seq, ack, windowBytes = 0 } = event;
    if (direction === "recv") this.mostWindow = Math.max(this.mostWindow, windowBytes);
    if (!flags.includes("SYN") && !flags.includes("RST")) return;
    if (direction === "send" && flags.includes("SYN")) this.#iss = seq;
    const own = (number: number) => `ISS+${(number - this.#iss) >>> 0}`;
    const numbers = direction === "send" ? `seq ${own(seq)}` : `ack ${own(ack)}`;
    this.lines.push(`${direction === "send" ? "sends" : "gets "} ${flags.join(",")} ${numbers}`);
  };
}

/** A client that meets one lie and writes a hundred kilobytes, if it gets that far. */
function meet(lie: string, port: number): void {
  console.log(`--- ${lie}`);
  const network = new VirtualNetwork();
  const { clock } = network;
  const [near, far] = memoryPair();
  const link = lieOn(near, lie);
  const server = createHost({ link, addresses: "10.0.0.1/24", clock, tcp: { receiveBufferBytes: 0x10000 } });
  const client = createHost({ link: far, addresses: "10.0.0.2/24", clock });
  network.join({ host: server, link });
  network.join({ host: client, link: far });
  // Nobody reads: how much room there was is seen by what was taken.
  server.listen({ port, accept: () => ({}) });

  const watch = new ClientWatch();
  client.observer = watch.observe;
  const bytes = 100_000;
  const connection = client.connect({
    address: Uint8Array.of(10, 0, 0, 1),
    port,
    handler: { onOpen: (connection) => void connection.write(new Uint8Array(bytes)) },
  });
  network.settle();
  const { lines } = watch;
  for (const line of lines) console.log(`the client ${line}`);
  console.log(`the client is in ${connection.state}`);
  network.advanceUntil(() => connection.ended !== null, 240 * SECOND_US);

  const info = connection.info();
  if (lie === "ack") {
    const resets = lines.filter((line) => line.startsWith("sends RST"));
    console.log(`it says so ${resets.length} times, and ${lines[lines.length - 1]}`);
    return;
  }
  const [served] = server.connections();
  const { bytesIn, receiveWindowShift, segmentsIn } = served.info();
  if (lie === "mss") {
    console.log(`${bytesIn} bytes come in ${segmentsIn} segments, of ${info.sendMss} bytes at most`);
  } else {
    console.log(
      `the server counts with a scale of ${receiveWindowShift}, the client with ${info.sendWindowShift}`,
    );
    console.log(
      `the client takes the window for ${watch.mostWindow} bytes: ${bytesIn} are taken, ${
        ((info.sndNxt - info.iss - 1) >>> 0) - bytesIn
      } more were sent for nothing`,
    );
  }
}

/** On a device the client is somebody else: what it answers is told. */
async function serve(stack: Stack, port: number): Promise<void> {
  stack.observe((event) => {
    if (event.event !== "segment" || event.direction !== "recv" || !event.flags.includes("RST")) return;
    console.log(`${event.connection}: the client answers RST, seq ISS+${event.relSeq}`);
  });
  for await (const connection of stack.listen({ port })) {
    console.log(`${connection.name}: the client believes it`);
    // What it sends is taken and dropped; its FIN ends the connection.
    connection.readable.pipeTo(new WritableStream()).then(() => connection.closeWrite()).catch((error) => {
      console.log(`${connection.name}: ${error.message}`);
    });
  }
}

const options = readOptions({ port: "7777", lie: "" });
const port = portOf(options.port);
const lies = options.lie === "" ? Object.keys(LIES) : [options.lie];
if (!Object.hasOwn(LIES, lies[0])) {
  endWith(`"${options.lie}" is no lie of this server: ${Object.keys(LIES).join(", ")}`);
}
if (options.device === "") {
  for (const lie of lies) meet(lie, port);
} else {
  const [lie] = lies;
  const stack = await openOnDevice(options, { behind: (link) => lieOn(link, lie), maxConnections: 1000 });
  serve(stack, port).catch((error) => console.error(error));
  await serveUntilInterrupted(stack, `SYN-ACKs of port ${port} lie about ${lie}`);
}
