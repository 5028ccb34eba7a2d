/** Control sockets in a directory of their own: rights, the one request, bounds, and what is left behind. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { askForSnapshot, findServers } from "../../src/runtime/control_client.ts";
import { openControlSocket } from "../../src/runtime/control_socket.ts";

interface Snapshot {
  readonly pid: number;
}

function isSnapshot(value: unknown): value is Snapshot {
  return typeof value === "object" && value !== null && "pid" in value && typeof value.pid === "number";
}

/** A directory that goes with the test. */
function scratch(): { path: string } & Disposable {
  const path = Deno.makeTempDirSync({ prefix: "tcplab-test-" });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

/** What a client that sends `text` hears. */
async function hear(path: string, text: string): Promise<string> {
  using client = await Deno.connect({ transport: "unix", path });
  await client.write(new TextEncoder().encode(text));
  return await new Response(client.readable).text().catch(() => "");
}

Deno.test("a server's snapshot is found, and its file is its owner's alone and goes with it", async () => {
  using directory = scratch();
  const umask = Deno.umask();
  const snapshotNow = () => ({ pid: 4711, connections: ["a-b"] });
  const socket = await openControlSocket({
    directory: directory.path,
    pid: 4711,
    snapshot: snapshotNow,
  });
  assertEquals(Deno.umask(), umask);
  assertEquals(socket.path, join(directory.path, "4711.sock"));
  assertEquals((Deno.lstatSync(socket.path).mode ?? 0) & 0o777, 0o600);
  const directories = [directory.path, join(directory.path, "missing")];
  assertEquals(await findServers(isSnapshot, { directories }), [snapshotNow()]);
  assertEquals(await findServers((_): _ is string => false, { directories }), []);
  socket.close();
  socket.close();
  assertEquals([...Deno.readDirSync(directory.path)], []);
  assertEquals(await findServers(isSnapshot, { directories }), []);
});

Deno.test("two servers of one process number live side by side", async () => {
  using directory = scratch();
  const options = { directory: directory.path, pid: 2 };
  using _a = await openControlSocket({ ...options, snapshot: () => ({ pid: 2, name: "a" }) });
  using b = await openControlSocket({ ...options, snapshot: () => ({ pid: 2, name: "b" }) });
  assertEquals(b.path, join(directory.path, "2-1.sock"));
  assertEquals((await findServers(isSnapshot, { directories: [directory.path] })).length, 2);
});

Deno.test("the file of a server that died is removed by the next starter, a fresh one is left alone", async () => {
  using directory = scratch();
  const dead = join(directory.path, "100.sock");
  const starting = join(directory.path, "101.sock");
  for (const path of [dead, starting]) {
    // Closing removes the file, as a kill does not: a second name of it stays.
    const other = `${path}.bound`;
    const listener = Deno.listen({ transport: "unix", path: other });
    Deno.linkSync(other, path);
    listener.close();
  }
  Deno.utimeSync(dead, 1, 1);
  assertEquals(await askForSnapshot(starting), null);
  assert(existing(starting));
  using _socket = await openControlSocket({
    directory: directory.path,
    pid: 102,
    snapshot: () => ({ pid: 102 }),
  });
  assert(!existing(dead));
  assert(existing(starting));
});

Deno.test("other requests get a line that says what was expected, endless ones nothing", async () => {
  using directory = scratch();
  using socket = await openControlSocket({ directory: directory.path, pid: 5, snapshot: () => ({ pid: 5 }) });
  for (const request of ['{"request":"shutdown"}\n', "hello\n", "null\n", `${"x".repeat(1000)}\n`]) {
    const answer = await hear(socket.path, request);
    // A server that closes with unread bytes may take its own answer back; it must never give the snapshot.
    if (request.length < 256) assert(answer.startsWith('{"error":"Expected one line of JSON'), answer);
    assert(!answer.includes("pid"));
  }
  assertEquals(await hear(socket.path, '{"request":"snapshot"}\n'), '{"pid":5}\n');
});

Deno.test("more than a handful of idle clients are turned away, and the others still served", async () => {
  using directory = scratch();
  using socket = await openControlSocket({ directory: directory.path, pid: 5, snapshot: () => ({ pid: 5 }) });
  const idle: Deno.UnixConn[] = [];
  for (let i = 0; i < 16; i++) idle.push(await Deno.connect({ transport: "unix", path: socket.path }));
  assertEquals(await askForSnapshot(socket.path), null);
  idle.pop()?.close();
  let answer: unknown = null;
  for (let tries = 0; answer === null && tries < 100; tries++) answer = await askForSnapshot(socket.path);
  assertEquals(answer, { pid: 5 });
  for (const client of idle) client.close();
});

Deno.test("answers are bounded together: what is longer is not shown, and the rest is", async () => {
  using directory = scratch();
  const options = { directory: directory.path };
  using _long = await openControlSocket({
    ...options,
    pid: 1,
    snapshot: () => ({ pid: 1, lie: "x".repeat(300_000) }),
  });
  const directories = [directory.path];
  assertEquals(await findServers(isSnapshot, { directories, mostBytes: 100_000 }), []);
  assertEquals((await findServers(isSnapshot, { directories, mostBytes: 400_000 })).length, 1);
});

Deno.test("a link in the directory is not followed, and not taken for a server that is gone", async () => {
  using directory = scratch();
  using elsewhere = scratch();
  using socket = await openControlSocket({
    directory: elsewhere.path,
    pid: 7,
    snapshot: () => ({ pid: 7 }),
  });
  const link = join(directory.path, "7.sock");
  Deno.symlinkSync(socket.path, link);
  assertEquals(await findServers(isSnapshot, { directories: [directory.path] }), []);
  assert(existing(link));
});

Deno.test("a server without a place for its socket says so", async () => {
  await assertRejects(() => openControlSocket({ directory: "/proc/nothing", snapshot: () => null }));
});

function existing(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
