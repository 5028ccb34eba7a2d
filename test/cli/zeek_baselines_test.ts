/**
 * Zeek's own baselines: every TCP connection in them has the conn_state and the history that we tell, but for differences that are known one by
 * one.
 *
 * Owns: which baseline is of which trace, and the reasons. Nothing of Zeek is here: TCPLAB_ZEEK_BTEST names the folder testing/btest of a
 * checkout, and without it the test is ignored.
 */
import { assertEquals, assertGreater } from "@std/assert";
import { SegmentReader } from "../../src/cli/capture_segments.ts";
import type { ExplainedConnection } from "../../src/story/explain_json.ts";
import { PacketStory } from "../../src/story/from_packets.ts";
import { Story } from "../../src/story/story.ts";
import { CaptureFile } from "../../src/wire/capture_file.ts";

const FORGETS =
  "Zeek forgets a connection some seconds after a RST, a try without answer or half an end, and begins another; here it is one";
const NOT_READ = "a tunnel over UDP, or a link header, that is not read here";
const FILTERED = "the test has packets filtered out of the trace";

/** Connections that differ in a baseline, and why. */
const KNOWN: Readonly<Record<string, readonly [count: number, why: string]>> = {
  "core.pbb": [1, NOT_READ],
  "core.pcap.dynamic-filter": [1, FILTERED],
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
  "scripts.base.frameworks.logging.field-extension": [1, "the test runs without Zeek's list of server ports"],
  "scripts.base.frameworks.logging.field-extension-complex": [1, "the same"],
  "scripts.base.frameworks.logging.field-extension-optional": [1, "the same"],
  "scripts.base.frameworks.netcontrol.packetfilter": [2, FILTERED],
  "scripts.base.protocols.ftp.ftp-max-command-length": [1, "X: Zeek's FTP analyzer gives the connection up"],
  "scripts.base.protocols.ftp.gridftp": [1, "Zeek stops looking at what it takes for bulk data"],
  "scripts.base.protocols.ldap.sasl-encrypted": [1, "C: the test has wrong checksums ignored"],
  "scripts.base.protocols.modbus.modbus_and_non_modbus_on_port_502": [2, FORGETS],
  "scripts.base.protocols.pop3.basic": [
    4,
    "a refused SYN sent again with the same number: one call here, a connection each in Zeek",
  ],
  "scripts.base.protocols.ssh.half-duplex-client": [10, FORGETS],
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

/** TCP connections of a log, where it tells their states and histories. */
function connectionsIn(log: string): Logged[] {
  const lines = log.split("\n");
  const names = lines.find((line) => line.startsWith("#fields"))?.split("\t").slice(1) ?? [];
  return lines.filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => Object.fromEntries(line.split("\t").map((cell, i) => [names[i] ?? "", cell])))
    .filter((row) => row.proto === "tcp" && "conn_state" in row && "history" in row && "id.orig_h" in row);
}

function explained(path: string): ExplainedConnection[] {
  const capture = new CaptureFile();
  const reader = new SegmentReader();
  const story = new Story({ rows: 0 });
  const packets = new PacketStory(story);
  capture.push(Deno.readFileSync(path));
  capture.end();
  for (let packet = capture.next(); packet !== null; packet = capture.next()) {
    const segment = reader.take(packet);
    if (segment !== null) packets.add(segment);
  }
  return story.explained();
}

function endpoint(host: string, port: string): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** How many of the logged connections none of ours is like. */
function differencesOf(logged: readonly Logged[], ours: readonly ExplainedConnection[]): number {
  const left = [...ours];
  let differences = 0;
  for (const row of logged) {
    const ends = [endpoint(row["id.orig_h"], row["id.orig_p"]), endpoint(row["id.resp_h"], row["id.resp_p"])];
    const at = left.findIndex(({ client, server, zeek }) =>
      ends.includes(client) && ends.includes(server) && zeek.state === row.conn_state &&
      zeek.history === row.history
    );
    if (at < 0) differences++;
    else left.splice(at, 1);
  }
  return differences;
}

Deno.test({
  name: "Zeek's baselines: conn_state and history of every TCP connection, but for known differences",
  ignore: FOLDER === undefined,
  fn: () => {
    const folder = FOLDER ?? "";
    const told = new Map<string, number>();
    let connections = 0;
    for (
      const { name } of [...Deno.readDirSync(`${folder}/Baseline`)].toSorted((a, b) =>
        a.name < b.name ? -1 : 1
      )
    ) {
      const test = testOf(folder, name);
      const logs = test === null || !Deno.statSync(`${folder}/Baseline/${name}`).isDirectory
        ? []
        : [...Deno.readDirSync(`${folder}/Baseline/${name}`)].filter((file) =>
          /^conn.*\.log/.test(file.name)
        );
      const traces = new Set(
        [...(test ?? "").matchAll(/\$\{?TRACES\}?\/([\w./+-]+\.(?:pcap|trace|pcapng|cap)(?:\.gz)?)/g)].map((
          [, path],
        ) => path),
      );
      const [trace] = traces;
      if (logs.length !== 1 || traces.size !== 1) continue;
      const path = `${folder}/Traces/${trace}`;
      const logged = connectionsIn(readText(`${folder}/Baseline/${name}/${logs[0].name}`) ?? "");
      if (logged.length === 0 || path.endsWith(".gz") || lengthOf(path) === null) continue;
      connections += logged.length;
      const differences = differencesOf(logged, explained(path));
      if (differences > 0) told.set(name, differences);
    }
    console.log(`${connections} connections of Zeek's baselines`);
    assertGreater(connections, 200);
    assertEquals(
      Object.fromEntries(told),
      Object.fromEntries(Object.entries(KNOWN).map(([name, [count]]) => [name, count])),
    );
  },
});

/** The length of a file; null where there is none: a checkout may lack its largest traces. */
function lengthOf(path: string): number | null {
  try {
    return Deno.statSync(path).size;
  } catch {
    return null;
  }
}
