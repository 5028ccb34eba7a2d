/** Control sockets in a directory of their own: rights, the one request, bounds, and what is left behind. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { setImmediate } from "node:timers";
import { join } from "@std/path";
import { askServer, findServers, surveyServers } from "../../src/runtime/control_client.ts";
import { ControlSocket, openControlSocket } from "../../src/runtime/control_socket.ts";

interface Snapshot {
  readonly pid: number;
}

function readSnapshot([value]: readonly unknown[]): Snapshot | null {
  const isSnapshot = (of: unknown): of is Snapshot =>
    typeof of === "object" && of !== null && "pid" in of && typeof of.pid === "number";
  return isSnapshot(value) ? value : null;
}

/** Answers the one request with these lines. */
function answers(...lines: readonly unknown[]) {
  return (request: string) => request === "snapshot" ? lines : null;
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
  const snapshot = { pid: 4711, device: "eth0" };
  const socket = await openControlSocket({
    directory: directory.path,
    pid: 4711,
    answer: answers(snapshot, "a-b"),
  });
  assertEquals(Deno.umask(), umask);
  assertEquals(socket.path, join(directory.path, "4711.sock"));
  assertEquals((Deno.lstatSync(socket.path).mode ?? 0) & 0o777, 0o600);
  const directories = [directory.path, join(directory.path, "missing")];
  assertEquals(await findServers(readSnapshot, { directories }), [snapshot]);
  assertEquals(await askServer(socket.path), [snapshot, "a-b"]);
  assertEquals(await findServers(() => null, { directories }), []);
  socket.close();
  socket.close();
  assertEquals([...Deno.readDirSync(directory.path)], []);
  assertEquals(await findServers(readSnapshot, { directories }), []);
});

Deno.test("a server that is there and says nothing is silent, one that is gone is not", async () => {
  using directory = scratch();
  const options = { directory: directory.path };
  const survey = () => surveyServers(readSnapshot, { directories: [directory.path] });
  using _speaks = await openControlSocket({ ...options, pid: 1, answer: answers({ pid: 1 }) });
  const mute = await openControlSocket({ ...options, pid: 2, answer: () => null });
  assertEquals(await survey(), { servers: [{ pid: 1 }], silent: [mute.path], closed: 0 });
  mute.close();
  assertEquals(await survey(), { servers: [{ pid: 1 }], silent: [], closed: 0 });
});

Deno.test("two servers of one process number live side by side", async () => {
  using directory = scratch();
  const options = { directory: directory.path, pid: 2 };
  using _a = await openControlSocket({ ...options, answer: answers({ pid: 2, name: "a" }) });
  using b = await openControlSocket({ ...options, answer: answers({ pid: 2, name: "b" }) });
  assertEquals(b.path, join(directory.path, "2-1.sock"));
  assertEquals((await findServers(readSnapshot, { directories: [directory.path] })).length, 2);
});

Deno.test("a file on which nobody listens is removed at once, whoever has its number by now; no name is taken twice", async () => {
  using directory = scratch();
  // Above the largest number that Linux gives a process; ours; and our parent's.
  const dead = ["4194305.sock", `${Deno.pid}.sock`, `${Deno.ppid}.sock`].map((name) =>
    join(directory.path, name)
  );
  for (const path of dead) {
    // Closing removes the file, as a kill does not: a second name of it stays.
    const other = `${path}.bound`;
    const listener = Deno.listen({ transport: "unix", path: other });
    Deno.linkSync(other, path);
    listener.close();
  }
  assertEquals(await askServer(dead[0]), null);
  assert(!existing(dead[0]), "asked, and nobody there");
  const one = { directory: directory.path, pid: 102, answer: answers({ pid: 102 }) };
  using first = await openControlSocket(one);
  using second = await openControlSocket(one);
  assertEquals(dead.map(existing), [false, false, false]);
  assertEquals([first.path, second.path].map((path) => path.slice(directory.path.length + 1)), [
    "102.sock",
    "102-1.sock",
  ]);
  assertEquals((await findServers(readSnapshot, { directories: [directory.path] })).length, 2);
});

