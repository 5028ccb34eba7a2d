/**
 * Neighbor discovery with Linux as the other: it finds us and stays REACHABLE, answers us, follows an announcement, is kept
 * from an address of ours, keeps us from one of its own, and is followed when it moves; tshark judges what was on the wire.
 */
import { assertEquals } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { besideTests, liveTest, scratchFile } from "./private_lab.ts";
import { waitFor } from "./wait_for.ts";
import { JUDGE_PROGRAMS, WireRecording } from "./wire_judge.ts";

const OURS = "fd33::3";
const OUR_MAC = "02:00:00:00:00:01";
const NEW_MAC = "02:00:00:00:aa:01";

async function onClient(lab: PrivateLab, script: string): Promise<string> {
  const { stdout, stderr } = await lab.run({ side: "client", words: ["sh", "-c", script] });
  return stdout + stderr;
}

/** The station on the server's side; `hears` waits for a line of it, `tells` gives it one. */
async function startStation(lab: PrivateLab) {
  const heard: string[] = [];
  const process = lab.spawn({
    side: "server",
    stdin: true,
    words: [
      Deno.execPath(),
      "run",
      "-A",
      "--quiet",
      besideTests("ndp_station.ts"),
      lab.plan.devices.server,
      OURS,
    ],
    onStdout: (line) => heard.push(line),
  });
  const hears = async (text: string) => {
    const isHeard = () => {
      if (process.ended) throw new Error(`The station has ended: ${process.stderr}`);
      const at = heard.findIndex((line) => line.includes(text));
      if (at >= 0) heard.splice(at, 1);
      return at >= 0;
    };
    try {
      await waitFor(isHeard, { what: `the station says "${text}"` });
    } catch (error) {
      throw new Error(`It has said: ${heard.join(", ")}`, { cause: error });
    }
  };
  await hears("ready");
  const tells = (line: string) => process.write(new TextEncoder().encode(`${line}\n`));
  return { hears, tells, heard, [Symbol.asyncDispose]: async () => void await process.stop() };
}

/** What Linux has of our address. */
function neighborOf(lab: PrivateLab): Promise<string> {
  return onClient(lab, `ip -6 neigh show ${OURS} dev ${lab.plan.devices.client}`);
}

liveTest(
  "NDP: Linux finds us and we find Linux, both REACHABLE; each announcement is followed",
  {},
  async (lab) => {
    const device = lab.plan.devices.client;
    await using station = await startStation(lab);
    await waitFor(async () => {
      await onClient(lab, `ping -6 -c 1 -W 1 ${OURS}`);
      return (await neighborOf(lab)).includes(`lladdr ${OUR_MAC} REACHABLE`);
    }, { what: "Linux has found us" });

    const theirs = (await onClient(lab, `cat /sys/class/net/${device}/address`)).trim();
    await station.tells("open fd33::2");
    // It has told where it is when it asked for us; a poll to it alone is answered.
    await station.hears(`hop STALE ${theirs}`);
    await station.tells("doubt");
    await station.hears("hop PROBE");
    await station.hears(`hop REACHABLE ${theirs}`);

    // Linux believes another for a moment; our announcement overrides it.
    await onClient(lab, `ip -6 neigh replace ${OURS} lladdr 02:00:00:00:00:66 nud stale dev ${device}`);
    await station.tells("announce");
    await waitFor(async () => (await neighborOf(lab)).includes(OUR_MAC), {
      what: "Linux follows the announcement",
    });

    // Linux has a new card, and says so.
    await onClient(
      lab,
      `sysctl -qw net.ipv6.conf.${device}.ndisc_notify=1; ip link set dev ${device} address ${NEW_MAC}`,
    );
    await station.hears(`${NEW_MAC}`);
  },
);

liveTest("NDP: nobody gets an address of ours, and we none of Linux's (RFC 4862 §5.4)", {}, async (lab) => {
  const device = lab.plan.devices.client;
  await using station = await startStation(lab);
  const theirs = (await onClient(lab, `cat /sys/class/net/${device}/address`)).trim();
  await station.tells("ask fd33::2");
  await station.hears(`found fd33::2 ${theirs}`);
  await station.tells("ask fd33::77");
  await station.tells("claim fd33::2");
  await station.hears(`lost fd33::2 ${theirs}`);
  await station.tells("claim fd33::78");
  await station.hears("kept fd33::78");
  assertEquals(station.heard.filter((line) => line.startsWith("found fd33::77")), []);

  // So long Linux waits for an objection, which a busy machine may need: twenty seconds instead of one.
  await onClient(
    lab,
    `sysctl -qw net.ipv6.conf.${device}.accept_dad=1 net.ipv6.neigh.${device}.retrans_time_ms=20000`,
  );
  for (const address of [OURS, "fd33::78"]) {
    await onClient(lab, `ip -6 addr add ${address}/64 dev ${device}`);
    await waitFor(
      async () =>
        (await onClient(lab, `ip -6 addr show dev ${device}`)).includes(
          `${address}/64 scope global dadfailed`,
        ),
      { what: `Linux gives ${address} up` },
    );
  }
});

liveTest(
  "NDP: tshark finds nothing wrong with what we say",
  { needs: JUDGE_PROGRAMS },
  async (lab) => {
    await using file = await scratchFile(".pcapng");
    const { client } = lab.plan.devices;
    const recording = await WireRecording.start(lab, file.path);
    await using station = await startStation(lab);
    await station.tells("open fd33::2");
    await station.hears("hop REACHABLE");
    await onClient(lab, `ip -6 neigh flush dev ${client}; ping -6 -c 1 -W 1 ${OURS}`);
    await station.tells("doubt");
    await station.hears("hop PROBE");
    await station.tells("announce");
    await station.tells("claim fd33::78");
    await station.hears("kept fd33::78");
    await recording.end();
    const judge = async (filter: string) => {
      const words = ["tshark", "-r", file.path, "-Y", `eth.src == ${OUR_MAC} && ${filter}`];
      const { stdout } = await lab.run({ words });
      return stdout.trim().split("\n").filter((line) => line !== "");
    };
    assertEquals(await judge("(_ws.malformed || icmpv6.checksum.status == 0 || ipv6.hlim != 255)"), []);
    const answer = "icmpv6.nd.na.flag.s == 1 && icmpv6.nd.na.flag.o == 1 && icmpv6.nd.na.flag.r == 0";
    for (
      const filter of [
        `icmpv6.type == 136 && icmpv6.nd.na.target_address == ${OURS} && ${answer} && icmpv6.opt.linkaddr == ${OUR_MAC}`,
        `icmpv6.type == 135 && ipv6.dst == ff02::1:ff00:2 && icmpv6.opt.linkaddr == ${OUR_MAC}`,
        "icmpv6.type == 135 && ipv6.dst == fd33::2",
        "icmpv6.type == 135 && ipv6.src == :: && ipv6.dst == ff02::1:ff00:78 && eth.dst == 33:33:ff:00:00:78",
        "icmpv6.type == 136 && ipv6.dst == ff02::1 && icmpv6.nd.na.flag.s == 0 && icmpv6.nd.na.flag.o == 1",
      ]
    ) {
      assertEquals((await judge(filter)).length > 0, true, filter);
    }
  },
);
