/** How long a process lives on for what is open on a stack: as it does for the sockets of Deno. */
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import type { Clock } from "../../src/runtime/clock.ts";
import { ProcessLife } from "../../src/runtime/process_life.ts";
import { visitEventLoop } from "../../src/runtime/pump.ts";

const MOD = fromFileUrl(new URL("../../mod.ts", import.meta.url));

/** What a program says that begins with two stacks, and its status; killed when it lives for two minutes, which only a defect lets it. */
async function run(program: string): Promise<{ code: number; said: string }> {
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(
      path,
      `import { createStack, memoryPair } from ${JSON.stringify(MOD)};
const [a, b] = memoryPair();
const server = createStack({ link: a, addresses: "10.0.0.1/24" });
const client = createStack({ link: b, addresses: "10.0.0.2/24" });
const listener = server.listen({ port: 7 });
const connect = () => client.connect({ hostname: "10.0.0.1", port: 7 });
${program}`,
    );
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-check", "--no-prompt", "--cached-only", path],
      stdin: "null",
      stderr: "null",
      signal: AbortSignal.timeout(120_000),
    }).output();
    return { code, said: new TextDecoder().decode(stdout).trim() };
  } finally {
    await Deno.remove(path);
  }
}

/** What comes later, though nobody waits for it: soon where it is to be waited for, and where it is not so late that no machine is as slow. */
const LATER_MS = { held: 300, notHeld: 3_600_000 } as const;

/** Does something later by a timer that holds nothing. */
function later(act: string, ms: number): string {
  return `const timer = setTimeout(async () => { ${act} }, ${ms});
Deno.unrefTimer(timer);`;
}

Deno.test("a pending accept holds the process, and lets go of it when it is unrefed", async () => {
  const accepting = `listener.accept().then(() => console.log("accepted"));`;
  const untilLater = (ms: number) => later("(await connect()).close();", ms);
  const held = { code: 0, said: "accepted" };
  assertEquals(await run(`${accepting}${untilLater(LATER_MS.held)}`), held);
  const refed = `${accepting}listener.unref();listener.ref();`;
  assertEquals(await run(`${refed}${untilLater(LATER_MS.held)}`), held);
  for (const program of [`listener.unref();${accepting}`, `${accepting}listener.unref();`]) {
    assertEquals(await run(`${program}${untilLater(LATER_MS.notHeld)}`), { code: 0, said: "" });
  }
});

Deno.test("a listener by itself holds nothing, nor do connections that rest or are in TIME_WAIT", async () => {
  assertEquals(await run(`console.log("done");`), { code: 0, said: "done" });
  const program = `const [near, far] = await Promise.all([listener.accept(), connect()]);
far.close(); near.close(); console.log("closed");`;
  assertEquals(await run(program), { code: 0, said: "closed" });
});

Deno.test("a pending read holds the process, by itself or behind readable, unless its connection is unrefed", async () => {
  for (const read of ["far.read(new Uint8Array(9))", "far.readable.getReader().read()"]) {
    const program = (hold: string, ms: number) =>
      `const [near, far] = await Promise.all([listener.accept(), connect()]);
${hold}
${later("near.write(new Uint8Array(2));", ms)}
${read}.then(() => console.log("read"));`;
    assertEquals(await run(program("", LATER_MS.held)), { code: 0, said: "read" });
    assertEquals(await run(program("far.unref();", LATER_MS.notHeld)), { code: 0, said: "" });
    assertEquals(await run(program("far.unref(); far.ref();", LATER_MS.held)), { code: 0, said: "read" });
  }
});

Deno.test("who waits for `closed` or `done` gets it", async () => {
  const program = `const [near, far] = await Promise.all([listener.accept(), connect()]);
${later("near.abort(); server.close();", LATER_MS.held)}
console.log(await far.closed);
await server.done;
console.log("done");`;
  assertEquals(await run(program), { code: 0, said: "reset-by-peer\ndone" });
});

Deno.test("the process is held once for all calls, not for less than a turn of the event loop, and not after the end", async () => {
  const held: boolean[] = [];
  const clock: Clock = {
    epochUs: 0,
    nowUs: () => 0,
    capturedUs: (us) => us,
    after: () => () => {},
    holdProcess: () => {
      held.push(true);
      return () => held.push(false);
    },
  };
  const life = new ProcessLife(clock);
  life.pending(1);
  life.pending(1);
  life.pending(-1);
  assertEquals(held, [true]);
  life.pending(-1);
  // The next call follows: nobody lets go in between.
  life.pending(1);
  await visitEventLoop();
  assertEquals(held, [true]);
  life.pending(-1);
  await visitEventLoop();
  assertEquals(held, [true, false]);
  life.pending(1);
  life[Symbol.dispose]();
  life[Symbol.dispose]();
  life.pending(1);
  await visitEventLoop();
  assertEquals(held, [true, false, true, false]);
});