Deno.test("a name that a server takes while its file is found to be stale stays that server's", async () => {
  using directory = scratch();
  const path = join(directory.path, "7.sock");
  const bound = join(directory.path, "bound");
  const dead = Deno.listen({ transport: "unix", path: bound });
  // The second link keeps its number from being given away again.
  for (const link of [path, join(directory.path, "kept")]) Deno.linkSync(bound, link);
  dead.close();
  const asking = askServer(path);
  // Somebody else has found it before, and begins.
  Deno.removeSync(path);
  using next = Deno.listen({ transport: "unix", path: bound });
  Deno.linkSync(bound, path);
  const accepting = next.accept().then((client) => client.close(), () => {});
  assertEquals(await asking, null);
  assert(existing(path));
  (await Deno.connect({ transport: "unix", path })).close();
  await accepting;
});

Deno.test("a server that ends takes its name away while it is still its own", () => {
  using directory = scratch();
  const path = join(directory.path, "7.sock");
  const listener = Deno.listen({ transport: "unix", path });
  const closing = listener.close.bind(listener);
  const wasThere: boolean[] = [];
  listener.close = () => {
    wasThere.push(existing(path));
    closing();
  };
  const socket = new ControlSocket({ path, listener, answer: answers({ pid: 7 }) });
  socket.close();
  socket.close();
  assertEquals(wasThere, [false]);
});

Deno.test("a socket that was killed before it had a name is removed later, one that is about to get one is not", async () => {
  using directory = scratch();
  const [old, young] = [".aaaaaaaa.tcplab", ".bbbbbbbb.tcplab"].map((name) => join(directory.path, name));
  for (const path of [old, young]) Deno.writeTextFileSync(path, "");
  Deno.utimeSync(old, 1, 1);
  using socket = await openControlSocket({ directory: directory.path, pid: 7, answer: answers({ pid: 7 }) });
  assertEquals([existing(old), existing(young), existing(socket.path)], [false, true, true]);
  const names = [...Deno.readDirSync(directory.path)].map(({ name }) => name);
  assertEquals(names.toSorted(), [".bbbbbbbb.tcplab", "7.sock"]);
});

Deno.test("other requests get a line that says what was expected, endless ones nothing", async () => {
  using directory = scratch();
  using socket = await openControlSocket({ directory: directory.path, pid: 5, answer: answers({ pid: 5 }) });
  for (const request of ['{"request":"shutdown"}\n', "hello\n", "null\n", `${"x".repeat(1000)}\n`]) {
    const answer = await hear(socket.path, request);
    // A server that closes with unread bytes may take its own answer back; it must never give the snapshot.
    if (request.length < 256) assert(answer.startsWith('{"error":"Expected one line of JSON'), answer);
    assert(!answer.includes("pid"));
  }
  assertEquals(await hear(socket.path, '{"request":"snapshot"}\n'), '{"pid":5}\n{"end":1}\n');
});

Deno.test("an answer that is cut short is none", async () => {
  using directory = scratch();
  const path = join(directory.path, "5.sock");
  for (
    const [text, expected] of [
      ['{"pid":5}\n"b"\n{"end":2}\n', [{ pid: 5 }, "b"]],
      ['{"pid":5}\n{"end":2}\n', null],
      ['{"pid":5}\n"b"\n', null],
      ['{"pid":5}\n"b"\n{"end":2}', null],
      ['{"pid":5\n{"end":1}\n', null],
      ["", null],
    ] as const
  ) {
    const listener = Deno.listen({ transport: "unix", path });
    const answering = listener.accept().then(async (client) => {
      await client.read(new Uint8Array(256));
      await client.write(new TextEncoder().encode(text));
      client.close();
    });
    const heard: unknown = await askServer(path);
    assertEquals(heard, expected, text);
    await answering;
    listener.close();
  }
});

