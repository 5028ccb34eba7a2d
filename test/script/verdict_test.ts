/**
 * Wrong expectations, one of each kind: each is seen to fail, at its line, with what came in its own notation and our rule. And each
 * script passes as it is written rightly, so that no test fails for something else.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ACCEPTED, ACCEPTED_LINES, failureOf, played } from "./played.ts";

/** A line of the script, said rightly and wrongly, and what the verdict says is wrong. */
interface WrongStep {
  readonly what: string;
  readonly right: string;
  readonly wrong: string;
  readonly says: RegExp;
  /** What the verdict shows as actual. */
  readonly actual: RegExp;
}

const WRITE = "+0 write(4, ..., 1000) = 1000\n";
const WRONG_STEPS: readonly WrongStep[] = [
  {
    what: "a flag",
    right: "+0 > P. 1:1001(1000) ack 1",
    wrong: "+0 > . 1:1001(1000) ack 1",
    says: /^flags$/,
    actual: /> P\. 1:1001\(1000\) ack 1/,
  },
  {
    what: "a FIN that does not come",
    right: "+0 > P. 1:1001(1000) ack 1",
    wrong: "+0 > FP. 1:1001(1000) ack 1",
    says: /^flags$/,
    actual: /> P\. 1:1001/,
  },
  {
    what: "a sequence number",
    right: "+0 > P. 1:1001(1000) ack 1",
    wrong: "+0 > P. 2:1002(1000) ack 1",
    says: /^sequence number$/,
    actual: / 1:1001\(1000\) /,
  },
  {
    what: "an acknowledgment",
    right: "+0 > P. 1:1001(1000) ack 1",
    wrong: "+0 > P. 1:1001(1000) ack 7",
    says: /^acknowledgment$/,
    actual: / ack 1$/,
  },
  {
    what: "a length",
    right: "+0 > P. 1:1001(1000) ack 1",
    wrong: "+0 > P. 1:501(500) ack 1",
    says: /^length$/,
    actual: / 1:1001\(1000\) /,
  },
  {
    what: "a window",
    right: "+0 > P. 1:1001(1000) ack 1",
    wrong: "+0 > P. 1:1001(1000) ack 1 win 3",
    says: /^window$/,
    actual: / win \d+/,
  },
  {
    what: "an option that is not there",
    right: "+0 > P. 1:1001(1000) ack 1",
    wrong: "+0 > P. 1:1001(1000) ack 1 <nop,nop,TS val 1 ecr 1>",
    says: /^options$/,
    actual: /> P\. 1:1001/,
  },
  {
    what: "ECN bits",
    right: "+0 > [noecn] P. 1:1001(1000) ack 1",
    wrong: "+0 > [ect0] P. 1:1001(1000) ack 1",
    says: /^ECN bits$/,
    actual: /noecn/,
  },
  {
    what: "a time to live",
    right: "+0 > [ttl 64] P. 1:1001(1000) ack 1",
    wrong: "+0 > [ttl 63] P. 1:1001(1000) ack 1",
    says: /^time to live$/,
    actual: /ttl 64/,
  },
  {
    what: "a packet that comes too early",
    right: "+0 > P. 1:1001(1000) ack 1",
    wrong: "+.5 > P. 1:1001(1000) ack 1",
    says: /packet too early: expected at 0\.600000 s, came at 0\.100000 s, 500 ms off/,
    actual: /^0\.100000 /,
  },
];

for (const { what, right, wrong, says, actual } of WRONG_STEPS) {
  Deno.test(`a script that expects the wrong thing fails at that line: ${what}`, () => {
    assertEquals(played(ACCEPTED + WRITE + right).verdict, { kind: "pass" });
    const verdict = failureOf(ACCEPTED + WRITE + wrong);
    assertEquals(verdict.place.line, ACCEPTED_LINES + 2);
    assertMatch(verdict.what, says);
    assertMatch(verdict.actual, actual);
    assertEquals(verdict.rule?.id, "send.data");
    assertEquals(verdict.rule?.rfc, "RFC 9293 §3.10.2");
  });
}

Deno.test("a packet that comes too late is told with the time at which it came: the retransmission of RFC 6298 after 300 ms", () => {
  const script = `${ACCEPTED}+0 write(4, ..., 1000) = 1000\n+0 > P. 1:1001(1000) ack 1\n`;
  const verdict = failureOf(`${script}+0.05 > P. 1:1001(1000) ack 1`);
  assertEquals(verdict.place.line, ACCEPTED_LINES + 3);
  assertMatch(verdict.what, /^packet too late: expected at 0\.150000 s/);
  assertMatch(verdict.rule?.id ?? "", /^(retransmit|send)\./);
});

Deno.test("a packet that never comes is missing, and the verdict says until when it was waited for", () => {
  const verdict = failureOf(`${ACCEPTED}+0.2 > F. 1:1(0) ack 1`);
  assertEquals(verdict.place.line, ACCEPTED_LINES + 1);
  assertEquals(verdict.what, "the packet is missing");
  assertStringIncludes(verdict.expected, "0.300000 > F. 1:1(0) ack 1");
  assertMatch(verdict.actual, /^nothing until 2\.3/);
});

