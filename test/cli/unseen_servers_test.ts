/** Servers that are not shown: how they are counted, what is said of them, and that it is never "none". */
import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { netstatText } from "../../src/cli/netstat.ts";
import { countListeningServers, unseenLines, type UnseenServers } from "../../src/cli/unseen_servers.ts";
import { openControlSocket } from "../../src/runtime/control_socket.ts";

/** Of a machine that is busy with other tests, too. */
const PATIENCE_MS = 60_000;
/** Others may begin and end beside this process meanwhile, but hardly as often. */
const LOOKS = 20;

const NOBODY: UnseenServers = { closed: 0, elsewhere: 0, silent: [], silentUsers: [], isRoot: false };

Deno.test({
  name:
    "a control socket is known by its name, counted once for each namespace, and only while somebody listens",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const table = `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 43710 /run/tcplab/.12ab34cd.tcplab
0000000000000000: 00000003 00000000 00000000 0001 03 43711 /run/tcplab/.12ab34cd.tcplab
0000000000000000: 00000002 00000000 00010000 0001 01   712 /srv/a b/.00000000.tcplab
0000000000000000: 00000002 00000000 00010000 0001 01 43713 /tmp/x.tcplab
0000000000000000: 00000002 00000000 00010000 0001 01 43714 @/run/tcplab/.12ab34cd.tcplab.old
0000000000000000: 00000002 00000000 00010000 0001 01 43715
`;
    const place = Deno.makeTempDirSync({ prefix: "tcplab-test-" });
    try {
      const count = () => countListeningServers(`${place}/[0-9]*`, PATIENCE_MS);
      assertEquals(await count(), 0);
      Deno.writeTextFileSync(`${place}/1`, table);
      assertEquals(await count(), 2);
      // Another process of the same namespace, and one of another.
      Deno.linkSync(`${place}/1`, `${place}/2`);
      assertEquals(await count(), 2);
      Deno.writeTextFileSync(`${place}/3`, table);
      assertEquals(await count(), 4);
      const line = table.split("\n")[1] + "\n";
      const noText = Uint8Array.of(...new TextEncoder().encode(line.slice(0, -1)), 0xff, 0x0a);
      Deno.writeFileSync(`${place}/3`, Uint8Array.of(...noText, ...new TextEncoder().encode(line)));
      assertEquals(await count(), 3);
      // As many as anybody likes: what is read of it stays a number.
      Deno.writeTextFileSync(`${place}/3`, table.repeat(20_000));
      assertEquals(await count(), 40_002);
    } finally {
      Deno.removeSync(place, { recursive: true });
    }
  },
});

/** A named pipe, and a file whose number is larger: what is sorted by number comes to it later. */
async function pipeBefore(place: string, file: string): Promise<string> {
  const pipe = `${place}/0`;
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  const { ino } = Deno.statSync(pipe);
  for (let spare = 0; (Deno.statSync(file).ino ?? 0) < (ino ?? 0); spare++) {
    Deno.renameSync(file, `${place}/spare${spare}`);
    Deno.copyFileSync(`${place}/spare${spare}`, file);
  }
  return pipe;
}

Deno.test({
  name: "a namespace is counted although the process in whose list it would be looked up has just ended",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const place = Deno.makeTempDirSync({ prefix: "tcplab-test-" });
    try {
      Deno.writeTextFileSync(
        `${place}/1`,
        "0000000000000000: 00000002 00000000 00010000 0001 01 43710 /run/tcplab/.12ab34cd.tcplab\n",
      );
      const pipe = await pipeBefore(place, `${place}/1`);
      Deno.linkSync(`${place}/1`, `${place}/2`);
      const counting = countListeningServers(`${place}/[0-9]*`, PATIENCE_MS);
      // All have been listed by the time that the first is read.
      const held = await Deno.open(pipe, { write: true });
      Deno.removeSync(`${place}/1`);
      held.close();
      assertEquals(await counting, 1);
    } finally {
      Deno.removeSync(place, { recursive: true });
    }
  },
});

/** How many more are counted in this process's own list while a control socket is open than before, and when it is closed again. */
async function countedMore(directory: string): Promise<{ own: string; all: number | null }> {
  const count = () => countListeningServers(`/proc/${Deno.pid}/net/unix`, PATIENCE_MS);
  const before = await count();
  const socket = await openControlSocket({ directory, pid: 1, answer: () => null });
  const during = await count();
  const all = await countListeningServers(undefined, PATIENCE_MS);
  socket[Symbol.dispose]();
  const after = await count();
  const own = [during, after].map((found) => found === null || before === null ? null : found - before);
  return { own: own.join(), all };
}

Deno.test({
  name: "the kernel's own lists name a control socket while somebody listens on it",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const directory = await Deno.makeTempDir({ prefix: "tcplab-test-" });
    try {
      const seen: string[] = [];
      while (seen.length < LOOKS && seen.at(-1) !== "1,0") {
        const { own, all } = await countedMore(directory);
        // In the lists of all processes it is, too, whoever else is there.
        assertGreaterOrEqual(all ?? NaN, 1);
        seen.push(own);
      }
      assertEquals(seen.at(-1), "1,0", seen.join(" "));
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test("who may not see everything hears how many there are, and what to do", () => {
  const lines = (known: Partial<UnseenServers>) => unseenLines({ ...NOBODY, ...known });
  assertEquals(lines({}), []);
  assertEquals(lines({ elsewhere: null }), []);
  assertEquals(lines({ closed: 1 }), ["1 server of another user: sudo tcplab netstat"]);
  assertEquals(lines({ closed: 1, elsewhere: 2 }), ["2 servers of other users: sudo tcplab netstat"]);
  assertEquals(lines({ closed: 2, elsewhere: null }), ["2 servers of other users: sudo tcplab netstat"]);
  assertEquals(lines({ elsewhere: 1, isRoot: true }), [
    "1 server in other labs or containers: tcplab netstat in there shows it",
  ]);
  assertEquals(lines({ silentUsers: [7, 7, 8], elsewhere: 3, isRoot: true }), [
    "Servers of user 7, user 8 cannot be asked from here: tcplab netstat as that user shows them",
  ]);
  // A server that stands still is one of those that are not shown, and not another user's.
  assertEquals(lines({ silent: ["4711"], elsewhere: 1 }), [
    "1 server of yours without an answer: process 4711 does not speak (stopped, or busy)",
  ]);
  assertEquals(lines({ silent: ["4711", "4712"], elsewhere: 3 }), [
    "2 servers of yours without an answer: processes 4711, 4712 do not speak (stopped, or busy)",
    "1 server of another user: sudo tcplab netstat",
  ]);
});

Deno.test("that no server runs is said only when none does", () => {
  const text = (unseen: Partial<UnseenServers>) =>
    netstatText([], { kernel: null, details: false, color: false, now: 0, unseen: { ...NOBODY, ...unseen } });
  assertEquals(text({}), "No tcplab server is running on this host.");
  assertEquals(
    text({ elsewhere: 2 }),
    "No tcplab server that can be asked from here.\n\n2 servers of other users: sudo tcplab netstat",
  );
});
