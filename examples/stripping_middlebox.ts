/**
 * A middlebox that strips options: it lets two hosts talk to each other, but takes from their SYNs what it does not know.
 *
 *     deno run examples/stripping_middlebox.ts      two hosts in memory, 40 ms apart, with and without the box between
 *
 * What it teaches: options are agreed in the SYNs (RFC 9293 §3.2), and what one side does not see was never offered. So
 * the connection works, as it must (MUST-6, RFC 7323 §2.2, RFC 2018 §2), but as TCP did in 1981:
 *   window scale   no window above 65,535 bytes: on a path of 40 ms that is 1.6 MB a second, whatever the line carries
 *   SACK           after a loss the sender knows one hole in a round trip
 *   timestamps     one measurement of the round trip at a time, no protection against old sequence numbers (PAWS)
 * The box has to take them from both SYNs. One that takes the scale from the answer alone leaves two hosts that read the
 * same number differently, and is a fault that people have looked for for weeks.
 *
 * What to see: the same transfer takes several times as long, and why.
 */
import {
  type ConnectionInfo,
  createStack,
  editSegments,
  FLAG,
  type FrameLink,
  memoryPair,
  type PassingSegment,
} from "../mod.ts";
import { endWith, readOptions } from "./place.ts";

const BYTES = 3_000_000;
/** One way. */
const DELAY_MS = 20;

/** Puts the box on a link; `told` hears what it has taken. */
function stripping(link: FrameLink, told: (text: string) => void): FrameLink {
  const edit = ({ tcp }: PassingSegment) => {
    if ((tcp.flags & FLAG.SYN) === 0) return "pass";
    const taken = [
      tcp.windowScale >= 0 ? `window scale ${tcp.windowScale}` : "",
      tcp.sackPermitted ? "SACK permitted" : "",
      tcp.hasTimestamps ? "timestamps" : "",
    ].filter((text) => text !== "");
    tcp.windowScale = -1;
    tcp.sackPermitted = false;
    tcp.hasTimestamps = false;
    told(
      `the box takes from a ${(tcp.flags & FLAG.ACK) === 0 ? "SYN" : "SYN-ACK"}: ${
        taken.join(", ") || "nothing, as nobody answers what was not offered"
      }`,
    );
    // Written anew, with the length and the checksum of what is left.
    return "edited";
  };
  return editSegments(link, { edit, onThrown: (error) => console.error(error) });
}

/** Sends BYTES from one host to the other; how it was for the sender, and how long it took. */
async function transfer(hasBox: boolean): Promise<{ info: ConnectionInfo; ms: number }> {
  const [left, right] = memoryPair();
  const near = hasBox ? stripping(left, console.log) : left;
  await using server = createStack({
    link: near,
    addresses: "10.0.0.1/24",
    faults: `delay=${DELAY_MS}ms`,
  });
  await using client = createStack({ link: right, addresses: "10.0.0.2/24" });

  const listener = server.listen({ port: 9 });
  const receive = async () => {
    let bytes = 0;
    const connection = await listener.accept();
    for await (const chunk of connection.readable) bytes += chunk.length;
    await connection.closeWrite();
    return bytes;
  };
  const received = receive();

  const connection = await client.connect({ hostname: "10.0.0.1", port: 9 });
  const beganMs = performance.now();
  const writer = connection.writable.getWriter();
  await writer.write(new Uint8Array(BYTES));
  const info = connection.info();
  await writer.close();
  const arrived = await received;
  if (arrived !== BYTES) throw new Error(`${arrived} of ${BYTES} bytes have arrived`);
  return { info, ms: performance.now() - beganMs };
}

function tell(name: string, { info, ms }: { info: ConnectionInfo; ms: number }): void {
  console.log(
    `${name}: ${BYTES} bytes in ${Math.round(ms)} ms; SACK ${info.sackPermitted ? "yes" : "no"}, timestamps ${
      info.timestamps ? "yes" : "no"
    }, window ${info.sndWnd} bytes (scale ${info.sendWindowShift}), ${info.sendMss} bytes a segment`,
  );
}

const { device } = readOptions({});
if (device !== "") endWith("This one runs in memory alone: a box stands between two hosts");
const whole = await transfer(false);
tell("without the box", whole);
const stripped = await transfer(true);
tell("with the box   ", stripped);
console.log(
  `${(stripped.ms / whole.ms).toFixed(1)} times as long: a window of 64 KiB for each ${2 * DELAY_MS} ms`,
);
