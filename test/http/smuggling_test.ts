/**
 * Requests that two programs could read in different ways, and others that are none: each is refused, counted, and the last
 * of its connection (RFC 9112 §2.2, §3, §5, §6, §7.1, §11.2).
 */
import { assert, assertEquals } from "@std/assert";
import { fieldOf, HttpScene, settle, statusOf } from "./http_scene.ts";

const HOST = "Host: a\r\n";
const POST = `POST / HTTP/1.1\r\n${HOST}`;
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`;

/** What is sent, the status of the answer, the reason that is counted. */
const REFUSED: readonly (readonly [octets: string, status: number, reason: string])[] = [
  // RFC 9112 §6.3: lengths that contradict each other, or could.
  [`${POST}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`, 400, "content-length"],
  [`${POST}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`, 400, "content-length"],
  [`${POST}Content-Length: 3, 3\r\n\r\nabc`, 400, "content-length"],
  [`${POST}Content-Length: +3\r\n\r\nabc`, 400, "content-length"],
  [`${POST}Content-Length: -1\r\n\r\n`, 400, "content-length"],
  [`${POST}Content-Length: 0x3\r\n\r\nabc`, 400, "content-length"],
  [`${POST}Content-Length: 3 4\r\n\r\nabc`, 400, "content-length"],
  [`${POST}Content-Length:\r\n\r\nabc`, 400, "content-length"],
  [`${POST}Content-Length: 9999999999999999\r\n\r\n`, 400, "content-length"],
  [`${POST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400, "length-and-coding"],
  [`${POST}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`, 400, "length-and-coding"],
  // RFC 9112 §6.1: codings.
  [`${POST}Transfer-Encoding: gzip\r\n\r\n`, 400, "transfer-encoding"],
  [`${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 400, "transfer-encoding"],
  [`${POST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`, 400, "transfer-encoding"],
  [`${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 400, "transfer-encoding"],
  [`${POST}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n`, 400, "transfer-encoding"],
  [
    `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
    "transfer-encoding",
  ],
  [`${POST}Transfer-Encoding:\r\n\r\n`, 400, "transfer-encoding"],
  ["POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "transfer-encoding"],
  // RFC 9112 §5, §2.2: lines.
  [`GET / HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`, 400, "obs-fold"],
  [`GET / HTTP/1.1\r\n${HOST}X: a\r\n\tb\r\n\r\n`, 400, "obs-fold"],
  [`GET / HTTP/1.1\r\n ${HOST}\r\n`, 400, "obs-fold"],
  [`GET / HTTP/1.1\n${HOST}\r\n`, 400, "bare-lf"],
  [`GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n`, 400, "bare-lf"],
  [`GET / HTTP/1.1\r\n${HOST}\n`, 400, "bare-lf"],
  [`GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n`, 400, "bare-cr"],
  [`GET / HTTP/1.1\rHost: a\r\n\r\n`, 400, "bare-cr"],
  [`GET / HTTP/1.1\r\n${HOST}\rX`, 400, "bare-cr"],
  [`\rGET / HTTP/1.1\r\n${HOST}\r\n`, 400, "bare-cr"],
  [`GET / HTTP/1.1\r\nHost : a\r\n\r\n`, 400, "space-before-colon"],
  [`${POST}Content-Length : 3\r\n\r\nabc`, 400, "space-before-colon"],
  [`${POST}Content-Length\t: 3\r\n\r\nabc`, 400, "space-before-colon"],
  [`GET / HTTP/1.1\r\n${HOST}X: a\0b\r\n\r\n`, 400, "nul"],
  [`GET / HTTP/1.1\r\n${HOST}X\0: b\r\n\r\n`, 400, "nul"],
  [`GET /\0 HTTP/1.1\r\n${HOST}\r\n`, 400, "nul"],
  [`\0`, 400, "nul"],
  [`GET / HTTP/1.1\r\n${HOST}X: a\x0bb\r\n\r\n`, 400, "control"],
  [`GET / HTTP/1.1\r\n${HOST}X: a\x7f\r\n\r\n`, 400, "control"],
  [`GET / HTTP/1.1\r\n${HOST}: b\r\n\r\n`, 400, "field-name"],
  [`GET / HTTP/1.1\r\n${HOST}no colon\r\n\r\n`, 400, "space-before-colon"],
  [`GET / HTTP/1.1\r\n${HOST}nocolon\r\n\r\n`, 400, "field-name"],
  [`GET / HTTP/1.1\r\n${HOST}X(y): b\r\n\r\n`, 400, "field-name"],
  [`GET / HTTP/1.1\r\n${HOST}\x8dX: b\r\n\r\n`, 400, "field-name"],
  // RFC 9112 §3: the first line.
  ["GET /\r\n", 400, "http-0.9"],
  ["GET /\n", 400, "http-0.9"],
  ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "http2-preface"],
  [`GET / HTTP/2.0\r\n${HOST}\r\n`, 505, "version"],
  [`GET / HTTP/0.9\r\n${HOST}\r\n`, 505, "version"],
  [`GET / HTTP/1.\r\n${HOST}\r\n`, 400, "request-line"],
  [`GET / HTTP/1.11\r\n${HOST}\r\n`, 400, "request-line"],
  [`GET / http/1.1\r\n${HOST}\r\n`, 400, "request-line"],
  [`GET / HTTP/1.:\r\n${HOST}\r\n`, 400, "request-line"],
  [`GET / HTTP/:.1\r\n${HOST}\r\n`, 400, "request-line"],
  [`GET / HTTP/1/1\r\n${HOST}\r\n`, 400, "request-line"],
  [`GET / HTTP/1.1 \r\n${HOST}\r\n`, 400, "request-line"],
  [`GET  / HTTP/1.1\r\n${HOST}\r\n`, 400, "request-line"],
  [`GET /  HTTP/1.1\r\n${HOST}\r\n`, 400, "request-line"],
  [`GET\t/ HTTP/1.1\r\n${HOST}\r\n`, 400, "request-line"],
  [` GET / HTTP/1.1\r\n${HOST}\r\n`, 400, "request-line"],
  [`\r\n\r\nGET / HTTP/1.1\r\n${HOST}\r\n`, 400, "request-line"],
  [`\nGET / HTTP/1.1\r\n${HOST}\r\n`, 400, "request-line"],
  ["\x16\x03\x01\x02\x00\x01\x00", 400, "request-line"],
  [`GET /\xe4 HTTP/1.1\r\n${HOST}\r\n`, 400, "target"],
  [`GET /#x HTTP/1.1\r\n${HOST}\r\n`, 400, "target"],
  [`GET a HTTP/1.1\r\n${HOST}\r\n`, 400, "target"],
  [`GET * HTTP/1.1\r\n${HOST}\r\n`, 400, "target"],
  [`GET http://b/ HTTP/1.1\r\n${HOST}\r\n`, 400, "target"],
  [`GET http://u@a/ HTTP/1.1\r\n${HOST}\r\n`, 400, "target"],
  [`GET https://a/ HTTP/1.1\r\n${HOST}\r\n`, 400, "target"],
  [`CONNECT a:80 HTTP/1.1\r\n${HOST}\r\n`, 501, "method"],
  [`TRACE / HTTP/1.1\r\n${HOST}\r\n`, 501, "method"],
  [`BREW / HTTP/1.1\r\n${HOST}\r\n`, 501, "method"],
  [`get / HTTP/1.1\r\n${HOST}\r\n`, 501, "method"],
  // RFC 9112 §3.2: Host.
  ["GET / HTTP/1.1\r\n\r\n", 400, "host"],
  [`GET / HTTP/1.1\r\n${HOST}Host: a\r\n\r\n`, 400, "host"],
  ["GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400, "host"],
  ["GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, "host"],
  ["GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "host"],
  ["GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "host"],
  ["GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, "host"],
  ["GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, "host"],
  ["GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", 400, "host"],
  ["GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400, "host"],
  ["GET / HTTP/1.1\r\nHost: 999.1.1.1\r\n\r\n", 400, "target"],
  ["OPTIONS * HTTP/1.1\r\nHost: 999.1.1.1\r\n\r\n", 400, "target"],
  ["GET http://u@a/ HTTP/1.0\r\n\r\n", 400, "target"],
  ["GET http:///x HTTP/1.0\r\n\r\n", 400, "target"],
  [`GET http://a:81/ HTTP/1.1\r\n${HOST}\r\n`, 400, "target"],
  [`GET http://a:8/ HTTP/1.1\r\nHost: a:80\r\n\r\n`, 400, "target"],
  // RFC 9112 §6.1: what some take for "chunked", or for chunked twice.
  [
    `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
    "transfer-encoding",
  ],
  [`${POST}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`, 400, "transfer-encoding"],
  [`${POST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`, 400, "control"],
  [`${POST}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n`, 400, "transfer-encoding"],
  [`${POST}Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n`, 400, "transfer-encoding"],
  [`${POST}Transfer-Encoding: chunked\xa0\r\n\r\n0\r\n\r\n`, 400, "transfer-encoding"],
  [`${POST}Transfer-Encoding:\r\n\r\n0\r\n\r\n`, 400, "transfer-encoding"],
  [`${POST}Transfer-Encoding:\r\nContent-Length: 3\r\n\r\nabc`, 400, "length-and-coding"],
  ["POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "transfer-encoding"],
  // Lengths beyond 2^53 and 2^64, and one that is 5 modulo 2^64.
  [`${POST}Content-Length: 9007199254740993\r\n\r\n`, 400, "content-length"],
  [`${POST}Content-Length: 18446744073709551621\r\n\r\nhello`, 400, "content-length"],
  // White space of other alphabets is none.
  [`${POST}Content-Length: 3\xa0\r\n\r\nabc`, 400, "content-length"],
  [`${POST}Content-Length: 3\x0c\r\n\r\nabc`, 400, "control"],
  [`${POST}Content-Length: \xb3\r\n\r\nabc`, 400, "content-length"],
  // RFC 9110 §10.1.1.
  [`${POST}Expect: 200-ok\r\nContent-Length: 3\r\n\r\nabc`, 417, "expectation"],
  // RFC 9112 §7.1: chunks.
  [`${CHUNKED}x\r\n`, 400, "chunk-size"],
  [`${CHUNKED}\r\n`, 400, "chunk-size"],
  [`${CHUNKED}-1\r\na`, 400, "chunk-size"],
  [`${CHUNKED}+1\r\na`, 400, "chunk-size"],
  [`${CHUNKED} 1\r\na`, 400, "chunk-size"],
  [`${CHUNKED}0x1\r\na`, 400, "chunk-size"],
  [`${CHUNKED}1 1\r\na`, 400, "chunk-size"],
  [`${CHUNKED}1_0\r\na`, 400, "chunk-size"],
  [`${CHUNKED}00000000001\r\na`, 400, "chunk-size"],
  [`${CHUNKED}fffffffff\r\na`, 413, "body-too-long"],
  // 2^31, 2^32 and a bit, 2^53, 2^64 and a bit: of none the lower bits alone.
  [`${CHUNKED}80000000\r\na`, 413, "body-too-long"],
  [`${CHUNKED}100000003\r\nabc\r\n0\r\n\r\n`, 413, "body-too-long"],
  [`${CHUNKED}20000000000003\r\nabc\r\n0\r\n\r\n`, 400, "chunk-size"],
  [`${CHUNKED}10000000000000003\r\nabc\r\n0\r\n\r\n`, 400, "chunk-size"],
  [`${CHUNKED}ffffffffffffffff\r\na`, 400, "chunk-size"],
  [`${CHUNKED}1\na`, 400, "bare-lf"],
  [`${CHUNKED}1;a\na\r\n`, 400, "bare-lf"],
  [`${CHUNKED}1\rxa\r\n`, 400, "bare-cr"],
  [`${CHUNKED}1;a\rxa\r\n`, 400, "bare-cr"],
  [`${CHUNKED}1;\0\r\na\r\n`, 400, "nul"],
  [`${CHUNKED}1\r\nab\r\n`, 400, "chunk-end"],
  [`${CHUNKED}1\r\na\n`, 400, "chunk-end"],
  [`${CHUNKED}1\r\na\r\r\n`, 400, "chunk-end"],
  [`${CHUNKED}0\r\nX: a\r\n b\r\n\r\n`, 400, "obs-fold"],
  [`${CHUNKED}0\r\nX : a\r\n\r\n`, 400, "space-before-colon"],
  [`${CHUNKED}0\r\nX: a\n\r\n`, 400, "bare-lf"],
  [`${CHUNKED}1;${"e".repeat(9000)}`, 400, "chunk-extension"],
  [CHUNKED + "1;eeeeeeeeee\r\na\r\n".repeat(1000), 400, "chunk-extension"],
  [`${CHUNKED}0\r\nX: ${"t".repeat(9000)}`, 431, "trailers"],
  [`${CHUNKED}0\r\n` + "X: t\r\n".repeat(101), 431, "trailers"],
];

Deno.test("what could be read in two ways is refused, counted, and ends its connection", async () => {
  for (const [octets, status, reason] of REFUSED) {
    const scene = new HttpScene();
    const wire = scene.connect();
    wire.push(octets);
    await settle();
    const text = wire.text();
    const what = JSON.stringify(octets.slice(0, 200));
    assertEquals(statusOf(text), status, what);
    assertEquals(fieldOf(text, "connection"), "close", what);
    assertEquals(scene.refusals(), { [reason]: 1 }, what);
    assert(wire.acts.includes("closeWrite"), what);
    // Nothing that follows is a request.
    wire.push(`GET /smuggled HTTP/1.1\r\n${HOST}\r\n`);
    await settle();
    assertEquals(wire.text(), "", what);
    wire.end();
    await settle();
    assertEquals(wire.acts.at(-1), "close", what);
    assertEquals(scene.server.stats().open, 0, what);
    assertEquals(scene.errors, [], what);
  }
});

Deno.test("the same octet by octet", async () => {
  for (const [octets, status, reason] of REFUSED.filter(([octets]) => octets.length < 200)) {
    const scene = new HttpScene();
    const wire = scene.connect();
    for (const octet of octets) {
      wire.push(octet);
      for (let turn = 0; turn < 10; turn++) await null;
    }
    await settle();
    const what = JSON.stringify(octets);
    assertEquals(statusOf(wire.text()), status, what);
    assertEquals(scene.refusals(), { [reason]: 1 }, what);
  }
});

Deno.test("where bodies have no bound a length of more than 32 bits is that length, and what follows is no request", async () => {
  const smuggled = `GET /smuggled HTTP/1.1\r\n${HOST}\r\n`;
  const bodies = [
    `${POST}Content-Length: 4294967299\r\n\r\nabc${smuggled}`,
    `${POST}Content-Length: 2147483651\r\n\r\nabc${smuggled}`,
    `${CHUNKED}100000003\r\nabc\r\n0\r\n\r\n${smuggled}`,
    `${CHUNKED}ffffffffff\r\nabc\r\n0\r\n\r\n${smuggled}`,
  ];
  for (const octets of bodies) {
    const scene = new HttpScene(undefined, { limits: { bodyBytes: Infinity } });
    const wire = scene.connect();
    wire.push(octets);
    await settle();
    const came = octets.length - octets.indexOf("abc");
    assertEquals([wire.text(), scene.server.stats().requests, scene.server.stats().bodyBytesIn], [
      "",
      1,
      came,
    ]);
    wire.end();
    await settle();
    assertEquals([statusOf(wire.text()), scene.refusals()], [400, { "body-cut": 1 }], octets.slice(0, 90));
  }
});

/** What looks odd and is right, with the answer's body. */
const TAKEN: readonly (readonly [octets: string, body: string])[] = [
  [`\r\nGET / HTTP/1.1\r\n${HOST}\r\n`, "GET / "],
  [`GET /a?b=1 HTTP/1.1\r\nhOsT:a\r\n\r\n`, "GET /a?b=1 "],
  ["GET / HTTP/1.1\r\nHost: \t a:8080 \t\r\n\r\n", "GET / "],
  ["GET / HTTP/1.1\r\nHost: [fd00::1]:8080\r\n\r\n", "GET / "],
  [`GET http://A/x HTTP/1.1\r\n${HOST}\r\n`, "GET /x "],
  [`GET http://a?x HTTP/1.1\r\n${HOST}\r\n`, "GET /?x "],
  ["GET http://b/x HTTP/1.0\r\n\r\n", "GET /x "],
  [`GET http://a:80/x HTTP/1.1\r\n${HOST}\r\n`, "GET /x "],
  ["GET http://a/x HTTP/1.1\r\nHost: A:\r\n\r\n", "GET /x "],
  [`GET //b/x HTTP/1.1\r\n${HOST}\r\n`, "GET //b/x "],
  [`OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, "OPTIONS /* "],
  [`GET / HTTP/1.7\r\n${HOST}\r\n`, "GET / "],
  ["GET / HTTP/1.0\r\n\r\n", "GET / "],
  [`GET / HTTP/1.1\r\n${HOST}X:\r\nY: \xe4\xff\r\n\r\n`, "GET / "],
  [`${POST}Content-Length: 003\r\n\r\nabc`, "POST / abc"],
  [`${POST}Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n`, "POST / "],
  [`${CHUNKED}1\r\na\r\n00A;x=y;z="q"\r\n0123456789\r\n0\r\nX: t\r\n\r\n`, "POST / a0123456789"],
  [`${CHUNKED}1 \t;x\r\na\r\n0\r\n\r\n`, "POST / a"],
  [`${CHUNKED}3\r\n\r\n0\r\n0\r\n\r\n`, "POST / \r\n0"],
];

Deno.test("what the grammar allows is taken", async () => {
  for (const [octets, body] of TAKEN) {
    const scene = new HttpScene();
    const text = await scene.ask(octets);
    assertEquals(statusOf(text), 200, JSON.stringify(octets));
    assertEquals(text.slice(text.indexOf("\r\n\r\n") + 4), body, JSON.stringify(octets));
    assertEquals(scene.refusals(), {});
  }
});

Deno.test("a second request on a connection is judged as the first is", async () => {
  const good = `GET / HTTP/1.1\r\n${HOST}\r\n`;
  for (const [octets, status, reason] of REFUSED.filter(([octets]) => octets.length < 200)) {
    const scene = new HttpScene();
    const [first, second] = (await scene.ask(good + octets)).split(/(?=HTTP\/1\.1 \d)/);
    assertEquals([statusOf(first), statusOf(second)], [200, status], JSON.stringify(octets));
    assertEquals(scene.refusals(), { [reason]: 1 }, JSON.stringify(octets));
  }
  const blank = await new HttpScene().ask(`${good} / HTTP/1.1\r\n${HOST}\r\n`);
  assert(blank.includes("HTTP/1.1 400 "));
});

Deno.test("what a name means in 7 bits and in 8 is not confused: an octet 0x8d is no CR", async () => {
  const scene = new HttpScene((request) => new Response(request.headers.get("x")));
  const text = await scene.ask(`GET / HTTP/1.1\r\n${HOST}X: a\x8d\x8aY: b\r\n\r\n`);
  assertEquals(text.slice(text.indexOf("\r\n\r\n") + 4), "a\xc2\x8d\xc2\x8aY: b");
});
