/** The story in Chinese: sentence by sentence, and everything that simulated connections have to say. */
import { assert, assertEquals } from "@std/assert";
import { Course } from "../../src/play/course.ts";
import { SCENARIOS } from "../../src/play/scenarios.ts";
import { describeFaults, parseFaultSpec } from "../../src/link/fault_spec.ts";
import { chineseFaults, chineseSentence, FINDING_KINDS, SENTENCES, typeset } from "../../src/page/chinese.ts";
import { findingsOf } from "../../src/story/findings.ts";
import { EventStory } from "../../src/story/from_events.ts";
import { Story } from "../../src/story/story.ts";
import { runTwoEnds } from "../story/two_ends.ts";

const SAMPLES: readonly (readonly [english: string, chinese: string])[] = [
  [
    "The client (10.0.0.2:40000) sent its SYN 2 times; it waited 990 ms, 1.98 s in between.",
    "客户端 (10.0.0.2:40000)发送了 2 次 SYN;间隔为 990 ms, 1.98 s。",
  ],
  [
    "3 SYNs were never answered: the host is not there, or something on the way drops it without a word.",
    "3 个 SYN 始终没有应答:主机不存在,或途中有设备将它悄悄丢弃。",
  ],
  ["One segment was sent again because a timer expired.", "1 个报文段因定时器到期而重传。"],
  ["12 segments were sent again because a timer expired.", "12 个报文段因定时器到期而重传。"],
  [
    "Before one segment something is missing: lost before this point, overtaken, or missed by the capture.",
    "1 个报文段之前缺了数据:在此之前丢失、被超越,或捕获时漏掉。",
  ],
  [
    "The server (10.0.0.1:80) shut its window 3 times, for 2.5 s in all: the program there reads too slowly. " +
    "It was still shut when the capture ended.",
    "服务器 (10.0.0.1:80)关闭窗口 3 次,共 2.5 s:那里的程序读取太慢。捕获结束时窗口仍然关闭。",
  ],
  [
    "RST of the server ([::1]:80) after 300 s of silence: a timer for idle connections, its own or one of a " +
    "device on the way.",
    "静默 300 s 之后服务器 ([::1]:80)发出 RST:空闲连接定时器到期,可能是它自己的,也可能是途中设备的。",
  ],
  [
    "sent again: its timer has expired, 990 ms after it was sent before",
    "重传:定时器到期,距上次发送 990 ms",
  ],
  [
    "sent again: a probe: the last segment again, before the timer expires, 1 s after it was sent before",
    "重传:探测:在定时器到期之前重发最后一段,距上次发送 1 s",
  ],
  ["sent for nothing: #7 answers #4", "不必要:#7 应答的是 #4"],
  ["sent for nothing: #7 says that it came twice", "不必要:#7 说明它到达了两次"],
  ["has received 101 to 201, 301 to 401 beyond a hole", "缺口之后已收到 101 到 201, 301 到 401"],
  ["has received 1 to 101 twice", "1 到 101 收到了两次"],
];

Deno.test("sentences of the story in Chinese, with what differs in its place", () => {
  for (const [english, chinese] of SAMPLES) {
    assertEquals(chineseSentence(english), typeset(chinese), english);
  }
  assertEquals(chineseSentence("Nobody has said this yet."), null);
});

Deno.test("whatever simulated connections and the playground's scenarios say has a sentence in Chinese", () => {
  const said = new Set<string>();
  const kinds = new Set<string>();
  for (let seed = 1; seed <= 12; seed++) {
    for (const vantage of ["caller", "called"] as const) {
      for (const connection of runTwoEnds(seed, vantage).story.connections()) {
        for (const { kind, text } of findingsOf(connection)) {
          said.add(text);
          kinds.add(kind);
        }
        for (const { marks } of connection.segmentRows()) for (const { text } of marks) said.add(text);
      }
    }
  }
  for (const { setUp } of SCENARIOS) {
    const course = new Course(setUp);
    course.run();
    for (const side of [0, 1] as const) {
      const story = new Story();
      const source = new EventStory(story);
      for (const event of course.record.events[side]) source.observe(event);
      for (const connection of story.connections()) {
        for (const { marks } of connection.segmentRows()) for (const { text } of marks) said.add(text);
      }
    }
  }
  assert(said.size > 500 && kinds.size > 12, `${said.size} sentences of ${kinds.size} kinds`);
  assertEquals([...said].filter((text) => chineseSentence(text) === null), []);
  assertEquals([...kinds].filter((kind) => !FINDING_KINDS.has(kind)), []);
});

Deno.test("each sentence that is known in Chinese is one of the story's, and each kind of finding is known", async () => {
  const folder = new URL("../../src/story/", import.meta.url);
  const names = [
    "findings",
    "reset_findings",
    "transfer_findings",
    "mark_finder",
    "late_marks",
    "connection_story",
  ];
  const files = await Promise.all(names.map((name) => Deno.readTextFile(new URL(`${name}.ts`, folder))));
  // A sentence that goes over several lines is one.
  const source = files.join("\n").replace(/["`] \+\s+["`]/g, "");
  for (const [english] of SENTENCES) {
    for (const clause of english.split(/\{\}|[.:;,?]/)) {
      assert(source.includes(clause.trim()), `${english}: ${clause}`);
    }
  }
  const kinds = files.slice(0, 3).join("\n").matchAll(/\bkind: "([a-z-]+)"/g);
  const named = [...new Set([...kinds].map(([, kind]) => kind))];
  assert(named.length > 30, `${named.length}`);
  assertEquals(named.filter((kind) => !FINDING_KINDS.has(kind)), []);
  assertEquals([...FINDING_KINDS.keys()].filter((kind) => !named.includes(kind)), []);
});

Deno.test("the faults that are in force, in Chinese", () => {
  const shown = (spec: string) => chineseFaults(describeFaults(parseFaultSpec(spec)));
  assertEquals(
    shown("in:drop=1%,in:delay=10ms,seed=7"),
    typeset("收到的帧 丢失 1 %, 延迟 10 ms;发出的帧无改动;种子 7"),
  );
  const all = "drop=1%,dup=2%,reorder=3%,corrupt=4%,mark=5%,delay=6ms,jitter=7ms,rate=8mbit,arp=on";
  assertEquals(shown(all).replace(/ (ms|Mbit\/s)/g, "").match(/[a-z]+/g), null, shown(all));
});

Deno.test("marks beside Chinese letters are wide, those in protocol's names and numbers are not", () => {
  const codes = (text: string) =>
    [...typeset(text)].filter((letter) => /[\uff00-\uffef]/.test(letter)).join("");
  assertEquals(codes("SYN,ACK: 1,000"), "");
  assertEquals(codes("\u4e2d,\u4e2d: 1;\u4e2d"), "\uff0c\uff1a\uff1b");
  assertEquals(codes("\u4e2d(P)"), "\uff08\uff09");
  assertEquals(codes("RST(\u4e2d)?"), "\uff08\uff09\uff1f");
});
