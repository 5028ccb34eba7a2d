/**
 * `serve --app http` and `--www` on a wire: curl, raw sockets of the kernel, and a real browser.
 */
import { assert, assertEquals, assertGreaterOrEqual, assertStringIncludes } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { NUMBERS, RESOURCES, servedDirectory } from "./http_www.ts";
import { noBrowser, PageBrowser } from "./page_browser.ts";
import { compiledBinary, liveTest, scratchFile } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";

const HTTP = ["--app", "http", "--port", "80"];

/** What curl says of a request in the lab. */
async function curl(lab: PrivateLab, ...args: string[]): Promise<string> {
  const words = ["curl", "--silent", "--show-error", "--max-time", "60", ...args];
  const { stdout, stderr, code } = await lab.run({ side: "client", words });
  assertEquals(code, 0, `curl ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** A line of a head, without its name; in small letters. */
function field(head: string, name: string): string | null {
  return new RegExp(`^${name}: *(.*?)\\s*$`, "im").exec(head)?.[1]?.toLowerCase() ?? null;
}

liveTest(
  "curl takes a file whole and in parts, once, and only as far as it may",
  { needs: ["curl"] },
  async (lab) => {
    await using www = await servedDirectory();
    await using server = await ServeProcess.start(lab, { args: [...HTTP, "--www", www.path] });
    const url = `http://${lab.plan.tcplabAddress}`;
    const head = (path: string, ...args: string[]) =>
      curl(lab, "--path-as-is", "-o", "/dev/null", "-D", "-", ...args, url + path);
    const whole = await head("/numbers.bin");
    assertStringIncludes(whole, "HTTP/1.1 200 OK");
    assertEquals(field(whole, "content-length"), String(NUMBERS));
    assertEquals(field(whole, "content-type"), "application/octet-stream");
    const etag = /^etag: *(\S+)/im.exec(whole)?.[1] ?? "";
    const modified = /^last-modified: *(.*?)\s*$/im.exec(whole)?.[1] ?? "";
    // One range of each form, and one that is none.
    const ranges: [string, number, string | null][] = [
      ["0-9", 206, `bytes 0-9/${NUMBERS}`],
      ["99990-", 206, `bytes 99990-99999/${NUMBERS}`],
      ["-10", 206, `bytes 99990-99999/${NUMBERS}`],
      ["99999-200000", 206, `bytes 99999-99999/${NUMBERS}`],
      ["100000-", 416, `bytes */${NUMBERS}`],
      ["9-3", 200, null],
      ["0-1,5-6", 200, null],
    ];
    for (const [range, status, contentRange] of ranges) {
      const said = await head("/numbers.bin", "-H", `Range: bytes=${range}`);
      assertStringIncludes(said, `HTTP/1.1 ${status} `, range);
      assertEquals(field(said, "content-range"), contentRange, range);
    }
    const part = await lab.run({
      side: "client",
      words: ["sh", "-c", `curl -s -r 250-260 ${url}/numbers.bin | od -An -tu1`],
    });
    assertEquals(part.stdout.trim().split(/\s+/).map(Number), [250, 251, 252, 253, 254, 255, 0, 1, 2, 3, 4]);
    // What a client has already.
    assertStringIncludes(await head("/numbers.bin", "-H", `If-None-Match: "x", W/${etag}`), "304");
    assertStringIncludes(await head("/numbers.bin", "-H", `If-Modified-Since: ${modified}`), "304");
    assertStringIncludes(await head("/numbers.bin", "-H", 'If-None-Match: "x"'), "200");
    assertStringIncludes(await head("/numbers.bin", "-r", "0-9", "-H", `If-Range: ${etag}`), "206");
    assertStringIncludes(await head("/numbers.bin", "-r", "0-9", "-H", 'If-Range: "x"'), "200");
    assertStringIncludes(await head("/numbers.bin", "-I"), `${NUMBERS}`);
    assertStringIncludes(await head("/empty.txt"), "200");
    assertStringIncludes(await head("/numbers.bin", "-X", "DELETE"), "405");
    assertStringIncludes(await head("/many", ""), "location: /many/");
    assertEquals(field(await head("//many//"), "location"), null);
    assertEquals(
      await curl(lab, `${url}/many/in.bin`, "-o", "/dev/null", "-w", "%{size_download}"),
      `${NUMBERS}`,
    );
    // Nothing outside, by any spelling, and no names that are not meant for others.
    const wrong = [
      "/../secret.txt",
      "/many/../../secret.txt",
      "/%2e%2e/secret.txt",
      "/%2e%2e%2fsecret.txt",
      "/..%2fsecret.txt",
      "/..%5csecret.txt",
      "/..\\secret.txt",
      "/many/..%2f..%2fsecret.txt",
      "/%252e%252e/secret.txt",
      "/out.txt",
      "/beside/secret.txt",
      "/many/up/secret.txt",
      "/numbers.bin%00.txt",
      "/.hidden",
      "/%2ehidden",
      "/numbers.bin/",
      "/etc/passwd",
      "//etc/passwd",
      "/%ff%fe",
      `/${"a/".repeat(2000)}`,
    ];
    for (const path of wrong) {
      const said = await curl(lab, "--path-as-is", "-i", url + path);
      assert(/^HTTP\/1\.1 40[04] /.test(said), `${path}: ${said.slice(0, 80)}`);
      assert(!said.includes("secret\n") && !said.endsWith("secret"), path);
    }
    const odd = await curl(lab, `${url}/many/`);
    assertStringIncludes(odd, '<a href="./0.svg">0.svg</a>');
    await Deno.rename(`${www.path}/index.html`, `${www.path}/start.html`);
    const listing = await curl(lab, `${url}/`);
    assertStringIncludes(listing, "&lt;b&gt;odd &amp; &quot;names&quot;/");
    assert(!listing.includes("<b>") && !listing.includes("hidden") && !listing.includes("out.txt"));
    assertEquals((await server.stop()).code, 0);
  },
);

