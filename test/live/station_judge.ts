/**
 * What tshark says of every frame that a station has sent, whatever its protocol: ARP, ICMP of both families, fragments, TCP.
 *
 * Owns: the verdict that each is well formed and has right sums. Must not know: tcplab's own codec, what a test is about.
 */
import { assertEquals, assertGreater } from "@std/assert";

/** A frame that a station has sent. */
export interface StationFrame {
  readonly number: number;
  /** The protocols as tshark nests them, `eth:ethertype:ipv6:icmpv6`. */
  readonly protocols: string;
  readonly length: number;
  /** What is wrong with it: a wrong checksum, a part that cannot be read, an error that tshark's experts see. */
  readonly faults: readonly string[];
}

const SUMS = [
  "ip.checksum.status",
  "tcp.checksum.status",
  "icmp.checksum.status",
  "icmpv6.checksum.status",
] as const;
const BAD = "0";
/** `expert.h` of Wireshark: PI_ERROR. */
const EXPERT_ERROR = 0x00800000;
const FIELDS = [
  "frame.number",
  "frame.protocols",
  "frame.len",
  "_ws.malformed",
  "_ws.expert.severity",
] as const;

/** Every frame in the file that came from this hardware address. */
export async function framesOfStation(path: string, mac: string): Promise<StationFrame[]> {
  const settings = ["tcp.check_checksum:TRUE", "ip.check_checksum:TRUE"].flatMap((
    setting,
  ) => ["-o", setting]);
  const fields = [...FIELDS, ...SUMS].flatMap((field) => ["-e", field]);
  const { code, stdout, stderr } = await new Deno.Command("tshark", {
    args: ["-n", "-r", path, ...settings, "-Y", `eth.src == ${mac}`, "-d", "tcp.port==1-65535,data"]
      .concat(["-T", "fields", "-E", "separator=/t", ...fields]),
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (code !== 0) throw new Error(`tshark cannot read ${path}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout).split("\n").filter((line) => line !== "").map(readFrame);
}

function readFrame(line: string): StationFrame {
  const [number, protocols, length, malformed, severities, ...sums] = line.split("\t");
  return {
    number: Number(number),
    protocols,
    length: Number(length),
    faults: [
      ...(malformed ? ["malformed"] : []),
      ...(severities.split(",").some((severity) => Number(severity) >= EXPERT_ERROR)
        ? ["an expert's error"]
        : []),
      // What an ICMP error quotes has sums of its own behind a comma, cut short: the first is the frame's.
      ...SUMS.filter((_, index) => (sums[index] ?? "").split(",")[0] === BAD).map((sum) => `bad ${sum}`),
    ],
  };
}

/** Throws unless the station has sent something, and tshark finds no fault in any of it; gives the frames. */
export async function assertStationIsRight(path: string, mac: string): Promise<StationFrame[]> {
  const frames = await framesOfStation(path, mac);
  assertGreater(frames.length, 0, `${mac} has sent something`);
  assertEquals(frames.filter(({ faults }) => faults.length > 0), []);
  return frames;
}