/** Lets the event loop go round. */
function aRound(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

Deno.test("of an answer no more is made than its reader takes, and nothing once the reader has gone", async () => {
  using directory = scratch();
  let made = 0;
  const gone = Promise.withResolvers<void>();
  function* endless() {
    try {
      for (;;) {
        made++;
        yield "x".repeat(1000);
      }
    } finally {
      gone.resolve();
    }
  }
  using socket = await openControlSocket({ directory: directory.path, pid: 5, answer: endless });
  const client = await Deno.connect({ transport: "unix", path: socket.path });
  await client.write(new TextEncoder().encode('{"request":"snapshot"}\n'));
  let before = -1;
  // Until nothing is made any more: the kernel's buffer and ours are full.
  for (let still = 0; still < 100;) {
    await aRound();
    still = made === before && made > 0 ? still + 1 : 0;
    before = made;
  }
  assert(made < 2000, `${made} kB were made for a reader that takes none`);
  const buffer = new Uint8Array(0x10000);
  for (let taken = 0; taken < 4_000_000;) taken += await client.read(buffer) ?? Infinity;
  assert(made > 3800, "the rest is made when there is room again");
  client.close();
  await gone.promise;
});

Deno.test("while answers are made, however many, everything else gets its turn", async () => {
  using directory = scratch();
  let madeInRound = 0;
  function* long() {
    for (let i = 0; i < 100; i++) {
      madeInRound++;
      yield "x".repeat(0x10000);
    }
  }
  using socket = await openControlSocket({ directory: directory.path, pid: 5, answer: long });
  let asking = true;
  let most = 0;
  const watching = (async () => {
    while (asking) {
      madeInRound = 0;
      await aRound();
      most = Math.max(most, madeInRound);
    }
  })();
  // A reader gives up when nothing comes for two seconds, which on a machine that stands still is nobody's fault.
  const heard: string[] = [];
  while (heard.length < 20 && heard.at(-1) !== "100,100,100,100,100") {
    const answers = await Promise.all(Array.from({ length: 5 }, () => askServer(socket.path)));
    heard.push(answers.map((lines) => lines?.length ?? "none").join());
  }
  asking = false;
  await watching;
  assertEquals(heard.at(-1), "100,100,100,100,100", heard.join(" "));
  // Four lines fill a turn; two turns can fall between two looks.
  assert(most <= 8, `${most} lines at a time`);
});

Deno.test("more than a handful of idle clients are turned away, and the others still served", async () => {
  using directory = scratch();
  using socket = await openControlSocket({ directory: directory.path, pid: 5, answer: answers({ pid: 5 }) });
  const idle: Deno.UnixConn[] = [];
  for (let i = 0; i < 16; i++) idle.push(await Deno.connect({ transport: "unix", path: socket.path }));
  assertEquals(await askServer(socket.path), null);
  idle.pop()?.close();
  let answer: unknown = null;
  for (let tries = 0; answer === null && tries < 100; tries++) answer = await askServer(socket.path);
  assertEquals(answer, [{ pid: 5 }]);
  for (const client of idle) client.close();
});

Deno.test("answers are bounded together: what is longer is not shown, and the rest is", async () => {
  using directory = scratch();
  const options = { directory: directory.path };
  using _long = await openControlSocket({
    ...options,
    pid: 1,
    answer: answers({ pid: 1, lie: "x".repeat(300_000) }),
  });
  const directories = [directory.path];
  assertEquals(await findServers(readSnapshot, { directories, mostBytes: 100_000 }), []);
  assertEquals((await findServers(readSnapshot, { directories, mostBytes: 400_000 })).length, 1);
});

Deno.test("servers share what all may answer together, and a line without end is given up", async () => {
  using directory = scratch();
  const options = { directory: directory.path };
  const lines = Array.from({ length: 100 }, () => "x".repeat(1000));
  using one = await openControlSocket({ ...options, pid: 1, answer: answers({ pid: 1 }, ...lines) });
  using _two = await openControlSocket({ ...options, pid: 2, answer: answers({ pid: 2 }, ...lines) });
  const directories = [directory.path];
  assertEquals((await findServers(readSnapshot, { directories, mostBytes: 250_000 })).length, 2);
  assert((await findServers(readSnapshot, { directories, mostBytes: 150_000 })).length < 2);
  const budget = { bytesLeft: 150_000 };
  assertEquals((await askServer(one.path, { budget }))?.length, 101);
  assert(await askServer(one.path, { budget }) === null);
  let made = 0;
  function* endlessLine() {
    for (;;) yield "x".repeat(Math.min(++made, 3) * 600_000);
  }
  using long = await openControlSocket({ ...options, pid: 3, answer: endlessLine });
  assert(await askServer(long.path) === null);
  assert(made < 20, `${made} lines were made for a reader that has gone`);
});

Deno.test("a link in the directory is not followed, and not taken for a server that is gone", async () => {
  using directory = scratch();
  using elsewhere = scratch();
  using socket = await openControlSocket({
    directory: elsewhere.path,
    pid: 7,
    answer: answers({ pid: 7 }),
  });
  const link = join(directory.path, "7.sock");
  Deno.symlinkSync(socket.path, link);
  assertEquals(await findServers(readSnapshot, { directories: [directory.path] }), []);
  assert(existing(link));
});

Deno.test("a server without a place for its socket says so", async () => {
  await assertRejects(() => openControlSocket({ directory: "/proc/nothing", answer: () => null }));
});

function existing(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
