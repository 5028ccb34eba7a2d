/** The page as one file: what is in it, that it stays data, and that it is bounded. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Story } from "../../src/story/story.ts";
import { storedSource } from "../../src/story/stored_story.ts";
import { ladderOf } from "../../src/story/ladder.ts";
import type { StoredPage } from "../../src/story/page_messages.ts";
import { jsonForMarkup, standalonePage } from "../../src/web/standalone_page.ts";
import { FLAG } from "../../src/wire/tcp.ts";

const { SYN, FIN, ACK } = FLAG;
const DOCUMENT =
  '<html><head></head><body><!-- STORY --><script nonce="NONCE_OF_THIS_ANSWER">1</script></body></html>';

/** A handshake, `data` segments of a hundred octets and their ACKs, and an orderly end of both. */
function storyOf(data: number): Story {
  const story = new Story();
  let number = 0;
  const say = (
    from: "client" | "server",
    flags: number,
    about: { seq: number; ack: number; length?: number },
  ) => {
    const [client, server] = ["10.0.0.2:4444", "10.0.0.1:80"];
    const { seq, ack, length = 0 } = about;
    number++;
    story.add({
      number,
      time: 1000 + number / 1000,
      source: from === "client" ? client : server,
      destination: from === "client" ? server : client,
      flags,
      seq,
      ack,
      length,
      window: 60_000,
      options: (flags & SYN) === 0 ? {} : { mss: 1460, windowScale: 0 },
    });
  };
  say("client", SYN, { seq: 99, ack: 0 });
  say("server", SYN | ACK, { seq: 499, ack: 100 });
  say("client", ACK, { seq: 100, ack: 500 });
  let at = 100;
  for (let i = 0; i < data; i++) {
    say("client", ACK, { seq: at, ack: 500, length: 100 });
    at += 100;
    say("server", ACK, { seq: 500, ack: at });
  }
  say("client", FIN | ACK, { seq: at, ack: 500 });
  say("server", FIN | ACK, { seq: 500, ack: at + 1 });
  say("client", ACK, { seq: at + 1, ack: 501 });
  return story;
}

async function pageOf(story: Story, title = "x.pcap"): Promise<{ text: string; page: StoredPage }> {
  const document = () => Promise.resolve(DOCUMENT);
  const text = await standalonePage({ title, version: "1", connections: story.connections(), document });
  const json = /<script type="application\/json" id="story">(.*?)<\/script>/s.exec(text)?.[1] ?? "";
  return { text, page: JSON.parse(json) };
}

Deno.test("a story in a document: the same ladder comes out of it as went in", async () => {
  const story = storyOf(3);
  const { page } = await pageOf(story);
  assertEquals([page.title, page.connections.length, page.leftOut], ["x.pcap", 1, 0]);
  const [connection] = story.connections();
  const stored = ladderOf(storedSource(page.connections[0]));
  const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
  assertEquals(plain(stored), plain(ladderOf(connection)));
  assertEquals(stored.lines.map((line) => line.kind === "segment" ? line.flags : line.kind), [
    "SYN",
    "SYN,ACK",
    "ACK",
    "run",
    "FIN,ACK",
    "FIN,ACK",
    "ACK",
  ]);
  assert(page.why["ESTABLISHED"].length > 0 && page.why["listen.syn"].length > 0);
});

Deno.test("a long connection: its beginning and its end, and one line for what is between", async () => {
  const { page, text } = await pageOf(storyOf(6000));
  const [{ first, last, between }] = page.connections;
  assertEquals([first.length, last.length], [64, 4096]);
  assertEquals([between?.count, between?.isOpenable], [12_006 - 4160, false]);
  assertEquals([between?.first, between?.last], [65, 12_006 - 4096]);
  assert(text.length < 4_000_000, `${text.length}`);
  const { lines } = ladderOf(storedSource(page.connections[0]));
  assertEquals(lines.filter((line) => line.kind === "run" && line.opens === null).length, 1);
  assertEquals(lines.findLast((line) => line.kind === "segment")?.number, 12_006);
});

Deno.test("nothing in a story ends its element: what looks like markup comes back as it was", async () => {
  const evil = "</script><script>alert(1)</script><!-- \u2028 <img onerror=1> $& $1";
  const { text, page } = await pageOf(storyOf(0), evil);
  assertEquals(page.title, evil);
  assertEquals([...text.matchAll(/<script|<\/script|<img|<!--/g)].map(([found]) => found), [
    "<script",
    "</script",
    "<script",
    "</script",
  ]);
  assert(!jsonForMarkup({ evil }).includes("<"));
});

Deno.test("the document keeps a browser to itself, and its scripts have a number that is new each time", async () => {
  const [one, other] = [await pageOf(storyOf(0)), await pageOf(storyOf(0))];
  const nonceOf = (text: string) => /<script nonce="([0-9a-f]{32})">/.exec(text)?.[1];
  assert(nonceOf(one.text) !== undefined && nonceOf(one.text) !== nonceOf(other.text));
  assert(one.text.includes(`script-src 'nonce-${nonceOf(one.text)}'`));
  assert(one.text.includes("default-src 'none'"));
  assert(!one.text.includes("NONCE_OF"));
});

Deno.test("a document without a place for a story is a defect that is told", async () => {
  const parts = { title: "x", version: "1", connections: storyOf(0).connections() };
  await assertRejects(
    () => standalonePage({ ...parts, document: () => Promise.resolve("<html></html>") }),
    Error,
    "no place",
  );
});
