/** The playground's server, asked over a real socket: one document, for this machine alone. */
import { assertEquals, assertThrows } from "@std/assert";
import { PlayServer, PlayServerError } from "../../src/web/play_server.ts";

const DOCUMENT = "<!doctype html><title>play</title>";

function serve(): PlayServer {
  return new PlayServer({ hostname: "127.0.0.1", port: 0, document: DOCUMENT });
}

/** The status and the body of a request whose headers are written by hand. */
async function raw(server: PlayServer, head: string): Promise<string> {
  const { hostname, port } = new URL(server.url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(new TextEncoder().encode(`${head}\r\nConnection: close\r\n\r\n`));
  const text = await new Response(connection.readable).text();
  return `${text.slice(9, 12)} ${text.split("\r\n\r\n")[1] ?? ""}`;
}

Deno.test("the playground is served without a token, under a policy that lets it ask nobody", async () => {
  await using server = serve();
  const response = await fetch(server.url);
  assertEquals([response.status, await response.text()], [200, DOCUMENT]);
  assertEquals(response.headers.get("content-type"), "text/html; charset=utf-8");
  const policy = response.headers.get("content-security-policy") ?? "";
  assertEquals(policy.includes("default-src 'none'") && policy.includes("frame-ancestors 'none'"), true);
  assertEquals(/connect-src|https?:/.test(policy), false);
});

Deno.test("other names, other sites, other paths and other methods are refused", async () => {
  await using server = serve();
  const { port } = new URL(server.url);
  const own = `Host: 127.0.0.1:${port}`;
  const refused = "403 This page is for this machine only: use the address that tcplab has printed\n";
  const strange = ["evil.example", `evil.example:${port}`, "127.0.0.1.evil.example", "10.0.0.1"];
  // No URL can be made of these: no port is as high, or has so many digits.
  const portless = ["localhost:65536", "localhost:99999", "127.0.0.1:123456", "[::1]:70000"];
  for (const host of [...strange, ...portless]) {
    assertEquals(await raw(server, `GET / HTTP/1.1\r\nHost: ${host}`), refused, host);
  }
  for (const target of ["http://localhost:99999/", "http://[::1/"]) {
    assertEquals(await raw(server, `GET ${target} HTTP/1.1\r\n${own}`), "400 This is no address\n", target);
  }
  assertEquals(
    await raw(server, `GET / HTTP/1.1\r\n${own}\r\nOrigin: http://evil.example`),
    "403 Other sites may not use this page\n",
  );
  assertEquals(
    await raw(server, `GET /etc/passwd HTTP/1.1\r\n${own}`),
    "404 There is nothing here: the playground is at /\n",
  );
  assertEquals(await raw(server, `POST / HTTP/1.1\r\n${own}\r\nContent-Length: 0`), "405 GET only\n");
  assertEquals(await raw(server, `DELETE / HTTP/1.1\r\n${own}`), "405 GET and POST only\n");
  assertEquals(await raw(server, `GET / HTTP/1.1\r\nHost: localhost:${port}`), `200 ${DOCUMENT}`);
});

Deno.test("a port in use: one line that says what next", async () => {
  await using server = serve();
  const port = Number(new URL(server.url).port);
  const error = assertThrows(
    () => new PlayServer({ hostname: "127.0.0.1", port, document: DOCUMENT }),
    PlayServerError,
  );
  assertEquals(
    error.message,
    `The playground's address 127.0.0.1:${port} is in use (by another play?): choose another port, as in --address 127.0.0.1:8035, or --address 127.0.0.1:0 for any free one`,
  );
});
