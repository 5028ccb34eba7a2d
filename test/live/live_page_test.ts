/**
 * The live page in a real browser, beside a real server with a Linux client: what is lit, what is lost on purpose, and what a
 * button does on the wire.
 */
import { assert, assertEquals } from "@std/assert";
import { chartHas, noBrowser, pageAddress, PageBrowser } from "./page_browser.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { talkByKernel } from "./kernel_talk.ts";
import { besideTests, liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { waitFor } from "./wait_for.ts";

const encoder = new TextEncoder();

/** In the browser: how many colours a canvas has; one where nothing is drawn. */
function coloursOf(canvas: unknown): number {
  const drawn: { width: number; height: number; getContext(kind: "2d"): { getImageData: ImageGetter } } =
    Object(canvas);
  const { data } = drawn.getContext("2d").getImageData(0, 0, drawn.width, drawn.height);
  return new Set(new Uint32Array(data.buffer)).size;
}
type ImageGetter = (x: number, y: number, width: number, height: number) => { data: Uint8ClampedArray };

liveTest("the live page shows a Linux client, and does to it what is asked", {
  missing: noBrowser,
  needs: ["nc", "ethtool"],
  // The runs of segments that are folded below are as many as the octets make, however busy the machine is.
  offloads: false,
}, async (lab) => {
  await using server = await ServeProcess.start(lab, { args: ["--ui"] });
  const address = await pageAddress(server);
  assert(/^http:\/\/127\.0\.0\.1:8033\/\?token=[0-9a-f]{32}$/.test(address), address);
  await using browser = await PageBrowser.start(lab);
  const page = await browser.open(address);
  const state = (name: string) => page.locator(`svg[aria-label="State diagram"] [data-state="${name}"]`);
  const row = (id: string) => page.locator(`svg[aria-label="State diagram"] [data-row="${id}"]`);
  const talk = () =>
    lab.spawn({ side: "client", words: ["nc", lab.plan.tcplabAddress, "3333"], stdin: true });

  // Nobody yet: the listener.
  await state("LISTEN").and(page.locator('[data-current="true"]')).waitFor();

  // A handshake, and data.
  const first = talk();
  await state("ESTABLISHED").and(page.locator('[data-current="true"]')).waitFor();
  for (const name of ["LISTEN", "SYN_RCVD", "ESTABLISHED"]) {
    assertEquals(await state(name).getAttribute("data-visited"), "true", name);
  }
  assertEquals(await state("LISTEN").getAttribute("data-current"), null);
  // Of two rows that lead from LISTEN to SYN_RCVD its events tell which, and they come when the page has asked for them.
  for (const id of ["open.passive", "listen.syn", "syn-rcvd.ack"]) {
    await row(id).and(page.locator('[data-taken="true"]')).waitFor();
  }
  assertEquals(await row("syn-sent.syn-ack").getAttribute("data-taken"), null);
  const segments = page.locator('[aria-label="Sequence diagram"] [data-segment]');
  const flags = () => segments.evaluateAll((all) => all.map((one) => one.getAttribute("data-flags")));
  // Each once: a client that waits too long sends its SYN again.
  await waitFor(async () => [...new Set(await flags())].join(" ") === "SYN SYN,ACK ACK", {
    what: "the handshake in the ladder",
  });
  await first.write(encoder.encode("hello\n"));
  await page.locator('[data-connection="1"] [data-column="in"]').getByText("6", { exact: true }).waitFor();

  // The states of both ends at the edges of the ladder, the other one's proven by what it has sent.
  const ladder = page.locator('[aria-label="Sequence diagram"]');
  await ladder.locator('[data-edge="peer"][data-state="ESTABLISHED"][data-grade="proven"]').first().waitFor();
  assertEquals(await ladder.locator(".chip").allTextContents(), [
    "LISTEN",
    "SYN_RCVD",
    "SYN_SENT",
    "ESTABLISHED",
    "ESTABLISHED",
  ]);

  // The buttons of the selected row are reached by Tab.
  await page.locator('[role="row"][data-connection="1"]').focus();
  for (const how of ["close", "abort"]) {
    await page.keyboard.press("Tab");
    assertEquals(await page.locator(":focus").getAttribute("data-end"), how);
  }

  // The charts show what has passed.
  await chartHas(page, { server, least: 2 });
  for (const name of ["Sequence over time", "Congestion window", "Round trip", "Window and flight"]) {
    const canvas = page.locator(`[aria-label="${name}"] canvas`);
    await canvas.waitFor();
    assert(await canvas.evaluate(coloursOf) > 3, `nothing is drawn in ${name}`);
    // Where a person can scroll to, and large enough to be read.
    const box = await page.locator(`[aria-label="${name}"]`).boundingBox();
    const pane = await page.locator(".pane.charts").boundingBox();
    assert(box !== null && pane !== null && box.height > 120, `${name}: ${JSON.stringify(box)}`);
    assert(box.y + box.height <= pane.y + pane.height + 1, `${name} is cut: ${JSON.stringify([box, pane])}`);
  }

  // What is lost on purpose, and its repair.
  await page.locator('[data-once="drop:data"]').click();
  await page.getByText("waits: drop:data").waitFor();
  // What is in force is to be seen without scrolling, in the smallest window that is meant.
  const now = await page.locator(".nowline").boundingBox();
  const faults = await page.locator(".pane.faults").boundingBox();
  const isInside = now !== null && faults !== null && now.y > faults.y &&
    now.y + now.height <= faults.y + faults.height + 1;
  assert(isInside, JSON.stringify([now, faults]));
  await first.write(encoder.encode("again\n"));
  const lost = page.locator('[aria-label="Sequence diagram"] [data-lost="true"]');
  await lost.first().waitFor();
  assertEquals(await lost.count(), 1);
  assertEquals(await lost.first().getAttribute("data-length"), "6");
  await page.locator('[data-connection="1"] [data-column="in"]').getByText("12", { exact: true }).waitFor();
  const fault = await server.event("fault");
  assertEquals([fault.kind, fault.reason, fault.length], ["drop", "once", 6]);

  // Its repair is marked as one, and in the chart by a letter.
  const repair = ladder.locator('[data-retransmission="true"]');
  await repair.and(page.locator('[data-length="6"]')).first().locator('[data-mark^="retransmission-"]')
    .waitFor();
  // The chart is drawn in its own time. A client that waits too long sends more than this again.
  const sequenceChart = page.locator('[aria-label="Sequence over time"]');
  await waitFor(async () => {
    const shown = Number(await sequenceChart.getAttribute("data-retransmissions"));
    return shown > 0 && shown === await repair.and(page.locator('[data-direction="recv"]')).count();
  }, { what: "the repair in the chart" });

  // A segment, field by field, each with its bytes and its clause.
  await segments.first().click();
  const fields = page.getByRole("region", { name: "Segment" });
  await fields.getByText("window scale").waitFor();
  assertEquals(await fields.locator('[data-field="destination-port"] .hex').textContent(), "0d 05");
  assertEquals(await fields.locator("[data-flag][data-set]").allTextContents(), ["SYN"]);
  assertEquals(await fields.locator('[data-field="mss"] .rfc').textContent(), "RFC 9293 §3.7.1");
  await fields.getByText("arrives.listen.syn").first().waitFor();
  await page.keyboard.press("Escape");
  await fields.waitFor({ state: "hidden" });

  // Rates, from the form.
  await page.locator('[name="delay"]').fill("20");
  await page.locator("form.faults [type=submit]").click();
  await page.getByText("Now: in delay 20 ms; out delay 20 ms; seed 1").waitFor();
  await page.getByRole("button", { name: "None" }).click();
  await page.getByText("Nothing is done to frames").waitFor();

  // One pane alone, and all of them again.
  await page.keyboard.press("c");
  await ladder.waitFor({ state: "hidden" });
  await page.keyboard.press("c");
  await ladder.waitFor();

  // Paused: what is sent waits for a step, and what its sender sends again while it waits.
  await page.keyboard.press("p");
  await page.locator('[data-status="paused"]').waitFor();
  await first.write(encoder.encode("paused\n"));
  await page.getByText(/Paused: [1-9]\d* wait/).waitFor();
  await page.keyboard.press("s");
  await page.locator('[data-connection="1"] [data-column="in"]').getByText("19", { exact: true }).waitFor();
  await page.keyboard.press("r");
  await page.locator('[data-status="live"]').waitFor();

  // What an arrow means.
  await row("syn-rcvd.ack").click();
  await page.locator(".why").getByText("src/tcp/").first().waitFor();
  // Who asks for another before the first is told is shown the other, however late the first answer comes.
  const asked = Promise.withResolvers<() => Promise<void>>();
  await page.route(/\/api\/why\/listen\.syn/, (route) => asked.resolve(() => route.continue()));
  await row("listen.syn").click();
  const letGo = await asked.promise;
  await row("established.fin").click();
  const why = page.locator(".why b").first();
  await why.getByText("established.fin").waitFor();
  const isAnswered = page.waitForResponse(/\/api\/why\/listen\.syn/).then((response) => response.finished());
  await letGo();
  await isAnswered;
  // What is asked for later is answered later.
  await page.evaluate(`fetch("/api/why/LISTEN" + location.search).then((answer) => answer.json())`);
  assertEquals(await why.textContent(), "established.fin");

  // The end, from the page: RST on the wire, and the connection gone.
  await page.locator('[data-connection="1"] [data-end="abort"]').click();
  const closed = await server.event("closed");
  assertEquals([closed.id, closed.reason], [1, "reset-by-us"]);
  await state("CLOSED").and(page.locator('[data-current="true"]')).waitFor();
  assertEquals((await first.result).stderr.includes("panic"), false);
  await server.event("segment", ({ direction, flags }) => direction === "send" && flags.includes("RST"));

  // Another application for the same port, from the next connection on; a run of data folds, and opens.
  const isSet = page.waitForResponse(/\/api\/apps/);
  await page.locator('select[name="app"][data-port="3333"]').selectOption("discard");
  await isSet;
  const bulk = talk();
  await page.locator('[data-connection="2"] [data-column="port"]').getByText("3333 discard").waitFor();
  await bulk.write(new Uint8Array(60_000));
  const run = ladder.locator("[data-run]").first();
  await run.waitFor();
  const folded = await segments.count();
  await run.click();
  await ladder.locator("[data-segment]").nth(folded + 3).waitFor();
  assertEquals((await bulk.stop(2000)).stdout, "");
  await page.locator('select[name="app"][data-port="3333"]').selectOption("echo");

  // Another one is followed, as long as nobody has chosen; its orderly end lights the way.
  const second = talk();
  await page.locator('[data-connection="3"][aria-selected="true"]').waitFor();
  await page.locator('[data-connection="3"] [data-end="close"]').click();
  await state("FIN_WAIT_2").and(page.locator('[data-visited="true"]')).waitFor();
  assertEquals((await second.stop(2000)).stdout, "");

  // The same in Chinese and in the dark, sorted from the first on, and back.
  await page.locator('[data-lang="zh"]').click();
  await page.getByRole("heading", { name: "连接" }).waitFor();
  assertEquals(await page.locator("html").getAttribute("lang"), "zh");
  await page.locator("[data-theme-toggle]").click();
  assertEquals(await page.locator("html").getAttribute("data-theme"), "dark");
  await page.keyboard.press("l");
  await page.getByRole("heading", { name: "Connections" }).waitFor();
  const order = () =>
    page.locator("tr[data-connection]").evaluateAll((all) =>
      all.map((one) => one.getAttribute("data-connection"))
    );
  assertEquals(await order(), ["3", "2", "1"]);
  await page.locator('th[data-column="id"] button').click();
  assertEquals(await order(), ["1", "2", "3"]);
  await page.locator('[data-connection="1"]').click();
  await page.locator('[data-connection="1"][aria-selected="true"]').waitFor();
  // What has happened to the first is still told: the ring has it.
  await lost.first().waitFor();
  await page.keyboard.press("Escape");

  assertEquals(browser.complaints, []);
  const beyond = browser.requests.filter((url) => !/^(?:http|ws):\/\/127\.0\.0\.1:8033\/|^data:/.test(url));
  assertEquals(beyond, []);
  assert(browser.requests.some((url) => url.startsWith("ws:")), "the stream is not among the requests");
});

liveTest("of more connections than a page is told of, it says how many there are besides", {
  missing: noBrowser,
}, async (lab) => {
  await using server = await ServeProcess.start(lab, { args: ["--ui"] });
  const address = await pageAddress(server);
  await using browser = await PageBrowser.start(lab);
  // Another's stream in place of the server's: thousands of connections are not needed to count them.
  const streams: { send(message: string): void }[] = [];
  const page = await browser.open(address, {
    prepare: (opened) => opened.routeWebSocket(/\/api\/stream/, (socket) => void streams.push(socket)),
  });
  await waitFor(() => streams.length > 0, { what: "the page's WebSocket" });
  const [stream] = streams;
  const row = (id: number) => ({
    ...{ id, name: `a:1-b:${id}`, local: "a:1", peer: `b:${id}`, app: "echo", role: "server" },
    ...{ state: "ESTABLISHED", states: ["ESTABLISHED"], bytesIn: 0, bytesOut: 0, segmentsIn: 1 },
    ...{ segmentsOut: 1, retransmits: 0, srttUs: 0, rtoUs: 0, cwnd: 0 },
  });
  const heading = { pid: 1, device: "d", ip: ["a"], mac: "", listeners: [] };
  const hello = { type: "hello", version: "1", server: heading, controls: null };
  stream.send(JSON.stringify({ ...hello, rows: [row(1), row(2)], connections: 7002 }));
  const beyond = page.locator(".connections .beyond");
  await beyond.getByText("7000 more live that are not shown here").waitFor();
  // One that is told anew is one less; when all are there nothing is said.
  const nothing = { ended: [], gone: [], events: [], lost: 0, figures: null, controls: null };
  const batch = { type: "batch", time: 1, ...nothing };
  stream.send(JSON.stringify({ ...batch, rows: [row(3)], connections: 7002 }));
  await beyond.and(page.locator('[data-beyond="6999"]')).waitFor();
  stream.send(JSON.stringify({ ...batch, rows: [], connections: 3 }));
  await beyond.waitFor({ state: "hidden" });
  assertEquals(browser.complaints, []);
});

liveTest(
  "a burst with the page open: the bytes arrive, the page stays awake, and says what it did not show",
  {
    missing: noBrowser,
    needs: ["ethtool"],
    // Each frame a segment of its own, and a hundred thousand of them.
    offloads: false,
  },
  async (lab) => {
    await using server = await ServeProcess.start(lab, { args: ["--ui", "127.0.0.1:0", "-q"], quiet: true });
    await using browser = await PageBrowser.start(lab);
    const page = await browser.open(await pageAddress(server));
    const words = [Deno.execPath(), "run", "--allow-net", besideTests("bulk_client.ts")];
    const bytes = 70_000_000;
    const moving = lab.run({
      side: "client",
      words: [...words, lab.plan.tcplabAddress, "3333", String(bytes)],
    });
    // A page that hangs does not answer, while one that has nothing to do, in the same browser, does: a machine holds up both.
    const idle = await browser.open("about:blank");
    let longestMs = 0;
    let isOver = false;
    const awake = (async () => {
      while (!isOver) {
        const beganMs = performance.now();
        const [shown, other] = await Promise.all([
          page.locator("[data-segment]").count().then(() => performance.now() - beganMs),
          idle.locator("[data-segment]").count().then(() => performance.now() - beganMs),
        ]);
        longestMs = Math.max(longestMs, shown - other);
      }
    })();
    const client = await moving;
    assertEquals(client.code, 0, client.stderr);
    await page.locator('[data-connection="1"] [data-column="in"]').getByText("70.0 MB", { exact: true })
      .waitFor();
    isOver = true;
    await awake;
    assert(longestMs < 3000, `the page did not answer for ${longestMs} ms longer than another`);
    // How many in all; in the ladder the holes stand where they are, if that is among the last lines.
    await page.locator(".pane.sequence .head .gap").getByText(/^[1-9]\d+ events were not shown/).waitFor();
    assert(await page.locator("[data-segment]").count() <= 400);
    const session = await page.context().newCDPSession(page);
    await session.send("HeapProfiler.collectGarbage");
    const { usedSize } = await session.send("Runtime.getHeapUsage");
    assert(usedSize < 50e6, `the page holds ${usedSize} bytes`);
    assertEquals(browser.complaints, []);
    // A page that is open holds nobody up who wants to leave, and says that nobody answers: some seconds later it says something
    // else, so somebody looks from the beginning on.
    const [{ code }] = await Promise.all([
      server.stop(),
      page.locator('[data-status="trying"]').waitFor(),
    ]);
    assertEquals(code, 0);
  },
);

liveTest("the page works after root's rights are gone: the connection is another user's from then on", {
  rights: "root",
  needs: ["curl"],
}, async (lab) => {
  await using server = await ServeProcess.start(lab, { args: ["--ui"] });
  const { origin, search } = new URL(await pageAddress(server));
  const ask = async (path: string, ...more: string[]) => {
    const words = ["curl", "--silent", "--show-error", ...more, `${origin}${path}${search}`];
    const { code, stdout, stderr } = await lab.run({ side: "server", words });
    assertEquals(code, 0, stderr);
    return stdout;
  };
  await talkByKernel(lab, lab.plan.tcplabAddress, "hello");
  await server.event("closed");
  const { servers } = JSON.parse(await ask("/api/snapshot"));
  const status = await lab.run({ side: "server", words: ["cat", `/proc/${servers[0].pid}/status`] });
  assert(/^Uid:\t(?!0\b)\d+/m.test(status.stdout), status.stdout);
  assert((await ask("/")).includes("<!doctype html>"));
  assert((await ask("/metrics")).includes("\ntcplab_connections_opened_total 1\n"));
  assertEquals(JSON.parse(await ask("/api/faults", "--data", '{"once":"drop:fin"}')).pending, ["drop:fin"]);
  assertEquals(
    await ask("/", "--output", "/dev/null", "--write-out", "%{http_code}", "--header", "Origin: http://x"),
    "403",
  );
});

liveTest(
  "a page's port that is in use, or no address of this machine alone, is one line, and nothing is left open",
  {},
  async (lab) => {
    await using server = await ServeProcess.start(lab, { args: ["--ui"] });
    await pageAddress(server);
    const taken = await ServeProcess.refuse(lab, { args: ["--ui", "--port", "4444", "--ip", "10.33.0.9"] });
    assertEquals([taken.code, taken.stdout], [1, ""]);
    assertEquals(taken.stderr.trim().split("\n").filter((line) => line.includes("8033")).length, 1);
    assert(taken.stderr.includes("127.0.0.1:8033 is in use"), taken.stderr);
    const foreign = await ServeProcess.refuse(lab, { args: ["--ui", "0.0.0.0:8033"] });
    assertEquals(foreign.code, 2);
    assert(foreign.stderr.includes("the page is for this machine only"), foreign.stderr);
  },
);

liveTest("another user who takes every descriptor ends the page, and not the server", {
  needs: ["python3"],
}, async (lab) => {
  const program = ["sh", "-c", 'ulimit -n 200; exec "$@"', "sh", ...selfCommand()];
  await using server = await ServeProcess.start(lab, { args: ["--ui"], program });
  await pageAddress(server);
  const greedy = `import socket, sys
held = []
try:
    while len(held) < 400: held.append(socket.create_connection(("127.0.0.1", 8033), timeout=5))
except OSError: pass
print(len(held), flush=True)
sys.stdin.read()`;
  const holder = lab.spawn({ side: "server", words: ["python3", "-c", greedy], stdin: true });
  await waitFor(() => server.stderr.includes("The live page has ended"), { what: "the notice" });
  await talkByKernel(lab, lab.plan.tcplabAddress, "hello");
  assertEquals((await server.event("closed")).reason, "normal");
  // He still holds them at his end: the server has its own back, and answers those who need one.
  const netstat = await lab.run({ side: "server", words: [...selfCommand(), "netstat", "--json"] });
  const [{ pid }] = JSON.parse(netstat.stdout);
  const left = await lab.run({ side: "server", words: ["sh", "-c", `ls /proc/${pid}/fd | wc -l`] });
  assert(Number(left.stdout) > 10 && Number(left.stdout) < 100, left.stdout + left.stderr);
  await holder.closeInput();
  await holder.result;
  assertEquals((await server.stop()).code, 0);
});
