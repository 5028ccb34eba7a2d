/**
 * PcapLink on a real device: a veth pair in a network namespace that lives as long as one scenario.
 *
 * Each scenario of pcap_link_scenarios.ts runs in a process of its own inside `unshare`, without root where the kernel
 * allows that, and those of the ring with root's rights too; where it does not, each test is reported as ignored.
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
  "ring-holds-many",
  "ring-of-large-frames",
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

/** Scenarios of the ring, which is laid out otherwise for those who may not have a large queue beside it. */
const RING_SCENARIOS = SCENARIOS.filter((scenario) =>
  scenario.startsWith("ring-") || scenario.startsWith("filter")
);

/** Each scenario as things are by default, and those in which something is sent the other ways too. */
function* runs(): Generator<{ scenario: string; transmit: string; namespace: Namespace | null }> {
  for (const scenario of SCENARIOS) yield { scenario, transmit: "auto", namespace: anyone ?? root };
  for (const scenario of SENDING_SCENARIOS) {
    for (const transmit of ["inject", "batch"]) yield { scenario, transmit, namespace: anyone ?? root };
  }
  for (const scenario of RING_SCENARIOS) yield { scenario, transmit: "auto", namespace: root };
}

/** Options of `unshare`, and whose rights they give. */
interface Namespace {
  readonly rights: string;
  /** The third argument of the scenarios. */
  readonly queue: "queue" | "none";
  readonly options: readonly string[];
}

/** The namespace, if it can be had here. */
async function usable(namespace: Namespace): Promise<Namespace | null> {
  try {
    const probe = new Deno.Command("unshare", {
      args: [...namespace.options, "sh", "-c", SET_UP],
      stdout: "null",
      stderr: "null",
    });
    return (await probe.output()).success ? namespace : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Fetches what the scenarios import, for inside a namespace there is no network to fetch it from. */
async function cacheScenarios(): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args: ["cache", SCENARIO_FILE] })
    .output();
  assert(success, new TextDecoder().decode(stderr));
}

const anyone = await usable({
  rights: "an ordinary user's",
  queue: "none",
  options: ["--user", "--map-root-user", "--net"],
});
const root = isFirstRoot() ? await usable({ rights: "root's", queue: "queue", options: ["--net"] }) : null;

/** Whether we are root, and no user namespace makes us so. */
function isFirstRoot(): boolean {
  try {
    return Deno.uid() === 0 && /^\s*0\s+0\s+4294967295\s*$/.test(Deno.readTextFileSync("/proc/self/uid_map"));
  } catch {
    return false;
  }
}

for (const { scenario, transmit, namespace } of runs()) {
  const why = namespace === null ? " (skipped: no such network namespaces here)" : withoutLibpcap;
  Deno.test({
    name: `pcap link on veth: ${scenario}, ${transmit}, ${namespace?.rights ?? "no"} rights${why}`,
    ignore: why !== "",
    async fn() {
      await cacheScenarios();
      const run = ["run", "--no-prompt", "--allow-ffi", "--allow-env=TCPLAB_PCAP_LIBRARY", "--allow-run=ip"];
      const { success, stdout, stderr } = await new Deno.Command("unshare", {
        args: [
          ...(namespace?.options ?? []),
          ...["sh", "-c", `${SET_UP} && exec "$@"`, "sh"],
          ...[Deno.execPath(), ...run, SCENARIO_FILE, scenario, transmit, namespace?.queue ?? "none"],
        ],
        stdout: "piped",
        stderr: "piped",
      }).output();
      const decoder = new TextDecoder();
      assert(success, decoder.decode(stderr) + decoder.decode(stdout));
    },
  });
}
