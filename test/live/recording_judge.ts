/**
 * Recordings, judged by Wireshark's own tools.
 *
 * Owns: what holds for every recording of ours: capinfos finds it in strict order, and tshark nothing to complain of; and
 * the frames in one, with their times. Must not know: tcplab's own codec, what a test looks for.
 */
import { assert, assertEquals } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";

/** Programs that a test needs whose recordings are judged. */
export const RECORDING_PROGRAMS = ["capinfos", "tshark"] as const;

/** A TCP frame of a capture file. */
export interface TimedFrame {
  /** Microseconds since 1970. */
  readonly us: number;
  readonly source: string;
  /** What tells it from all others of a test: addresses, identification, numbers, flags, length. */
  readonly key: string;
}

/**
 * Demands that a recording is in strict order of time, and that nothing in it is cut or malformed. `lab`: where the file is
 * one that only a lab's processes see; `isDamaged`: frames in it are malformed on purpose.
 */
export async function assertSoundRecording(
  path: string,
  { lab, isDamaged = false }: { readonly lab?: PrivateLab; readonly isDamaged?: boolean } = {},
): Promise<void> {
  const output = (program: string, args: readonly string[]) => outputOf(program, args, lab);
  const info = await output("capinfos", ["-M", "-o", "-c", "-t", path]);
  assert(/Strict time order:\s+True/.test(info.stdout), `${info.stdout}${info.stderr}`);
  assertEquals(info.stderr.trim(), "", "capinfos complains");
  const complaints = await output("tshark", [
    "-n",
    "-r",
    path,
    // A client's port may be that of some protocol, as which random payload is malformed: the payload is nobody's.
    "-d",
    "tcp.port==1-65535,data",
    "-Y",
    "_ws.malformed",
    "-T",
    "fields",
    "-e",
    "frame.number",
  ]);
  if (!isDamaged) assertEquals(complaints.stdout.trim(), "", "tshark finds frames malformed");
  assert(!/cut short|appears to have been/.test(complaints.stderr), complaints.stderr);
}

/** Demands that no acknowledgment in a recording stands before what it acknowledges: no round trip is negative. */
export async function assertRoundTrips(path: string): Promise<void> {
  const early = "tcp.analysis.ack_lost_segment or tcp.analysis.ack_rtt < 0";
  const found = await outputOf("tshark", [
    "-n",
    "-r",
    path,
    "-Y",
    early,
    "-T",
    "fields",
    "-e",
    "frame.number",
  ]);
  assertEquals(found.stdout.trim(), "", "acknowledgments of what has not been sent");
}

/** The TCP frames of a capture file, in its order, but for RSTs: how many a client sends at its end is its own affair. */
export async function timedFrames(path: string): Promise<TimedFrame[]> {
  const fields = [
    "frame.time_epoch",
    "ip.src",
    "ip.id",
    "tcp.srcport",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.flags",
    "tcp.len",
  ];
  const args = [
    "-n",
    "-r",
    path,
    "-Y",
    "tcp and not tcp.flags.reset == 1",
    "-T",
    "fields",
    ...fields.flatMap((field) => ["-e", field]),
  ];
  const { stdout } = await outputOf("tshark", args);
  return stdout.trimEnd().split("\n").map((line) => {
    const [time, source, ...rest] = line.split("\t");
    const [seconds, fraction = ""] = time.split(".");
    return {
      us: Number(seconds) * 1e6 + Number(fraction.padEnd(6, "0").slice(0, 6)),
      source,
      key: `${source} ${rest.join(" ")}`,
    };
  });
}

/** What a program says that has come to its end in order: of a file that it cannot read it would find nothing bad. */
async function outputOf(
  program: string,
  args: readonly string[],
  lab?: PrivateLab,
): Promise<{ stdout: string; stderr: string }> {
  const said = lab === undefined
    ? await outside(program, args)
    : await lab.run({ words: [program, ...args] });
  assertEquals(said.code, 0, `${program} ${args.join(" ")}: ${said.stderr}`);
  return said;
}

async function outside(program: string, args: readonly string[]) {
  const { code, stdout, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}
