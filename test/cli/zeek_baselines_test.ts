/**
 * Zeek's own baselines: every TCP connection in them has the conn_state and the history that we tell, but for differences that are known one by
 * one.
 *
 * Owns: which baseline is of which trace, and the reasons. Nothing of Zeek is here: TCPLAB_ZEEK_BTEST names the folder testing/btest of a
 * checkout, and without it the test is ignored.
 */
import { assertEquals, assertGreater } from "@std/assert";
import { readCapture } from "../../src/cli/capture_input.ts";
import { SegmentReader } from "../../src/cli/capture_segments.ts";
import type { ExplainedConnection } from "../../src/story/explain_json.ts";
import { PacketStory } from "../../src/story/from_packets.ts";
import { Story } from "../../src/story/story.ts";

const FORGETS =
  "Zeek forgets a connection some seconds after a RST, a try without answer or half an end, and begins another; here it is one";
const NOT_READ = "a tunnel over UDP, or a link header, that is not read here";
const NO_PORTS = "the test runs without Zeek's list of server ports";
const SUMS_IGNORED = "C: the test has wrong checksums ignored";
const FILTERED = "the test has packets filtered out of the trace";

/** Connections that differ in a baseline, and why. */
const KNOWN: Readonly<Record<string, readonly [count: number, why: string]>> = {
  "core.checksums_ignore_nets": [
    2,
    "sums that are left to a device count here, and are wrong to Zeek unless told otherwise",
  ],
  "core.expire-all-timers": [2, FORGETS],
  "core.pbb": [1, NOT_READ],
  "core.pcap.dynamic-filter": [1, FILTERED],
  "core.tcp.rxmit-history": [
    1,
    "g: the capture has cut all payload, which is a gap to Zeek; here the headers say what passed",
  ],
  "core.tunnels.analyzer-confirmation": [1, NOT_READ],
  "core.tunnels.ayiya": [1, NOT_READ],
  "core.tunnels.geneve-47101": [1, NOT_READ],
  "core.tunnels.geneve-many-options": [1, NOT_READ],
  "core.tunnels.gre-aruba-amsdu": [1, NOT_READ],
  "core.tunnels.gre-over-udp": [1, NOT_READ],
  "core.tunnels.gtp.different_dl_and_ul": [1, NOT_READ],
  "core.tunnels.gtp.opt_header": [1, NOT_READ],
  "core.tunnels.gtp.outer_ip_frag": [1, NOT_READ],
  "core.tunnels.teredo": [9, `${FORGETS}; and one is in a tunnel over UDP, which is not read here`],
  "core.tunnels.teredo_bubble_with_payload": [1, NOT_READ],
  "core.vntag-in-vlan": [1, NOT_READ],
  "scripts.base.frameworks.logging.field-extension": [1, NO_PORTS],
  "scripts.base.frameworks.logging.field-extension-complex": [1, NO_PORTS],
  "scripts.base.frameworks.logging.field-extension-include-exclude": [1, NO_PORTS],
  "scripts.base.frameworks.logging.field-extension-optional": [1, NO_PORTS],
  "scripts.base.frameworks.netcontrol.packetfilter": [2, FILTERED],
  "scripts.base.protocols.ftp.ftp-max-command-length": [1, "X: Zeek's FTP analyzer gives the connection up"],
  "scripts.base.protocols.ftp.gridftp": [1, "Zeek stops looking at what it takes for bulk data"],
  "scripts.base.protocols.ldap.sasl-encrypted": [1, SUMS_IGNORED],
  "scripts.base.protocols.ldap.sasl-signed-clear": [3, SUMS_IGNORED],
  "scripts.base.protocols.ldap.sasl-signed-clear-2": [1, SUMS_IGNORED],
  "scripts.base.protocols.modbus.modbus_and_non_modbus_on_port_502": [2, FORGETS],
  "scripts.base.protocols.pop3.basic": [
    4,
    "a refused SYN sent again with the same number: one call here, a connection each in Zeek",
  ],
  "scripts.base.protocols.ssh.half-duplex-client": [10, FORGETS],
  "scripts.policy.protocols.conn.mac-logging": [
    1333,
    `one RST a minute for a day: one connection here, 1,333 in Zeek, each of them with the same words; and one: ${NO_PORTS}`,
  ],
};

