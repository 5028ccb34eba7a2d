/** Numbers that a script, or whoever makes a host, pins: the first sequence number and where timestamps begin. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseScript } from "../../src/script/parse_script.ts";
import { runScript, type Verdict } from "../../src/script/runner.ts";
import { createKernel } from "../../src/script/sockets/create_kernel.ts";
import { InitialSequence } from "../../src/tcp/initial_sequence.ts";
import { PROFILES } from "../../src/tcp/profiles.ts";

const STEPS = `--bind_port=4000
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 65535 <mss 1000,sackOK,TS val 7 ecr 0>
+0 > S. NUMBER:NUMBER(0)! ack 1 <...>
`;

function verdictOf(text: string, options: readonly (readonly [string, string])[] = []): Verdict {
  return runScript(parseScript(text, "pinned.pkt"), {
    profile: PROFILES.rfc,
    kernel: createKernel,
    wishes: { options: new Map(options) },
  }).verdict;
}

Deno.test("a script pins the first sequence number, at its head or from outside; also the last of 32 bits", () => {
  for (const number of [0, 100, 0x80000000, 0xffffffff]) {
    const text = STEPS.replaceAll("NUMBER", String(number));
    assertEquals(verdictOf(`--initial_sequence=${number}\n${text}`).kind, "pass", `${number}`);
    assertEquals(verdictOf(text, [["initial_sequence", `${number}`]]).kind, "pass", `${number}`);
    const other = verdictOf(text, [["initial_sequence", `${(number + 1) >>> 0}`]]);
    assertEquals([other.kind, other.kind === "fail" && other.what], ["fail", "sequence number"]);
  }
  assertEquals(verdictOf(`--initial_sequence=4294967296\n${STEPS.replaceAll("NUMBER", "0")}`).kind, "error");
});

/** TSval of the SYN,ACK. */
function stampOf(options: readonly (readonly [string, string])[]): number | undefined {
  let stamp: number | undefined;
  runScript(parseScript(STEPS.replace("NUMBER:NUMBER(0)!", "0:0(0)"), "pinned.pkt"), {
    profile: PROFILES.rfc,
    kernel: createKernel,
    wishes: { options: new Map(options) },
    observe: (event) => {
      if (event.event === "segment" && event.direction === "send") stamp = event.options.timestamps?.value;
    },
  });
  return stamp;
}

Deno.test("a script pins where timestamps begin", () => {
  const from0 = stampOf([["timestamp_offset", "0"]]);
  assert(from0 !== undefined && from0 < 60_000, `${from0} ms since the host's clock began`);
  assertEquals(stampOf([["timestamp_offset", "4000"]]), from0 + 4000);
  assertEquals(stampOf([["timestamp_offset", "4294967295"]]), from0 - 1);
  assert(stampOf([]) !== from0);
});

Deno.test("pinned numbers stand for those of the secret and the clock, one by one; a number of more than 32 bits is refused", () => {
  const tuple = {
    localAddress: Uint8Array.of(10, 0, 0, 1),
    localPort: 1,
    peerAddress: Uint8Array.of(10, 0, 0, 2),
    peerPort: 2,
  };
  const secret = new Uint8Array(16).fill(9);
  const free = new InitialSequence(secret);
  const numbers = (isn: InitialSequence, nowUs: number) => [isn.next(tuple, nowUs), isn.timestampOffset];
  const [sequence, offset] = numbers(free, 1_000_000);
  assertEquals(numbers(new InitialSequence(secret, { initialSequence: 5 }), 1_000_000), [5, offset]);
  assertEquals(numbers(new InitialSequence(secret, { initialSequence: 5 }), 9_000_000), [5, offset]);
  assertEquals(numbers(new InitialSequence(secret, { timestampOffset: 6 }), 1_000_000), [sequence, 6]);
  for (const initialSequence of [-1, 0.5, 2 ** 32]) {
    assertThrows(
      () => new InitialSequence(secret, { initialSequence }),
      RangeError,
      "pinned initialSequence",
    );
  }
});