liveTest(
  "curl with the status page's paths: its own figures, uploads in any framing, Expect, one connection for all",
  {
    needs: ["curl"],
  },
  async (lab) => {
    await using server = await ServeProcess.start(lab, { args: HTTP });
    const url = `http://${lab.plan.tcplabAddress}`;
    assertStringIncludes(await curl(lab, url), "<h1>This connection</h1>");
    const info: { state: string; states: string[]; name: string } = JSON.parse(
      await curl(lab, `${url}/tcb.json`),
    );
    assertEquals([info.state, info.states.at(-1)], ["ESTABLISHED", "ESTABLISHED"]);
    assertStringIncludes(info.name, `${lab.plan.tcplabAddress}:80-`);
    assert(Number.isFinite(Date.parse((await curl(lab, `${url}/time`)).trim())));
    // Three answers on one connection.
    const three = await curl(
      lab,
      "-w",
      "%{num_connects} ",
      "-o",
      "/dev/null",
      `${url}/time`,
      "-o",
      "/dev/null",
      `${url}/bytes/70000`,
      "-o",
      "/dev/null",
      `${url}/time`,
    );
    assertEquals(three.trim(), "1 0 0");
    await using file = await scratchFile(".bin");
    const octets = crypto.getRandomValues(new Uint8Array(60_000));
    await Deno.writeFile(file.path, octets);
    const sum = [...new Uint8Array(await crypto.subtle.digest("SHA-256", octets))]
      .map((octet) => octet.toString(16).padStart(2, "0")).join("");
    const ways = [
      ["--data-binary", `@${file.path}`],
      ["-T", file.path],
      ["-T", file.path, "-H", "Transfer-Encoding: chunked"],
      ["-T", file.path, "-H", "Expect: 100-continue"],
      ["-T", file.path, "--http1.0"],
    ];
    for (const way of ways) {
      const said: { bytes: number; sha256: string } = JSON.parse(await curl(lab, ...way, `${url}/upload`));
      assertEquals([said.bytes, said.sha256], [octets.length, sum], way.join(" "));
    }
    const expecting = await lab.run({
      side: "client",
      words: ["curl", "-sv", "-T", file.path, "-H", "Expect: 100-continue", `${url}/upload`],
    });
    assertStringIncludes(expecting.stderr, "100 Continue");
    assertStringIncludes(await curl(lab, "-i", "-H", "Expect: miracles", "-d", "x", `${url}/upload`), "417");
    assertStringIncludes(await curl(lab, "-I", `${url}/bytes/123456789012`), "content-length: 123456789012");
    // However late they come: it is ended by who has seen three.
    const events = await lab.run({
      side: "client",
      words: ["sh", "-c", `curl -sN --max-time 60 ${url}/events | grep -m 3 '^data: {'`],
    });
    assertEquals(events.stdout.trimEnd().split("\n").length, 3, events.stdout);
    assertEquals((await server.stop()).code, 0);
    const [{ counters }] = server.all("summary");
    assertEquals([counters["http-refused-expectation"], counters["http-failures"]], [1, undefined]);
  },
);

