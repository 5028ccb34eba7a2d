/** The way from a browser outside of a lab to a page inside, both ends in one process here. */
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { PageForward, PageForwarder } from "../../src/web/page_forward.ts";

const LOOPBACK = "127.0.0.1";
/** As many as one way carries at once. */
const MOST_CONNECTIONS = 64;

/** A page that says which of its visitors one is. */
function numberedPage() {
  let visitors = 0;
  const listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const visits: Deno.Conn[] = [];
  const ended = (async () => {
    for await (const conn of listener) {
      visits.push(conn);
      await conn.write(new TextEncoder().encode(`${++visitors}`));
    }
  })();
  return {
    address: listener.addr,
    visits,
    async [Symbol.asyncDispose]() {
      for (const conn of visits) conn.close();
      listener.close();
      await ended;
    },
  };
}

async function folder() {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

const connectTo = (port: number) => Deno.connect({ hostname: LOOPBACK, port });

async function read(conn: Deno.Conn): Promise<string | null> {
  const bytes = new Uint8Array(64);
  const n = await conn.read(bytes).catch(() => null);
  return n === null ? null : new TextDecoder().decode(bytes.subarray(0, n));
}

Deno.test("a way carries both directions, and ends with the page", async () => {
  await using place = await folder();
  await using page = numberedPage();
  using _forwarder = new PageForwarder(place.path);
  const way = await PageForward.open(place.path, page.address);
  assert(way !== null);
  // The page's own port is taken here, where both ends are in one namespace.
  assertNotEquals(way.port, page.address.port);
  using browser = await connectTo(way.port);
  assertEquals(await read(browser), "1");
  await browser.write(new TextEncoder().encode("asked"));
  assertEquals(await read(page.visits[0]), "asked");
  way[Symbol.dispose]();
  assertEquals(await read(browser), null);
  await assertRejects(() => connectTo(way.port), Deno.errors.ConnectionRefused);
  assertEquals([...Deno.readDirSync(place.path)].map(({ name }) => name), ["forward"]);
});

Deno.test("a way ends with whoever made the lab, and the page lives on", async () => {
  await using place = await folder();
  await using page = numberedPage();
  const forwarder = new PageForwarder(place.path);
  using way = await PageForward.open(place.path, page.address);
  assert(way !== null);
  using browser = await connectTo(way.port);
  assertEquals(await read(browser), "1");
  forwarder[Symbol.dispose]();
  assertEquals(await read(browser), null);
  using direct = await connectTo(page.address.port);
  assertEquals(await read(direct), "2");
});

Deno.test("one way carries so many connections at once and no more, and more once some have ended", async () => {
  await using place = await folder();
  await using page = numberedPage();
  using _forwarder = new PageForwarder(place.path);
  using way = await PageForward.open(place.path, page.address);
  assert(way !== null);
  const browsers: Deno.Conn[] = [];
  for (let i = 0; i < MOST_CONNECTIONS; i++) {
    browsers.push(await connectTo(way.port));
    assertEquals(await read(browsers[i]), `${i + 1}`);
  }
  using beyond = await connectTo(way.port);
  assertEquals(await read(beyond), null);
  browsers[0].close();
  assertEquals(await read(page.visits[0]), null);
  let answer: string | null = null;
  // Closing is told from end to end, which takes some turns.
  for (let tries = 0; answer === null && tries < 100; tries++) {
    using next = await connectTo(way.port);
    answer = await read(next);
  }
  assertEquals(answer, `${MOST_CONNECTIONS + 1}`);
  for (const conn of browsers.slice(1)) conn.close();
});

Deno.test("where nobody has opened a way, and where whoever did was killed, there is none", async () => {
  await using place = await folder();
  await using page = numberedPage();
  assertEquals(await PageForward.open(place.path, page.address), null);
  assertEquals(await PageForward.open(`${place.path}/nowhere`, page.address), null);
  // A socket without a listener, as SIGKILL leaves it.
  const forwarder = Deno.listen({ transport: "unix", path: `${place.path}/forward` });
  forwarder.close();
  assertEquals(await PageForward.open(place.path, page.address), null);
  assertEquals(
    [...Deno.readDirSync(place.path)].map(({ name }) => name).filter((name) => name !== "forward"),
    [],
  );
});

Deno.test("an answer that came while the process stood still beyond its patience is a way, and it stays", async () => {
  await using place = await folder();
  await using page = numberedPage();
  const forwarder = Deno.listen({ transport: "unix", path: `${place.path}/forward` });
  // Time is the test's.
  const later = globalThis.setTimeout;
  const due: (() => void)[] = [];
  globalThis.setTimeout = Object.assign((act: () => void) => due.push(act), later);
  try {
    const opened = PageForward.open(place.path, page.address);
    using asker = await forwarder.accept();
    await read(asker);
    await asker.write(new TextEncoder().encode(`${page.address.port}\n`));
    // Of both that are there then, the answer and the end of its patience, it hears of the latter first.
    for (const act of due.splice(0)) act();
    using way = await opened;
    assertEquals(way?.port, page.address.port);
    let isOver = false;
    const end = read(asker).finally(() => isOver = true);
    // What had closed it would be heard of by now.
    using browser = await connectTo(page.address.port);
    assertEquals([await read(browser), isOver], ["1", false]);
    way?.[Symbol.dispose]();
    assertEquals(await end, null);
  } finally {
    globalThis.setTimeout = later;
    forwarder.close();
  }
});

Deno.test("what is no request gets no way, and harms none", async () => {
  await using place = await folder();
  await using page = numberedPage();
  using _forwarder = new PageForwarder(place.path);
  for (
    const line of [
      "",
      "\n",
      "GET / HTTP/1.1\n",
      "0 a\n",
      "70000 a\n",
      "8033 ../x\n",
      "x".repeat(5000),
    ]
  ) {
    using asker = await Deno.connect({ transport: "unix", path: `${place.path}/forward` });
    await asker.write(new TextEncoder().encode(line)).catch(() => 0);
    if (line === "") await asker.closeWrite();
    assertEquals(await read(asker), null, line.slice(0, 40));
  }
  using way = await PageForward.open(place.path, page.address);
  assert(way !== null);
  using browser = await connectTo(way.port);
  assertEquals(await read(browser), "1");
});
