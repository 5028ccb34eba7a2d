/** The directory in which a lab and its pages meet: it is made for its user alone, and removed. */
import { assert, assertEquals } from "@std/assert";
import { openPageForwarding, reachablePage } from "../../src/cli/page_forwarding.ts";

const NAME = "TCPLAB_PAGE_FORWARD";

/** Runs with another TMPDIR, which is empty at first; gives what is left in it. */
async function inTemporary(work: (path: string) => Promise<void>): Promise<string[]> {
  const path = await Deno.makeTempDir();
  const before = Deno.env.get("TMPDIR");
  Deno.env.set("TMPDIR", path);
  try {
    await work(path);
    return [...Deno.readDirSync(path)].map(({ name }) => name);
  } finally {
    if (before === undefined) Deno.env.delete("TMPDIR");
    else Deno.env.set("TMPDIR", before);
    Deno.env.delete(NAME);
    await Deno.remove(path, { recursive: true });
  }
}

Deno.test("a lab's way for pages is its user's alone, and nothing of it is left", async () => {
  const left = await inTemporary(async () => {
    using pages = await openPageForwarding();
    const directory = pages.env[NAME];
    assertEquals(((await Deno.stat(directory)).mode ?? 0) & 0o777, 0o700);
    Deno.env.set(NAME, directory);
    // Who is in a lab already opens no second one.
    using again = await openPageForwarding();
    assertEquals(again.env, {});
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using reach = await reachablePage(`http://127.0.0.1:${listener.addr.port}/?token=abc`);
    assert(/^http:\/\/127\.0\.0\.1:\d+\/\?token=abc$/.test(reach.url), reach.url);
    listener.close();
  });
  assertEquals(left, []);
});

Deno.test("what a killed lab left is removed by the next one, and what lives or is young is not", async () => {
  const left = await inTemporary(async (path) => {
    const old = new Date(Date.now() - 3_600_000);
    for (const name of ["tcplab-pages-dead", "tcplab-pages-young", "tcplab-pages-alive", "other-dead"]) {
      await Deno.mkdir(`${path}/${name}`);
    }
    Deno.listen({ transport: "unix", path: `${path}/tcplab-pages-dead/forward` }).close();
    using _alive = Deno.listen({ transport: "unix", path: `${path}/tcplab-pages-alive/forward` });
    for (const name of ["tcplab-pages-dead", "tcplab-pages-alive", "other-dead"]) {
      await Deno.utime(`${path}/${name}`, old, old);
    }
    using _pages = await openPageForwarding();
  });
  assertEquals(left.sort(), ["other-dead", "tcplab-pages-alive", "tcplab-pages-young"]);
});

Deno.test("a page outside of any lab keeps its address, and so does one whose lab is gone", async () => {
  const url = "http://[::1]:8033/?token=abc";
  await inTemporary(async (path) => {
    using plain = await reachablePage(url);
    assertEquals(plain.url, url);
    Deno.env.set(NAME, `${path}/gone`);
    using gone = await reachablePage(url);
    assertEquals(gone.url, url);
  });
});