const FOLDER = Deno.env.get("TCPLAB_ZEEK_BTEST");
const TEST_ENDINGS = [".zeek", ".test", ".sh", ".btest", ".txt", ""];

/** One line of a conn.log. */
type Logged = Readonly<Record<string, string>>;

function readText(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return null;
  }
}

/** The text of the test whose baseline is called so; some have several, numbered. */
function testOf(folder: string, name: string): string | null {
  for (const stem of new Set([name, name.replace(/-\d+$/, "")])) {
    for (const ending of TEST_ENDINGS) {
      const text = readText(`${folder}/${stem.replaceAll(".", "/")}${ending}`);
      if (text !== null) return text;
    }
  }
  return null;
}

const TRACE = /\$\{?TRACES\}?\/([\w./+-]+\.(?:pcapng|pcap|trace|cap)(?:\.gz)?)(?![\w])/g;

function tracesIn(text: string): string[] {
  return [...text.matchAll(TRACE)].map(([, path]) => path);
}

/**
 * The trace of each log, as the commands of the test tell: Zeek reads one, and what it has written is renamed, or compared as it is. A log of
 * which no command tells is of the only trace that there is.
 */
function tracesOfLogs(test: string): (log: string) => string | null {
  const known = new Map<string, string>();
  let current: string | null = null;
  for (const line of test.split("\n").filter((text) => text.includes("@TEST-EXEC"))) {
    const [last] = line.includes("zeek") ? tracesIn(line).slice(-1) : [];
    current = last ?? current;
    if (current === null) continue;
    for (const [, from, to] of line.matchAll(/(?:mv|cp|cat) (conn\S*\.log) (?:> ?)?(conn\S*\.log)/g)) {
      known.set(to, known.get(from) ?? current);
    }
    const [, compared] = /btest-diff (conn\S*\.log)/.exec(line) ?? [];
    if (compared !== undefined && !known.has(compared)) known.set(compared, current);
  }
  const all = new Set(tracesIn(test));
  const [only] = all.size === 1 ? all : [];
  return (log) => known.get(log) ?? only ?? null;
}

/** TCP connections of a log, where it tells their states and histories. */
function connectionsIn(log: string): Logged[] {
  const lines = log.split("\n");
  const names = lines.find((line) => line.startsWith("#fields"))?.split("\t").slice(1) ?? [];
  return lines.filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => Object.fromEntries(line.split("\t").map((cell, i) => [names[i] ?? "", cell])))
    .filter((row) => row.proto === "tcp" && "conn_state" in row && "history" in row && "id.orig_h" in row);
}

/** Null where no packet is of a link type that is read. */
async function explained(path: string): Promise<ExplainedConnection[] | null> {
  const reader = new SegmentReader();
  const story = new Story({ rows: 0 });
  const packets = new PacketStory(story);
  await readCapture(path, {
    onPacket: (packet) => {
      const segment = reader.take(packet);
      if (segment !== null) packets.add(segment);
    },
  });
  const isOfOtherLinks = [...reader.skipped.keys()].every((reason) => reason.startsWith("link-type-"));
  return reader.segments === 0 && isOfOtherLinks ? null : story.explained();
}

function endpoint(host: string, port: string): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Of each logged connection that none of ours is like: what Zeek says, and what we say of those between the same ends. */
function differencesOf(logged: readonly Logged[], ours: readonly ExplainedConnection[]): string[] {
  const left = [...ours];
  const differences: string[] = [];
  for (const row of logged) {
    const ends = [endpoint(row["id.orig_h"], row["id.orig_p"]), endpoint(row["id.resp_h"], row["id.resp_p"])];
    const isBetween = ({ client, server }: ExplainedConnection) =>
      ends.includes(client) && ends.includes(server);
    const at = left.findIndex((one) =>
      isBetween(one) && one.zeek.state === row.conn_state && one.zeek.history === row.history
    );
    if (at >= 0) left.splice(at, 1);
    else {
      const said = ours.filter(isBetween).map(({ zeek }) => `${zeek.state} ${zeek.history}`).join(", ");
      differences.push(`${ends.join(" > ")}: ${row.conn_state} ${row.history}, not ${said}`);
    }
  }
  return differences;
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).toSorted((a, b) => a < b ? -1 : 1);
}

