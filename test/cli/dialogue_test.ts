/** What a connection carries for `connect`: input, output, and the end of each. */
import { assertEquals, assertRejects } from "@std/assert";
import { type ByteInput, OutputError, receiveOutput, sendInput } from "../../src/cli/dialogue.ts";
import type { Connection } from "../../src/runtime/connection.ts";
import { VirtualStacks } from "../runtime/virtual_stacks.ts";

async function pair(stacks: VirtualStacks): Promise<{ here: Connection; there: Connection }> {
  const listener = stacks.server.listen({ port: 80 });
  const accepted = listener.accept();
  const here = await stacks.get(stacks.client.connect({ hostname: "10.0.0.1", port: 80 }));
  return { here, there: await stacks.get(accepted) };
}

/** An input of these texts, then the end. */
function inputOf(...texts: string[]): ByteInput {
  return {
    read: (into) => {
      const text = texts.shift();
      if (text === undefined) return Promise.resolve(null);
      return Promise.resolve(new TextEncoder().encodeInto(text, into).written);
    },
  };
}

async function readAll(stacks: VirtualStacks, connection: Connection): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(1000);
  let text = "";
  for (;;) {
    const count = await stacks.get(connection.read(buffer));
    if (count === null) return text;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
}

Deno.test("input is sent, and its end is our FIN", async () => {
  await using stacks = new VirtualStacks();
  const { here, there } = await pair(stacks);
  const sending = sendInput(here, { input: inputOf("one ", "two"), sleepMs: 0 });
  assertEquals(await readAll(stacks, there), "one two");
  await stacks.get(sending);
  assertEquals(there.state, "CLOSE_WAIT");
});

Deno.test("an input that cannot be read has ended", async () => {
  await using stacks = new VirtualStacks();
  const { here, there } = await pair(stacks);
  const broken = { read: () => Promise.reject(new Deno.errors.BadResource("closed")) };
  await stacks.get(sendInput(here, { input: broken, sleepMs: 0 }));
  assertEquals(await readAll(stacks, there), "");
});

Deno.test("what arrives goes to the output, up to the peer's FIN; short writes are finished", async () => {
  await using stacks = new VirtualStacks();
  const { here, there } = await pair(stacks);
  const got: number[] = [];
  const output = {
    write: (bytes: Uint8Array) => {
      got.push(bytes[0]);
      return Promise.resolve(1);
    },
  };
  const receiving = receiveOutput(here, output);
  await stacks.get(there.write(Uint8Array.of(1, 2, 3)));
  await stacks.get(there.closeWrite());
  await stacks.get(receiving);
  assertEquals(got, [1, 2, 3]);
});

Deno.test("an output that takes no more is an error of its own; a connection that is reset is none", async () => {
  await using stacks = new VirtualStacks();
  const { here, there } = await pair(stacks);
  const broken = { write: () => Promise.reject(new Deno.errors.BrokenPipe("gone")) };
  const receiving = receiveOutput(here, broken);
  const failing = assertRejects(() => receiving, OutputError);
  await stacks.get(there.write(Uint8Array.of(1)));
  await stacks.get(failing);
  const rest = receiveOutput(here, null);
  there.abort();
  await stacks.get(rest);
});
