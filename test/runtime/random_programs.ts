/**
 * Random programs on one connection, run on the kernel's TCP through Deno and on two stacks of ours: what each call comes to.
 *
 * Owns: the steps, how both are brought to rest after each, and in which points the two may differ. Must not know: who makes
 * the programs.
 */
import { createLab } from "../../mod.ts";
import { visitEventLoop } from "../../src/runtime/pump.ts";

/** A step of a program: one call at one end, which the next does not wait for. */
export interface Step {
  /** 0: who has connected; 1: who has accepted. */
  readonly end: 0 | 1;
  /** What is called. */
  readonly call: "read" | "write" | "closeWrite" | "close";
  /** Of a read or a write: of how many bytes. */
  readonly bytes: number;
}

/** What both nets have. */
type End = Pick<Deno.TcpConn, "read" | "write" | "closeWrite" | "close" | "setNoDelay">;

/** Local choice: less than any deadline of a connection that is at rest. */
const OUR_REST_MS = 1;

/**
 * What each step came to on the kernel's TCP; `turns` of the event loop are for what waits, as what is
 * sent over loopback has arrived with the call.
 */
export async function onKernel(program: readonly Step[], turns: number): Promise<string[]> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const ends = await Promise.all([Deno.connect({ hostname: "127.0.0.1", port }), listener.accept()]);
  return await results(ends, program, async () => {
    for (let turn = 0; turn < turns; turn++) await visitEventLoop();
  });
}

/** The same on ours. */
export async function onOurs(program: readonly Step[]): Promise<string[]> {
  await using lab = createLab({ time: "manual", tcp: { textAfterReset: "kept" } });
  const listener = lab.server.listen({ port: 7 });
  const opening = [lab.client.connect({ hostname: "10.0.0.1", port: 7 }), listener.accept()];
  return await results(await lab.run(Promise.all(opening)), program, () => lab.advance(OUR_REST_MS));
}

async function results(
  ends: readonly End[],
  program: readonly Step[],
  rest: () => Promise<void>,
): Promise<string[]> {
  for (const end of ends) end.setNoDelay();
  await warmUp(ends, rest);
  const told = program.map(() => "waits");
  // Bytes of each direction are numbered, so that it shows which have come.
  const sent = [0, 0];
  const closed = [false, false];
  const calls: Promise<void>[] = [];
  for (const [at, step] of program.entries()) {
    const made = step.call === "write" ? numbered(sent[step.end], step.bytes) : new Uint8Array(step.bytes);
    if (step.call === "close" && closed[step.end]) continue;
    if (step.call === "close") closed[step.end] = true;
    calls.push(
      Promise.resolve().then(() => result(ends[step.end], step, made)).then(
        (text) => void (told[at] = text),
        (error) => void (told[at] = error instanceof Error ? error.name : String(error)),
      ),
    );
    await rest();
    if (step.call === "write" && /^\d/.test(told[at])) sent[step.end] += step.bytes;
  }
  const atRest = [...told];
  for (const [at, end] of ends.entries()) if (!closed[at]) end.close();
  await rest();
  await Promise.all(calls);
  // What waits for ever is told apart from what the end of the program has ended.
  return told.map((text, at) => atRest[at] === text ? text : `${atRest[at]}, ${text}`);
}

/** The first write on a socket that was just accepted can wait in Deno for what makes it look again. */
async function warmUp(ends: readonly End[], rest: () => Promise<void>): Promise<void> {
  for (const [one, other] of [[0, 1], [1, 0]]) {
    const calls = [ends[one].write(new Uint8Array(1)), ends[other].read(new Uint8Array(1))];
    await rest();
    await Promise.all(calls);
  }
}

/**
 * Whether the two came to the same. After a reset a kernel tells of it once at most, and ours each time: then a read of the kernel's
 * is at the end, and a write of its a broken pipe.
 */
export function isSame({ call }: Step, kernel: string, ours: string): boolean {
  if (kernel === ours) return true;
  return ours === "ConnectionReset" && kernel === (call === "write" ? "BrokenPipe" : "end");
}

async function result(end: End, { call }: Step, bytes: Uint8Array): Promise<string> {
  if (call === "write") return `${await end.write(bytes)}`;
  if (call === "closeWrite" || call === "close") {
    await end[call]();
    return "done";
  }
  const count = await end.read(bytes);
  return count === null ? "end" : `${count} from ${bytes[0]}`;
}

function numbered(from: number, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, at) => (from + at) & 0xff);
}