/** Sends each line of its input (JSON) on a connection of its own, and prints as JSON what comes until the server's FIN. */
const RAW = `
import json, socket, sys
for line in sys.stdin:
    talk = socket.create_connection((sys.argv[1], 80), 60)
    talk.sendall(json.loads(line).encode("latin-1"))
    got = b""
    while True:
        piece = talk.recv(65536)
        if not piece: break
        got += piece
    talk.close()
    print(json.dumps(got.decode("latin-1")), flush=True)
`;

liveTest(
  "raw octets of smugglers are refused in the kernel's sight, and counted",
  { needs: ["python3"] },
  async (lab) => {
    await using server = await ServeProcess.start(lab, { args: HTTP });
    const host = "Host: a\r\n";
    const smuggled = `GET /time HTTP/1.1\r\n${host}\r\n`;
    const attempts = [
      `POST /upload HTTP/1.1\r\n${host}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
      `POST /upload HTTP/1.1\r\n${host}Content-Length: 0\r\nContent-Length: 44\r\n\r\n${smuggled}`,
      `POST /upload HTTP/1.1\r\n${host}Transfer-Encoding: xchunked\r\n\r\n${smuggled}`,
      `POST /upload HTTP/1.1\r\n${host}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${smuggled}`,
      `POST /upload HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\n\n${smuggled}`,
      `GET / HTTP/1.1\r\n${host}X: y\r\n z\r\n\r\n${smuggled}`,
      `GET / HTTP/1.1\n${host}\n${smuggled}`,
      `GET /${"u".repeat(9000)} HTTP/1.1\r\n${host}\r\n${smuggled}`,
      `GET / HTTP/1.1\r\n${host}X: ${"x".repeat(20_000)}\r\n\r\n${smuggled}`,
    ];
    const client = lab.spawn({
      side: "client",
      words: ["python3", "-c", RAW, lab.plan.tcplabAddress],
      stdin: true,
    });
    await client.write(
      new TextEncoder().encode(attempts.map((text) => `${JSON.stringify(text)}\n`).join("")),
    );
    await client.closeInput();
    const { stdout, stderr, code } = await client.result;
    assertEquals(code, 0, stderr);
    const answers: string[] = stdout.trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(answers.length, attempts.length);
    for (const [at, answer] of answers.entries()) {
      assert(/^HTTP\/1\.1 4\d\d /.test(answer), `${attempts[at].slice(0, 80)}: ${answer}`);
      assertEquals(answer.split("HTTP/1.1 ").length, 2, answer);
    }
    assertEquals((await server.stop()).code, 0);
    const [{ counters }] = server.all("summary");
    const refused = Object.entries(counters).filter(([name]) => name.startsWith("http-refused-"));
    assertEquals(refused.reduce((sum, [, count]) => sum + count, 0), attempts.length);
  },
);

liveTest(
  "a browser loads a page with forty pictures, and its own TCB live",
  { missing: noBrowser },
  async (lab) => {
    await using www = await servedDirectory();
    await using server = await ServeProcess.start(lab, {
      args: ["--serve", "80=http,7=echo", "--www", www.path],
    });
    await using browser = await PageBrowser.start(lab, "client");
    const page = await browser.open(`http://${lab.plan.tcplabAddress}/`);
    const widths = await page.locator("img").evaluateAll((all) =>
      all.map((one) => "naturalWidth" in one ? Number(one.naturalWidth) : 0)
    );
    assertEquals(widths, Array.from({ length: RESOURCES }, () => 40));
    assertEquals(browser.complaints.filter((line) => !line.includes("favicon") && !line.includes("404")), []);
    // Again: nothing is sent twice.
    await page.reload();
    assertEquals((await server.stop()).code, 0);
    const [{ counters }] = server.all("summary");
    assertGreaterOrEqual(counters["http-requests"] ?? 0, 2 * RESOURCES + 2);
    await using status = await ServeProcess.start(lab, { args: HTTP });
    const live = await browser.open(`http://${lab.plan.tcplabAddress}/`);
    await live.locator("#path li", { hasText: "ESTABLISHED" }).waitFor();
    const segments = async () => (await live.locator("#segments").textContent()) ?? "";
    const before = await segments();
    await live.locator("#segments").filter({ hasNotText: before }).waitFor();
    const shot = Deno.env.get("TCPLAB_SHOT");
    if (shot !== undefined) await live.screenshot({ path: shot, fullPage: true });
    assertEquals(browser.complaints.filter((line) => !line.includes("favicon") && !line.includes("404")), []);
    assertEquals((await status.stop()).code, 0);
  },
);

liveTest("the compiled binary speaks HTTP too, on a Deno whose own node:http answers nothing", {
  needs: ["curl"],
  missing: compiledBinary() === null ? "no compiled binary" : null,
}, async (lab) => {
  const program = [compiledBinary() ?? ""];
  await using www = await servedDirectory();
  const url = `http://${lab.plan.tcplabAddress}`;
  {
    await using server = await ServeProcess.start(lab, { args: [...HTTP, "--www", www.path], program });
    const size = await curl(lab, "-o", "/dev/null", "-w", "%{size_download}", `${url}/numbers.bin`);
    assertEquals(size, `${NUMBERS}`);
    assertStringIncludes(await curl(lab, "--path-as-is", "-i", `${url}/out.txt`), "404");
    assertEquals((await server.stop()).code, 0);
  }
  await using server = await ServeProcess.start(lab, { args: HTTP, program });
  const said: { bytes: number } = JSON.parse(await curl(lab, "-d", "hello", `${url}/upload`));
  assertEquals(said.bytes, 5);
  assertEquals((await server.stop()).code, 0);
});

/** Opens many connections with heads that never end, an octet a second each, while an honest client asks; says what came of it. */
const SLOW = `
import json, socket, sys, time
host = (sys.argv[1], 80)
slow = []
for _ in range(300):
    one = socket.create_connection(host)
    one.sendall(b"GET /time HTTP/1.1\\r\\nHost: a\\r\\n")
    slow.append(one)
honest = 0
for _ in range(12):
    for one in slow:
        try: one.sendall(b"X")
        except OSError: pass
    talk = socket.create_connection(host, 60)
    talk.sendall(b"GET /time HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n")
    honest += talk.recv(1000).startswith(b"HTTP/1.1 200 ")
    talk.close()
    time.sleep(1)
ended = 0
for one in slow:
    one.settimeout(60)
    try: ended += one.recv(1000).startswith(b"HTTP/1.1 408 ")
    except ConnectionError: ended += 1
print(json.dumps([honest, ended]))
`;

liveTest(
  "three hundred heads that come an octet a second are ended after ten, an honest client is served meanwhile",
  {
    needs: ["python3"],
  },
  async (lab) => {
    await using server = await ServeProcess.start(lab, { args: HTTP, quiet: true });
    const words = ["python3", "-c", SLOW, lab.plan.tcplabAddress];
    const { stdout, stderr } = await lab.run({ side: "client", words });
    assertEquals(stdout.trim(), "[12, 300]", stderr);
    assertEquals((await server.stop()).code, 0);
    const [{ counters }] = server.all("summary");
    assertEquals(counters["http-refused-head-timeout"], 300);
  },
);