Deno.test("a part of what was expected is shown before what is missing", () => {
  const verdict = failureOf(`${ACCEPTED}${WRITE}+0 > P. 1:2001(2000) ack 1`);
  assertEquals(verdict.place.line, ACCEPTED_LINES + 2);
  assertMatch(verdict.actual, /1:1001\(1000\)/);
});

Deno.test("a packet too many is passed over at the end, and fails the script with --strict, at its last line", () => {
  const script = `${ACCEPTED}${WRITE}`;
  assertEquals(played(script).verdict, { kind: "pass" });
  const verdict = failureOf(script, { wishes: { strict: true } });
  assertEquals(verdict.what, "a packet that no step asks for");
  assertEquals(verdict.place.line, ACCEPTED_LINES + 1);
  assertMatch(verdict.actual, /^0\.100000 > P\. 1:1001\(1000\) ack 1 win \d+/);
  assertEquals(verdict.rule?.id, "send.data");
});

Deno.test("a packet too many before the one that is expected is compared with it", () => {
  const verdict = failureOf(`${ACCEPTED}${WRITE}+0 shutdown(4, SHUT_WR) = 0\n+0 > F. 1001:1001(0) ack 1`);
  assertEquals(verdict.place.line, ACCEPTED_LINES + 3);
  assertEquals(verdict.what, "flags, sequence number, length");
});

Deno.test("a call that gives something else fails at its line", () => {
  const verdict = failureOf(`${ACCEPTED}+0 write(4, ..., 1000) = 900`);
  assertEquals(verdict.place.line, ACCEPTED_LINES + 1);
  assertEquals(verdict.expected, "write(4, ..., 1000) = 900");
  assertEquals(verdict.actual, "write(4, ..., 1000) = 1000");
});

Deno.test("a call that blocks returns at the time that the script says, or fails", () => {
  const read = (endUs: string) =>
    `${ACCEPTED}+0...${endUs} read(4, ..., 1000) = 10\n+.1 < P. 1:11(10) ack 1 win 257\n+0 > . 1:1(0) ack 11`;
  assertEquals(played(read("0.1")).verdict, { kind: "pass" });
  const verdict = failureOf(read("0.3"));
  assertEquals(verdict.place.line, ACCEPTED_LINES + 1);
  assertMatch(verdict.what, /return too early: expected at 0\.400000 s, came at 0\.200000 s/);
});

Deno.test("a call that would block for ever fails in words, with the time of the world unspent", () => {
  const verdict = failureOf(`${ACCEPTED}+0 read(4, ..., 1000) = 10`);
  assertEquals(verdict.place.line, ACCEPTED_LINES + 1);
  assertMatch(verdict.what, /^read blocks, and nothing is due any more$/);
  const late = failureOf(`${ACCEPTED}+0...5 read(4, ..., 1000) = 10`);
  assertMatch(late.what, /^read blocks, at the end of the script$/);
});

Deno.test("a construct that is not there is unsupported, named with its line, and never a pass", () => {
  const { verdict } = played(`${ACCEPTED}+0 vmsplice(4, 0, 0, 0) = 0`);
  assertEquals(verdict.kind, "unsupported");
  assert(verdict.kind === "unsupported");
  assertEquals(verdict.construct, "vmsplice()");
  assertEquals(verdict.place.line, ACCEPTED_LINES + 1);
  const option = played(`--psp_udp_port=1000\n${ACCEPTED}`).verdict;
  assert(option.kind === "unsupported");
  assertEquals(option.construct, "--psp_udp_port");
});

Deno.test("an option that makes no sense is an error, and so is time that goes back", () => {
  const option = played(`--mtu=7\n${ACCEPTED}`).verdict;
  assert(option.kind === "error");
  assertEquals(option.place.line, 1);
  assertMatch(option.message, /expected a number from 68 to 65535 behind --mtu=, found 7/);
  const back = played("0.2 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n0.1 bind(3, ..., ...) = 0").verdict;
  assert(back.kind === "error");
  assertEquals(back.place.line, 2);
  assertMatch(back.message, /time goes back from 0\.200000 to 0\.100000/);
});

Deno.test("--non_fatal lets what differs pass, and the trace tells it", () => {
  const script =
    `--non_fatal=packet\n--non_fatal=syscall\n${ACCEPTED}+0 write(4, ..., 1000) = 900\n+0 > P. 1:1001(1000) ack 9`;
  const notes: string[] = [];
  const { verdict } = played(script, {
    onTrace: ({ kind, text }) => void (kind === "note" && notes.push(text)),
  });
  assertEquals(verdict, { kind: "pass" });
  assertEquals(notes, ["let pass: write: result", "let pass: acknowledgment"]);
});

Deno.test("when the time limit is over the script has failed, in words", () => {
  const script = `${ACCEPTED}+0 write(4, ..., 500000) = 500000\n${
    Array.from({ length: 300 }, () => "+0.01 < . 1:1(0) ack 1 win 257\n").join("")
  }`;
  assertEquals(played(script).verdict, { kind: "pass" });
  const verdict = failureOf(script, { isOutOfTime: () => true });
  assertMatch(verdict.what, /^the time limit is over after \d+ frames and deadlines/);
});
