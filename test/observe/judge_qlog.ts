/**
 * What qvis's own loader makes of the qlog of a capture: its loader is run on a file that `explain --qlog` has written.
 *
 *     deno run -A test/observe/judge_qlog.ts QVIS CAPTURE...
 *
 * QVIS is a checkout of github.com/quiclog/qvis, of which nothing is changed or kept here. Of its page only `vue` is needed, and of
 * QUIC's older schemas only their names: both stand in for themselves. Exit status 1 where an event is not found again, or the loader complains.
 *
 * Owns: what qvis needs around its loader, and the comparison. Must not know: how a qlog is made.
 */
import { resolve } from "@std/path";
import { selfCommand } from "../../src/cli/self_command.ts";

const [qvis, ...captures] = Deno.args;
if (captures.length === 0) {
  console.error(
    "Expected a checkout of qvis and captures, as in: deno run -A test/observe/judge_qlog.ts ../qvis test/wire/fixtures/tcp_loss.pcap",
  );
  Deno.exit(2);
}

const LOADER = `
import { QlogLoaderV2 } from "./src/data/QlogLoaderV2.ts";
const complaints = [];
console.log = () => {};
console.error = console.warn = globalThis.alert = (...words) => complaints.push(words.map(String).join(" "));
const group = QlogLoaderV2.fromJSON(JSON.parse(Deno.readTextFileSync(Deno.args[0])));
const traces = (group?.getConnections() ?? []).map((connection) => {
  connection.setupLookupTable();
  const names = [["transport", "packet_sent"], ["transport", "packet_received"], ["recovery", "packet_lost"], ["recovery", "metrics_updated"]];
  const counts = names.map(([category, name]) => [category + ":" + name, connection.lookup(category, name).length]);
  const parsed = connection.getEvents().map((event) => {
    // One and the same object for all of them.
    const { relativeTime, category, name } = connection.parseEvent(event);
    return [relativeTime, category + ":" + name];
  });
  return { title: connection.title, counts, parsed };
});
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify({ complaints, traces })));
`;
const CONFIG = {
  compilerOptions: { experimentalDecorators: true },
  imports: {
    "@/": "./src/",
    "@quictools/qlog-schema/draft-01/QLog": "./schema.ts",
    "@quictools/qlog-schema/draft-16/QLog": "./schema.ts",
    "vue": "./vue.ts",
    "vue-class-component": "./vue.ts",
  },
};
const SCHEMA = "export const EventCategory: any = {}; export const EventType: any = {};";
const VUE = `export class Vue { static set(object: any, key: any, value: any) { object[key] = value; } }
export const Component = () => (one: any) => one;
export const Prop = Component, Watch = Component;
export default Vue;`;

async function output(program: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args], stdin: "null" })
    .output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

let isSound = true;
const scratch = await Deno.makeTempDir();
try {
  await Deno.symlink(resolve(qvis, "visualizations/src"), `${scratch}/src`);
  const parts = {
    "deno.json": JSON.stringify(CONFIG),
    "schema.ts": SCHEMA,
    "vue.ts": VUE,
    "load.ts": LOADER,
  };
  for (const [name, text] of Object.entries(parts)) await Deno.writeTextFile(`${scratch}/${name}`, text);
  const file = `${scratch}/a.qlog`;
  for (const capture of captures) {
    const [program, ...words] = selfCommand();
    await output(program, [...words, "explain", capture, "--show", "list", "--qlog", file]);
    const written = JSON.parse(await Deno.readTextFile(file));
    const flags = ["--no-check", "--unstable-sloppy-imports", "--config", `${scratch}/deno.json`];
    const { complaints, traces } = JSON.parse(
      await output(Deno.execPath(), ["run", "-A", ...flags, `${scratch}/load.ts`, file]),
    );
    for (const [i, { events, title }] of written.traces.entries()) {
      const names = events.map(({ name }: { name: string }) => name);
      const { title: foundTitle, counts = [], parsed = [] } = traces[i] ?? {};
      const isSame = foundTitle === title && parsed.length === events.length &&
        events.every(({ time, name }: { time: number; name: string }, at: number) =>
          Math.abs(parsed[at][0] - time) < 1e-6 && parsed[at][1] === name
        ) &&
        counts.every(([name, count]: [string, number]) =>
          count === names.filter((one: string) => one === name).length
        );
      if (!isSame) isSound = false;
      console.log(
        `${capture} ${title}: ${isSame ? "found again" : "NOT THE SAME"}: ${
          counts.map((one: unknown[]) => one.join(" ")).join(", ")
        }`,
      );
    }
    for (const complaint of complaints) {
      isSound = false;
      console.log(`${capture}: qvis complains: ${complaint}`);
    }
  }
} finally {
  await Deno.remove(scratch, { recursive: true });
}
Deno.exit(isSound ? 0 : 1);
