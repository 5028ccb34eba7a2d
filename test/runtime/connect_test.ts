/** Opening a connection to who does not answer: at which time it is given up, with which error, and what was sent. */
import { assert, assertEquals } from "@std/assert";
import type { Connection } from "../../src/runtime/connection.ts";
import { ip } from "../host/hand_frames.ts";
import { LoneStack } from "./lone_stack.ts";

/** What becomes of an opening: the error, and the time on the stack's clock at which it came. */
interface Outcome {
  connection: Connection | null;
  error: unknown;
  atUs: number;
}

/** Opens a connection, and looks at what became of it after `passUs`; null while it is still waiting. */
function opens(on: LoneStack, hostname: string): () => Outcome | null {
  const beganUs = on.clock.nowUs();
  let outcome: Outcome | null = null;
  on.stack.connect({ hostname, port: 7 }).then(
    (connection) => outcome = { connection, error: null, atUs: on.clock.nowUs() - beganUs },
    (error) => outcome = { connection: null, error, atUs: on.clock.nowUs() - beganUs },
  );
  return () => outcome;
}

function assertNoRoute(outcome: Outcome | null, where: string): void {
  assert(outcome?.error instanceof Error, "no error");
  assertEquals(outcome.error.message.slice(0, 32), "No route to host (os error 113):");
  assert(outcome.error.message.endsWith(where), outcome.error.message);
  assertEquals(Object.entries(outcome.error), [["code", "EHOSTUNREACH"]]);
}

/** The versions of IP: addresses, what neighbors are asked with, the default MSS, and the code by which a router says that there is no such host. */
const VERSIONS = [
  {
    version: "IPv4",
    peer: "10.0.0.9",
    router: "10.0.0.254",
    far: "192.168.7.7",
    protocol: "ARP",
    // MUST-15: of a peer that offers none.
    mss: 536,
    noHost: [1, "no way to the host"],
  },
  {
    version: "IPv6",
    peer: "fd00::9",
    router: "fd00::fe",
    far: "2001:db8::7",
    protocol: "NDP",
    mss: 1220,
    noHost: [3, "nobody has the address"],
  },
] as const;

