/** Applications on a connection without a machine: what they send, when they stop, when they close. */
import { assert, assertEquals } from "@std/assert";
import type { ApplicationContext } from "../../src/app/application.ts";
import { APPLICATIONS, findApplication, OFFERED_APPLICATIONS } from "../../src/app/applications.ts";
import { chargenPattern } from "../../src/app/chargen.ts";
import { daytimeLine } from "../../src/app/daytime.ts";
import { FakeConnection } from "./fake_connection.ts";

const context: ApplicationContext = { nowEpochUs: () => 383_247_463_000_000 };

/** An open connection with the application called `name` on it. */
function connectionOf(name: string, sendBufferBytes?: number): FakeConnection {
  const application = findApplication(name);
  assert(application !== null, `no application ${name}`);
  const connection = new FakeConnection(sendBufferBytes);
  connection.handler = application.create(context)(connection);
  connection.open();
  return connection;
}

function text(bytes: Iterable<number>): string {
  return String.fromCharCode(...bytes);
}

function bytesOf(string: string): Uint8Array {
  return new TextEncoder().encode(string);
}

Deno.test("the names of the contract are all there", () => {
  const names = OFFERED_APPLICATIONS.map(({ name }) => name);
  assertEquals(names.toSorted(), ["chargen", "close", "daytime", "discard", "echo", "hold", "http"]);
  assertEquals(APPLICATIONS[0].name, "echo");
  assertEquals(findApplication("toString"), null);
});

Deno.test("echo sends back what it gets and closes after the client, once", () => {
  const connection = connectionOf("echo");
  connection.receive(bytesOf("hello"));
  assertEquals(text(connection.drain()), "hello");
  assertEquals(connection.calls, []);
  connection.receive(bytesOf("bye"));
  connection.receiveFin();
  assertEquals(text(connection.sent), "bye");
  assertEquals(connection.calls, ["closeWrite"]);
  connection.drain();
  assertEquals(connection.calls, ["closeWrite"]);
});

Deno.test("echo leaves in the receive buffer what it cannot send, and goes on when there is room", () => {
  const connection = connectionOf("echo", 4);
  connection.receive(bytesOf("0123456789"));
  assertEquals(connection.readableBytes, 6);
  connection.receiveFin();
  assertEquals(connection.calls, []);
  assertEquals(text(connection.drain(2)), "01");
  assertEquals(connection.readableBytes, 4);
  assertEquals(text(connection.drain()), "2345");
  assertEquals(connection.calls, ["closeWrite"]);
  assertEquals(text(connection.drain()), "6789");
  assertEquals(connection.calls, ["closeWrite"]);
});

Deno.test("discard reads everything, sends nothing, and closes after the client", () => {
  const connection = connectionOf("discard");
  connection.receive(bytesOf("into the void"));
  assertEquals(connection.readableBytes, 0);
  assertEquals(connection.calls, []);
  connection.receiveFin();
  assertEquals(connection.calls, ["closeWrite"]);
  assertEquals(connection.sent, []);
});

Deno.test("chargen's lines are 72 characters of the ring, each one further than the line before", () => {
  const lines = text(chargenPattern(2)).split("\r\n");
  assertEquals(lines.length, 2 * 95 + 1);
  assertEquals(lines[0], " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg");
  assertEquals(lines[1], "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefgh");
  assertEquals(lines[94].slice(0, 3), "~ !");
  assertEquals(lines[95], lines[0]);
  assert(lines.slice(0, -1).every((line) => line.length === 72));
});

Deno.test("chargen fills whatever room there is with one unbroken pattern, until the client closes", () => {
  const connection = connectionOf("chargen", 50_001);
  const seen: number[] = [];
  assertEquals(connection.unackedBytes, 50_001);
  for (let i = 0; i < 5; i++) seen.push(...connection.drain(31_007));
  assertEquals(connection.unackedBytes, 50_001);
  assertEquals(seen, [...chargenPattern(30).subarray(0, seen.length)]);
  connection.receive(bytesOf("stop it"));
  assertEquals(connection.readableBytes, 0);
  connection.receiveFin();
  assertEquals(connection.calls, ["closeWrite"]);
  connection.drain();
  assertEquals(connection.unackedBytes, 0);
  assertEquals(connection.calls, ["closeWrite"]);
});

Deno.test("daytime sends one line of RFC 867 and closes, also through a small buffer", () => {
  assertEquals(daytimeLine(context.nowEpochUs()), "Monday, February 22, 1982 17:37:43-UTC\r\n");
  const whole = connectionOf("daytime");
  assertEquals(text(whole.sent), daytimeLine(context.nowEpochUs()));
  assertEquals(whole.calls, ["closeAndDrain"]);
  const small = connectionOf("daytime", 10);
  let seen = "";
  while (small.unackedBytes > 0) seen += text(small.drain());
  assertEquals(seen, daytimeLine(context.nowEpochUs()));
  assertEquals(small.calls, ["closeAndDrain"]);
  small.receive(bytesOf("thanks"));
  assertEquals(small.readableBytes, 0);
});

Deno.test("no application writes on a connection that was closed under it", () => {
  for (const { name } of APPLICATIONS) {
    const connection = connectionOf(name, 10);
    connection.receive(bytesOf("0123456789abcdef"));
    connection.close();
    while (connection.unackedBytes > 0) connection.drain();
    connection.receiveFin();
    assertEquals(connection.calls.includes("close"), true, name);
  }
});

Deno.test("hold neither reads nor closes", () => {
  const connection = connectionOf("hold");
  connection.receive(bytesOf("anyone?"));
  connection.receiveFin();
  assertEquals(connection.readableBytes, 7);
  assertEquals(connection.calls, []);
  assertEquals(connection.sent, []);
  assertEquals(connection.state, "CLOSE_WAIT");
});

Deno.test("close closes its direction at once, then reads and drops", () => {
  const connection = connectionOf("close");
  assertEquals(connection.calls, ["closeAndDrain"]);
  connection.receive(bytesOf("still here"));
  assertEquals(connection.readableBytes, 0);
  connection.receiveFin();
  assertEquals(connection.calls, ["closeAndDrain"]);
  assertEquals(connection.sent, []);
});

for (const { name, create } of APPLICATIONS) {
  Deno.test(`${name} writes no more once somebody else has closed the connection`, () => {
    const connection = connectionOf(name, 4);
    // A server that ends: half of what the application has to say is queued.
    connection.close();
    connection.receive(bytesOf("text"));
    for (let i = 0; i < 5; i++) connection.drain(2);
    connection.receiveFin();
    connection.drain();
    connection.end("normal");
  });

  Deno.test(`${name} writes nothing when the connection is closed before it opens`, () => {
    const connection = new FakeConnection(4);
    connection.handler = create(context)(connection);
    connection.close();
    connection.open();
    connection.drain();
    assertEquals(connection.sent, []);
  });
}
