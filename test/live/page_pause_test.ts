/** A pause that was made in a browser does not outlive it, nor the server: whoever sits there hears of both. */
import { assert, assertEquals, assertLess } from "@std/assert";
import { noBrowser, pageAddress, PageBrowser } from "./page_browser.ts";
import { liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { waitFor } from "./wait_for.ts";

const PAUSED = "tcplab serve: Paused from the live page: ";
const RESUMED = "tcplab serve: Resumed: no live page has been open for 10 seconds";

/**
 * Says hello when its input ends, and closes a little after the answer: by itself, since the server has two seconds of patience,
 * which a test that is held up would use up.
 */
const SPEAKER = `
import socket, sys, time
end = socket.create_connection((sys.argv[1], 3333))
sys.stdin.read()
end.sendall(b"hello\\n")
print(end.recv(6, socket.MSG_WAITALL).decode(), end="")
time.sleep(0.2)
end.shutdown(socket.SHUT_WR)
print(end.recv(1).decode(), end="")
`;

liveTest("a page that is closed while it pauses the server: ten seconds later the client has its answer", {
  missing: noBrowser,
  needs: ["nc"],
}, async (lab) => {
  await using server = await ServeProcess.start(lab, { args: ["--ui"] });
  await using browser = await PageBrowser.start(lab);
  const page = await browser.open(await pageAddress(server));
  await page.locator('[data-status="live"]').waitFor();
  const client = lab.spawn({ side: "client", words: ["nc", lab.plan.tcplabAddress, "3333"], stdin: true });
  await page.locator('[data-connection="1"]').waitFor();
  await page.keyboard.press("p");
  await page.locator('[data-status="paused"]').waitFor();
  await waitFor(() => server.stderr.includes(PAUSED), { what: "a line of the pause on stderr" });
  await client.write(new TextEncoder().encode("hello\n"));
  // Loaded anew, it is paused still.
  await page.reload();
  await page.locator('[data-status="paused"]').waitFor();
  assertEquals(client.stdout, "");
  const left = performance.now();
  await page.close();
  await waitFor(() => client.stdout === "hello\n", { what: "the answer" });
  assert(performance.now() - left > 8000);
  // The log is read behind what happens.
  await server.event("notice", ({ kind }) => kind === "resumed");
  await waitFor(() => server.stderr.includes(RESUMED), { what: "a line of the end of the pause on stderr" });
  assertEquals(server.all("notice").map(({ kind }) => kind), ["paused", "resumed"]);
  await client.stop(2000);
  assertEquals((await server.stop()).code, 0);
});

liveTest("a pause that is asked for before the page's stream is there goes with the page, too", {
  missing: noBrowser,
}, async (lab) => {
  await using server = await ServeProcess.start(lab, { args: ["--ui"] });
  await using browser = await PageBrowser.start(lab);
  const page = await browser.open(await pageAddress(server), {
    // It never comes.
    prepare: (opened) => opened.routeWebSocket(/\/api\/stream/, () => {}),
  });
  await page.locator('svg[aria-label="State diagram"]').waitFor();
  await page.keyboard.press("p");
  await waitFor(() => server.stderr.includes(PAUSED), { what: "a line of the pause on stderr" });
  await page.close();
  await waitFor(() => server.stderr.includes(RESUMED), { what: "a line of the end of the pause on stderr" });
  assertEquals((await server.stop()).code, 0);
});

liveTest("SIGTERM while a page has paused the server: the end is in order, whatever the page asks for then", {
  missing: noBrowser,
  needs: ["python3"],
}, async (lab) => {
  await using server = await ServeProcess.start(lab, { args: ["--ui"] });
  await using browser = await PageBrowser.start(lab);
  const page = await browser.open(await pageAddress(server));
  const client = lab.spawn({
    side: "client",
    words: ["python3", "-c", SPEAKER, lab.plan.tcplabAddress],
    stdin: true,
  });
  await page.locator('[data-connection="1"]').waitFor();
  await page.keyboard.press("p");
  await page.locator('[data-status="paused"]').waitFor();
  await client.closeInput();
  await page.getByText(/Paused: [1-9]\d* wait/).waitFor();
  // A page that asks for a pause again and again, until nobody answers.
  await page.evaluate(
    `setInterval(() => fetch("/api/pause" + location.search, { method: "POST" }).catch(() => {}), 5)`,
  );
  await server.signal("SIGTERM");
  const { stdout } = await client.result;
  const { code, stderr } = await server.ended();
  assertEquals([code, stdout], [0, "hello\n"], stderr);
  assert(stderr.includes("tcplab serve: Resumed: the server ends"), stderr);
  // Neither waited for in vain, nor reset.
  assertEquals(server.all("segment").filter(({ flags }) => flags.includes("RST")), []);
  // Both close at about the same time: who is first, or whether neither is, decides who waits in TIME_WAIT, and that is no end.
  const ends = server.all("closed").map(({ reason }) => reason);
  const isWaiting = server.all("transition").at(-1)?.to === "TIME_WAIT";
  assert(isWaiting ? ends.length === 0 : ends.join() === "normal", `${ends} ${isWaiting}`);
  // It has waited for nobody: of its patience most is left.
  const resumed = await server.event("notice", ({ kind }) => kind === "resumed");
  const summary = await server.event("summary");
  assertLess(summary.time - resumed.time, 1.9);
});
