/**
 * Who gets in, in a real browser: not without the token, and not from another page of the same machine, even one that knows
 * the token.
 */
import { assert, assertEquals } from "@std/assert";
import { noBrowser, pageAddress, PageBrowser } from "./page_browser.ts";
import { liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { waitFor } from "./wait_for.ts";

/** Where another program of this machine has a page. */
const OTHER_PORT = 8044;

liveTest("a browser without the token, or with a wrong one, is shown a line, and no page", {
  missing: noBrowser,
}, async (lab) => {
  await using server = await ServeProcess.start(lab, { args: ["--ui"] });
  const address = new URL(await pageAddress(server));
  await using browser = await PageBrowser.start(lab);
  const wrong = `?token=${"0".repeat(32)}`;
  for (const search of ["", "?token=", wrong]) {
    const page = await browser.open("about:blank");
    const response = await page.goto(`${address.origin}/${search}`);
    assertEquals(response?.status(), 403, search);
    assertEquals(
      (await page.locator("body").innerText()).trim(),
      "The token is missing or wrong: use the whole address that serve has printed, ?token=... included",
    );
    assertEquals(await page.locator("svg, script, button").count(), 0);
    await page.close();
  }
  // With it, it is there.
  const page = await browser.open(address.href);
  await page.locator('[data-status="live"]').waitFor();
});

liveTest("a page of another port of this machine that knows the token can neither command nor look on", {
  missing: noBrowser,
  needs: ["python3", "curl"],
}, async (lab) => {
  await using server = await ServeProcess.start(lab, { args: ["--ui"] });
  const address = new URL(await pageAddress(server));
  await using browser = await PageBrowser.start(lab);
  const stranger = lab.spawn({
    side: "server",
    words: [
      "python3",
      "-m",
      "http.server",
      String(OTHER_PORT),
      "--bind",
      "127.0.0.1",
      "--directory",
      "/run",
    ],
  });
  await waitFor(
    async () =>
      (await lab.run({ side: "server", words: ["curl", "-s", `http://127.0.0.1:${OTHER_PORT}/`] })).code ===
        0,
    { what: "the other page" },
  );
  for (const host of ["127.0.0.1", "localhost"]) {
    const page = await browser.open("about:blank");
    // What came back over the network, of which the browser shows the page nothing.
    const asked = new Map<string, string>();
    const statuses = new Map<string, number>();
    const session = await page.context().newCDPSession(page);
    await session.send("Network.enable");
    session.on("Network.requestWillBeSent", ({ requestId, request }) => {
      const { origin, pathname } = new URL(request.url);
      if (origin === address.origin) asked.set(requestId, `${request.method} ${pathname}`);
    });
    session.on("Network.responseReceivedExtraInfo", ({ requestId, statusCode }) => {
      statuses.set(requestId, statusCode);
    });
    // The two are told in any order, and perhaps a little later than the page.
    const posted = () =>
      [...asked].flatMap(([id, what]) =>
        what.startsWith("POST") && statuses.has(id) ? [`${what} ${statuses.get(id)}`] : []
      );
    await page.goto(`http://${host}:${OTHER_PORT}/`);
    // As such a page would: a request that needs no leave beforehand, and one whose answer it could read.
    const results: unknown = await page.evaluate(`(async () => {
      const [origin, search] = ${JSON.stringify([address.origin, address.search])};
      const tries = [];
      for (const mode of ["no-cors", "cors"]) {
        for (const [path, body] of [["/api/pause"], ["/api/faults", '{"spec":"drop=100%"}']]) {
          const asked = fetch(origin + path + search, { method: "POST", mode, body });
          tries.push(await asked.then((answer) => answer.type + " " + answer.status, () => "refused"));
        }
        const looked = fetch(origin + "/api/snapshot" + search, { mode });
        tries.push(await looked.then((answer) => answer.type, () => "refused"));
      }
      const socket = new WebSocket(origin.replace("http:", "ws:") + "/api/stream" + search);
      tries.push(await new Promise((resolve) => {
        socket.onopen = () => resolve("open");
        socket.onclose = () => resolve("closed");
      }));
      return tries;
    })()`);
    assert(Array.isArray(results));
    // Of what it may send nothing is done, and of no answer a letter can be read.
    assertEquals(results.filter((result) => result !== "refused" && result !== "opaque 0"), ["closed"], host);
    await waitFor(() => posted().length >= 4, { what: "four answers" });
    assertEquals(posted().toSorted(), [
      "POST /api/faults 403",
      "POST /api/faults 403",
      "POST /api/pause 403",
      "POST /api/pause 403",
    ]);
    await page.close();
  }
  // Nothing has come of it.
  const page = await browser.open(address.href);
  await page.locator('[data-status="live"]').waitFor();
  await page.getByText("Nothing is done to frames").waitFor();
  await stranger.stop(2000);
});
