/**
 * Whatever octets come, however they are cut: no exception gets out, nothing hangs, memory is bounded, and how octets are cut
 * into pieces changes nothing.
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { bodyOf, HttpScene, latin1, settle, statusOf, type WireEnd } from "./http_scene.ts";

/** Pieces of requests, right and wrong, that noise alone would never find. */
const WORDS = [
  "GET / HTTP/1.1\r\n",
  "POST /a HTTP/1.1\r\n",
  "POST / HTTP/1.0\r\n",
  "HEAD / HTTP/1.1\r\n",
  "Host: a\r\n",
  "Content-Length: 5\r\n",
  "Content-Length: 0\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Connection: close\r\n",
  "Connection: keep-alive, upgrade\r\nUpgrade: x\r\n",
  "Expect: 100-continue\r\n",
  "X: y\r\n",
  "\r\n",
  "5\r\nhello\r\n",
  "1;a=b\r\nx\r\n",
  "0\r\n\r\n",
  "hello",
  "\n",
  "\r",
  " ",
  ":",
  "\0",
  "\xff",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
];

const input = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...WORDS) },
    {
      weight: 1,
      arbitrary: fc.uint8Array({ maxLength: 12 }).map((octets) => String.fromCharCode(...octets)),
    },
  ),
  { maxLength: 24 },
).map((words) => words.join(""));

/** Answers what it has read of a body: with a bound on the body that some inputs meet. */
function scene(): HttpScene {
  return new HttpScene(async (request, info) => {
    if (info.wantsUpgrade !== null) return info.upgrade({ upgrade: "x" }).response;
    return new Response(`${request.method} ${info.target} ${await request.text()}`);
  }, { limits: { bodyBytes: 30, headBytes: 400, readAheadBytes: 1024, fields: 8 } });
}

/** Sends the octets cut at `cuts`, then FIN; gives what was written and done. */
async function played(octets: string, cuts: readonly number[]): Promise<{ text: string; wire: WireEnd }> {
  const world = scene();
  const wire = world.connect();
  const bytes = latin1(octets);
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  let from = 0;
  for (const to of [...places, bytes.length]) {
    if (to > from) wire.push(bytes.slice(from, to));
    from = to;
    if (places.length > 0) await settle();
  }
  await settle();
  const text = wire.text();
  wire.end();
  await world.pass(100_000);
  await world.pass(100_000);
  const { open, upgrades, failures } = world.server.stats();
  assertEquals(world.errors, []);
  assertEquals(failures, 0);
  assert(open === 0 || upgrades === 1, "a connection is left");
  return { text, wire };
}

Deno.test("any octets: no exception, an end, and the same answers however they are cut", async () => {
  await fc.assert(
    fc.asyncProperty(input, fc.array(fc.nat(500), { maxLength: 6 }), async (octets, cuts) => {
      const whole = await played(octets, []);
      const cut = await played(octets, cuts);
      // 100 is said only to who has not sent the body already.
      const plain = (text: string) => text.replaceAll("HTTP/1.1 100 Continue\r\n\r\n", "");
      assertEquals(plain(cut.text), plain(whole.text));
    }),
    { numRuns: 400 },
  );
});

Deno.test("what is right comes through whole, in any framing, cut anywhere, one after the other", async () => {
  const body = fc.uint8Array({ maxLength: 40 });
  const request = fc.record({ body, sizes: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 9 }) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(request, { minLength: 1, maxLength: 4 }),
      fc.nat(300),
      async (requests, cut) => {
        const world = new HttpScene(async (given) => {
          const octets = new Uint8Array(await given.arrayBuffer());
          return new Response(`<${[...octets].join(",")}>`);
        });
        const wire = world.connect();
        const octets = requests.map(({ body, sizes }) => framed(body, sizes)).join("");
        wire.push(latin1(octets.slice(0, cut)));
        await settle();
        wire.push(latin1(octets.slice(cut)));
        await settle();
        const bodies = wire.text().split(/(?=HTTP\/1\.1 )/).map((text) => [statusOf(text), bodyOf(text)]);
        assertEquals(bodies, requests.map(({ body }) => [200, `<${[...body].join(",")}>`]));
        assertEquals(
          world.server.stats().bodyBytesIn,
          requests.reduce((sum, { body }) => sum + body.length, 0),
        );
      },
    ),
    { numRuns: 200 },
  );
});

/** A request with this body: in chunks of these sizes, or, where there are none, with its length. */
function framed(body: Uint8Array, sizes: readonly number[]): string {
  const text = String.fromCharCode(...body);
  const head = "POST / HTTP/1.1\r\nHost: a\r\n";
  if (sizes.length === 0) return `${head}Content-Length: ${text.length}\r\n\r\n${text}`;
  let chunks = "";
  let at = 0;
  for (let turn = 0; at < text.length; turn++) {
    const piece = text.slice(at, at + sizes[turn % sizes.length]);
    chunks += `${piece.length.toString(16)};x\r\n${piece}\r\n`;
    at += piece.length;
  }
  return `${head}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\nT: x\r\n\r\n`;
}