for (const { version, peer, router, far: farAway, protocol, mss, noHost } of VERSIONS) {
  Deno.test(`${version}: connect to an address that nobody has asks three times, and rejects after three seconds`, async () => {
    await using on = new LoneStack({ version });
    const outcome = opens(on, peer);
    await on.pass(2_999_999);
    assertEquals(outcome(), null);
    assertEquals(on.sent(), [`0 who-has ${peer}`, `1 who-has ${peer}`, `2 who-has ${peer}`]);
    await on.pass(1);
    assertNoRoute(outcome(), `nobody answers ${protocol} for ${peer}`);
    assertEquals(outcome()?.atUs, 3_000_000);
    assertEquals(on.stack.connections, []);
    await on.pass(600_000_000);
    assertEquals(on.sent(), []);
    assertEquals(on.clock.nextTimerUs, Infinity);
  });

  Deno.test(`${version}: connect again to an address that nobody had asks again`, async () => {
    await using on = new LoneStack({ version });
    opens(on, peer);
    await on.pass(3_000_000);
    on.sent();
    const again = opens(on, peer);
    await on.pass(500_000);
    assertEquals(on.sent(), [`3 who-has ${peer}`]);
    on.tellsWhere(peer);
    await on.settle();
    assertEquals(on.sent(), [`3.5 SYN to ${peer}`]);
    on.answersSyn();
    await on.settle();
    assertEquals(on.sent(), [`3.5 ACK to ${peer}`]);
    assertEquals(again()?.connection?.state, "ESTABLISHED");
  });

  Deno.test(`${version}: connect to who answers for its address late opens, and is not given up later`, async () => {
    await using on = new LoneStack({ version });
    const outcome = opens(on, peer);
    await on.pass(2_500_000);
    on.sent();
    on.tellsWhere(peer);
    await on.settle();
    assertEquals(on.sent(), [`2.5 SYN to ${peer}`]);
    on.answersSyn();
    await on.pass(60_000_000);
    assertEquals(on.sent(), [`2.5 ACK to ${peer}`]);
    assertEquals(outcome()?.connection?.state, "ESTABLISHED");
  });

  Deno.test(`${version}: connect by way of a router that nobody has rejects with the router's address`, async () => {
    await using on = new LoneStack({ version, gateway: router });
    const far = opens(on, farAway);
    const near = opens(on, peer);
    await on.settle();
    on.tellsWhere(peer);
    await on.pass(3_000_000);
    assertNoRoute(far(), `nobody answers ${protocol} for ${router}`);
    // The other one is on its way: it waits for the SYN's answer.
    assertEquals(near(), null);
  });

  Deno.test(`${version}: connect to who answers for its address and no SYN rejects with TimedOut after three minutes`, async () => {
    await using on = new LoneStack({ version });
    const outcome = opens(on, peer);
    await on.settle();
    on.tellsWhere(peer);
    for (let second = 1; second < 180; second++) {
      await on.pass(1_000_000);
      // It goes on answering: as nothing else comes from it, it is asked now and then.
      on.tellsWhere(peer);
    }
    await on.pass(999_999);
    assertEquals(outcome(), null);
    await on.pass(60_000_001);
    const ended = outcome();
    assert(ended?.error instanceof Deno.errors.TimedOut, String(ended?.error));
    assert(ended.atUs >= 180_000_000 && ended.atUs <= 240_000_000, `after ${ended.atUs} us`);
    const sent = on.sent().slice(1);
    assertEquals(sent.filter((note) => note.endsWith(` SYN to ${peer}`)).length, 8);
    assert(sent.every((note) => / (SYN to|who-has) \S+$/.test(note) && note.endsWith(peer)), sent.join());
    await on.pass(600_000_000);
    assertEquals(on.sent(), []);
  });

  Deno.test(`${version}: connect that a router calls unreachable rejects at once; a connection that is open lives on`, async () => {
    await using on = new LoneStack({ version, gateway: router });
    const outcome = opens(on, farAway);
    await on.settle();
    on.tellsWhere(router);
    await on.settle();
    on.answersUnreachable(router, noHost[0]);
    await on.settle();
    assertNoRoute(outcome(), `unreachable: ${noHost[1]} (ICMP code ${noHost[0]})`);
    assertEquals(outcome()?.atUs, 0);

    const open = opens(on, farAway);
    await on.settle();
    on.answersSyn();
    await on.settle();
    const connection = open()?.connection ?? null;
    assert(connection !== null);
    await connection.write(Uint8Array.of(1));
    await on.settle();
    on.answersUnreachable(router, noHost[0]);
    await on.settle();
    assertEquals(connection.state, "ESTABLISHED");
  });

  Deno.test(`${version}: a user of the host who does not mind gets through when the neighbour comes back`, async () => {
    await using on = new LoneStack({ version, maxPacketBytes: 0xffff });
    const advice: string[] = [];
    on.stack.pump.enter();
    const connection = on.stack.host.connect({
      address: ip(peer),
      port: 7,
      handler: { onAdvice: (_, text) => void advice.push(text) },
    });
    on.stack.pump.leave();
    await on.pass(6_999_999);
    assertEquals(advice, [`unreachable: nobody answers ${protocol} for ${peer}`]);
    assertEquals(on.sent(), [`0 who-has ${peer}`, `1 who-has ${peer}`, `2 who-has ${peer}`]);
    // The SYN is due again: that is a wish to send.
    await on.pass(500_000);
    assertEquals(on.sent(), [`7 who-has ${peer}`]);
    on.tellsWhere(peer);
    await on.settle();
    assertEquals(on.sent(), [`7.499999 SYN to ${peer}`]);
    // That one is lost on the way; the next asks nobody any more, and the answer is acknowledged.
    await on.pass(8_000_000);
    // By then R1 is reached, and the neighbour in doubt (RFC 9293 MUST-20).
    assertEquals(on.sent(), [`15 who-has ${peer}`, `15 SYN to ${peer}`]);
    on.answersSyn();
    await on.settle();
    assertEquals(on.sent(), [`15.499999 ACK to ${peer}`]);
    connection.write(new Uint8Array(6000));
    on.stack.pump.leave();
    on.acknowledges();
    await on.settle();
    // One segment, as the SYN was lost (RFC 5681 §3.1); then what the link cuts.
    assertEquals(on.sent(), [`15.499999 ACK to ${peer}`, `15.499999 large segment, to be cut at ${mss}`]);
    assertEquals([connection.state, advice.slice(1)], ["ESTABLISHED", ["the peer does not answer"]]);
  });
}
