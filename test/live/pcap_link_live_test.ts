/**
 * PcapLink on a real device: a veth pair in a network namespace that lives as long as one scenario.
 *
 * Each scenario of pcap_link_scenarios.ts runs in a process of its own inside `unshare`, without root where the kernel
 * allows that; where it does not, each test is reported as ignored.
 */

import { assert } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { withoutLibpcap } from "../ffi/native_library.ts";

const SCENARIO_FILE = fromFileUrl(new URL("./pcap_link_scenarios.ts", import.meta.url));

/** The pair, and a device that stays down. */
const SET_UP =
  "ip link add tc0 type veth peer name tc1 && ip link add tcdown type veth peer name tcpeer && " +
  "ip link set lo up && ip link set tc0 up && ip link set tc1 up";

const SCENARIOS = [
  "both-ways-immediate",
  "both-ways-live",
  "budget-and-reentry",
  "close-inside-handler",
  "wake-and-close",
  "filter-and-direction",
  "refused-sends",
  "refused-among-others",
  "more-than-the-slots",
  "carrier-and-down",
  "device-vanishes",
  "bad-devices",
  "interfaces",
  "ring-drops-are-counted",
  "ring-is-read",
  "ring-reader-wakes",
  "ring-of-tagged-frames",
  "ring-and-carrier",
  "ring-of-a-vanished-device",
];

const SENDING_SCENARIOS = [
  "both-ways-immediate",
  "budget-and-reentry",
  "filter-and-direction",
  "refused-sends",
  "refused-among-others",
  "more-than-the-slots",
  "carrier-and-down",
  "device-vanishes",
];

/** Each scenario as things are by default, and those in which something is sent the other ways too. */
function* runs(): Generator<[scenario: string, transmit: string]> {
  for (const scenario of SCENARIOS) yield [scenario, "auto"];
  for (const scenario of SENDING_SCENARIOS) {
    for (const transmit of ["inject", "batch"]) yield [scenario, transmit];
  }
}

/** The options of `unshare` that work here, or null: as an ordinary user first, then with root's own rights. */
async function usableNamespace(): Promise<string[] | null> {
  for (const options of [["--user", "--map-root-user", "--net"], ["--net"]]) {
    try {
      const probe = new Deno.Command("unshare", {
        args: [...options, "sh", "-c", SET_UP],
        stdout: "null",
        stderr: "null",
      });
      if ((await probe.output()).success) return options;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return null;
}

/** Fetches what the scenarios import, for inside a namespace there is no network to fetch it from. */
async function cacheScenarios(): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args: ["cache", SCENARIO_FILE] })
    .output();
  assert(success, new TextDecoder().decode(stderr));
}

const namespace = await usableNamespace();
const skipped = namespace === null ? " (skipped: no network namespaces here)" : withoutLibpcap;

for (const [scenario, transmit] of runs()) {
  Deno.test({
    name: `pcap link on veth: ${scenario}, ${transmit}${
      namespace === null ? " (skipped: no network namespaces here)" : ""
    }`,
    ignore: skipped !== "",
    async fn() {
      await cacheScenarios();
      const run = ["run", "--no-prompt", "--allow-ffi", "--allow-env=TCPLAB_PCAP_LIBRARY", "--allow-run=ip"];
      const { success, stdout, stderr } = await new Deno.Command("unshare", {
        args: [
          ...(namespace ?? []),
          ...["sh", "-c", `${SET_UP} && exec "$@"`, "sh"],
          ...[Deno.execPath(), ...run, SCENARIO_FILE, scenario, transmit],
        ],
        stdout: "piped",
        stderr: "piped",
      }).output();
      const decoder = new TextDecoder();
      assert(success, decoder.decode(stderr) + decoder.decode(stdout));
    },
  });
}
