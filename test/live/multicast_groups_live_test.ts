/**
 * A bridge of Linux believes our reports: it lists the groups behind the port to which they came, goes on listing them while
 * its queries are answered, and takes off the one that is left, with queries of either version of MLD.
 *
 * multicast_groups_scenario.ts runs inside `unshare`, without root where the kernel allows that; where neither works, the tests
 * are reported as ignored.
 */
import { assert } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { withoutLibpcap } from "../ffi/native_library.ts";

const SCENARIO_FILE = fromFileUrl(new URL("./multicast_groups_scenario.ts", import.meta.url));

/** A bridge that asks once a second, in hundredths of a second, and tc0 with tc1 as its port; the kernel's own IPv6 says nothing on tc0. */
function setUp(version: string): string {
  const intervals =
    "mcast_query_interval 100 mcast_startup_query_interval 100 mcast_query_response_interval 50 " +
    "mcast_membership_interval 300 mcast_last_member_interval 50";
  return [
    `ip link add br0 type bridge mcast_snooping 1 mcast_querier 1 mcast_mld_version ${version} ${intervals}`,
    "ip link add tc0 type veth peer name tc1",
    "ip link set tc1 master br0",
    "ip link set tc0 addrgenmode none",
    "ip link set tc1 addrgenmode none",
    "ip link set br0 up",
    "ip link set tc0 up",
    "ip link set tc1 up",
  ].join(" && ");
}

/** The options of `unshare` that work here, null where none do. */
async function namespaceOptions(): Promise<readonly string[] | null> {
  for (const options of [["--user", "--map-root-user", "--net"], ["--net"]]) {
    try {
      const args = [...options, "sh", "-c", `${setUp("2")} && bridge -j mdb show dev br0`];
      const probe = new Deno.Command("unshare", { args, stdout: "null", stderr: "null" });
      if ((await probe.output()).success) return options;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  }
  return null;
}

const options = await namespaceOptions();

for (const version of ["1", "2"]) {
  const why = options === null ? " (skipped: no bridges in network namespaces here)" : withoutLibpcap;
  Deno.test({
    name: `multicast groups: a bridge that asks in version ${version} lists what we report${why}`,
    ignore: why !== "",
    async fn() {
      const decoder = new TextDecoder();
      // Inside a namespace there is no network to fetch imports from.
      const cached = await new Deno.Command(Deno.execPath(), { args: ["cache", SCENARIO_FILE] }).output();
      assert(cached.success, decoder.decode(cached.stderr));
      const rights = ["--allow-ffi", "--allow-env=TCPLAB_PCAP_LIBRARY", "--allow-run=ip,bridge"];
      const { success, stdout, stderr } = await new Deno.Command("unshare", {
        args: [
          ...(options ?? []),
          ...["sh", "-c", `${setUp(version)} && exec "$@"`, "sh"],
          ...[Deno.execPath(), "run", "--no-prompt", ...rights, SCENARIO_FILE, version],
        ],
        stdout: "piped",
        stderr: "piped",
      }).output();
      assert(success, decoder.decode(stderr) + decoder.decode(stdout));
    },
  });
}
