/**
 * What ndp_live_test.ts runs in a lab: the neighbor parts of a host on a real device, told by lines what to do, and saying in
 * lines what has become of it.
 *
 *     deno run -A ndp_station.ts DEVICE OUR_ADDRESS
 *
 * Lines in: `open ADDRESS`, `doubt`, `claim ADDRESS`, `announce`, `ask ADDRESS` (by the prober). Must not know: how the
 * namespace was made.
 */
import { openPcapLink } from "../../ffi/pcap_link.ts";
import { AddressProber } from "../../src/host/address_prober.ts";
import { formatMac, parseIpAddress } from "../../src/wire/address.ts";
import { mac } from "../host/hand_frames.ts";
import { type BenchConnection, NeighborBench } from "../host/neighbor_bench.ts";
import { NDP_FAMILY } from "../host/neighbor_families.ts";
import { OUR_MAC } from "../host/wire_host.ts";

const [device, address] = Deno.args;
/** How often what is due is looked at, milliseconds. */
const LOOK_MS = 5;
const SOLICITATIONS = "icmp6 and (ip6[40] == 135 or ip6[40] == 136)";

const bytesOf = (text: string): Uint8Array => parseIpAddress(text) ?? new Uint8Array(16);
const us = { address, mac: OUR_MAC };
const bench = new NeighborBench({ ...NDP_FAMILY, us, bytes: bytesOf }, [address]);
const link = openPcapLink({ device, mac: mac(OUR_MAC), filter: SOLICITATIONS });
const prober = new AddressProber(link);
const said = new Set<string>();
let connection: BenchConnection | null = null;

const nowUs = () => Math.round(performance.now() * 1000);

function say(line: string): void {
  console.log(line);
}

/** Says each thing once. */
function note(line: string): void {
  if (said.has(line)) return;
  said.add(line);
  say(line);
}

function send(frames: readonly Uint8Array[]): void {
  for (const frame of frames) link.send(frame, frame.length);
}

function look(): void {
  bench.clock.nowUs = nowUs();
  link.receive((frame, length) => {
    prober.ingest(frame, length, nowUs());
    send(bench.gives(frame.subarray(0, length)));
  }, 64);
  bench.cache.tick();
  bench.claims.tick();
  send(bench.take());
  link.flush();
  const hop = connection?.hop;
  if (hop !== undefined) note(`hop ${hop.state} ${hop.mac === null ? "nowhere" : formatMac(hop.mac)}`);
  for (const conflict of bench.conflicts.splice(0)) say(`conflict ${conflict}`);
}

function obey(line: string): void {
  const [word, text = ""] = line.split(" ");
  bench.clock.nowUs = nowUs();
  switch (word) {
    case "open":
      connection = bench.opens(text);
      bench.says(connection);
      break;
    case "doubt":
      said.clear();
      if (connection !== null) bench.cache.doubt(connection.hop, false);
      break;
    case "claim":
      bench.addresses.add(bytesOf(text), 64, { state: "tentative" });
      bench.claims.claim(bytesOf(text), {
        lost: (by) => say(`lost ${text} ${formatMac(by)}`),
        kept: () => {
          bench.addresses.change(bytesOf(text), "preferred");
          say(`kept ${text}`);
        },
        alsoOurs: null,
      });
      break;
    case "announce":
      bench.claims.announce(bytesOf(address));
      break;
    case "ask":
      prober.probe(bytesOf(text), (by) => note(`found ${text} ${formatMac(by)}`));
      break;
  }
  look();
}

setInterval(look, LOOK_MS);
say("ready");
let rest = "";
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + text).split("\n");
  rest = lines.pop() ?? "";
  for (const line of lines) obey(line);
}
Deno.exit(0);