/** One log with TCP connections, and the trace of which it is; null where no command tells. */
interface Baseline {
  readonly name: string;
  readonly log: string;
  readonly logged: readonly Logged[];
  readonly trace: string | null;
  readonly hasTest: boolean;
}

function* baselinesIn(folder: string): Generator<Baseline> {
  for (const name of namesIn(`${folder}/Baseline`)) {
    if (!Deno.statSync(`${folder}/Baseline/${name}`).isDirectory) continue;
    const test = testOf(folder, name);
    const traceOf = tracesOfLogs(test ?? "");
    for (const log of namesIn(`${folder}/Baseline/${name}`).filter((file) => /^conn.*\.log$/.test(file))) {
      const logged = connectionsIn(readText(`${folder}/Baseline/${name}/${log}`) ?? "");
      if (logged.length > 0) yield { name, log, logged, trace: traceOf(log), hasTest: test !== null };
    }
  }
}

/** What we say of the trace, or why nothing can be compared. */
async function ourTelling(
  { trace, hasTest }: Baseline,
  folder: string,
): Promise<readonly ExplainedConnection[] | string> {
  if (!hasTest) return "no test of that name";
  if (trace === null) return "its packets come from no trace";
  const path = `${folder}/Traces/${trace}`;
  if (!isFile(path)) return "the trace is not in this checkout";
  return await explained(path) ?? "the trace is of a link type that is not read";
}

Deno.test("the trace of a log is that which Zeek had read before it was renamed or compared", () => {
  const traceOf = tracesOfLogs(`
    # @TEST-EXEC: zeek -r $TRACES/a.pcapng %INPUT && mv conn.log conn-1.log
    # @TEST-EXEC: zeek -b -r ${"${TRACES}"}/b/c.pcap.gz %INPUT
    # @TEST-EXEC: mv conn.log second_conn.log
    # @TEST-EXEC: cat conn.log > conn2.log
    # @TEST-EXEC: zeek -r $TRACES/d.trace
    # @TEST-EXEC: btest-diff conn-1.log
    # @TEST-EXEC: btest-diff conn.log`);
  const traces = ["conn-1.log", "conn2.log", "conn.log", "conn-3.log"].map((log) => traceOf(log));
  assertEquals(traces, ["a.pcapng", "b/c.pcap.gz", "d.trace", null]);
  const single = tracesOfLogs("# @TEST-EXEC: zeek -r $TRACES/a.pcap %INPUT");
  assertEquals([single("conn.log"), single("conn-inc.log")], ["a.pcap", "a.pcap"]);
  assertEquals(tracesOfLogs("# @TEST-EXEC: zeek -r foo::X")("conn.log"), null);
});

Deno.test({
  name: "Zeek's baselines: conn_state and history of every TCP connection, but for known differences",
  ignore: FOLDER === undefined,
  fn: async () => {
    const folder = FOLDER ?? "";
    const told = new Map<string, string[]>();
    const compared = { baselines: new Set<string>(), logs: 0, connections: 0, same: 0 };
    const skipped: string[] = [];
    for (const baseline of baselinesIn(folder)) {
      const { name, log, logged, trace } = baseline;
      const ours = await ourTelling(baseline, folder);
      if (typeof ours === "string") {
        skipped.push(`${ours}: ${name} ${log} (${trace ?? "-"}, ${logged.length} connections)`);
        continue;
      }
      const differences = differencesOf(logged, ours);
      compared.baselines.add(name);
      compared.logs++;
      compared.connections += logged.length;
      compared.same += logged.length - differences.length;
      if (differences.length > 0) told.set(name, [...told.get(name) ?? [], ...differences]);
    }
    const { baselines, logs, connections, same } = compared;
    console.log(
      `${connections} connections in ${logs} logs of ${baselines.size} baselines, ${same} the same; ` +
        `not compared: ${skipped.length} logs\n${skipped.toSorted().join("\n")}`,
    );
    assertGreater(connections, 300);
    for (const [name, differences] of told) {
      if (differences.length !== KNOWN[name]?.[0]) {
        console.log([name, ...differences.slice(0, 20)].join("\n  "));
      }
    }
    assertEquals(
      Object.fromEntries([...told].map(([name, { length }]) => [name, length])),
      Object.fromEntries(Object.entries(KNOWN).map(([name, [count]]) => [name, count])),
    );
  },
});

/** A checkout may lack its largest traces. */
function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
