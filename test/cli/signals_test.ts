/** What ends a command: the first signal in order, the second at once, and what is sent twice for one wish once. */
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import type { Meant, Sent } from "./signals_scene.ts";

const SCENE = fromFileUrl(new URL("signals_scene.ts", import.meta.url));
const TEST = { ignore: Deno.build.os === "windows" };

/** Each of these rows of signals, and what it means. */
async function assertMeant(...cases: readonly (readonly [Sent, Meant])[]): Promise<void> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--no-check", SCENE, JSON.stringify(cases.map(([sent]) => sent))],
    stdin: "null",
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  assertEquals(JSON.parse(new TextDecoder().decode(stdout)), cases.map(([, meant]) => meant));
}

Deno.test("signals: the first asks for an end in order, the second for one at once", TEST, async () => {
  await assertMeant(
    [[["SIGTERM", 0]], ["SIGTERM", false]],
    [[["SIGINT", 0], ["SIGINT", 150]], ["SIGINT", true]],
    [[["SIGTERM", 0], ["SIGTERM", 1000]], ["SIGTERM", true]],
    // Two wishes are two, however soon.
    [[["SIGINT", 0], ["SIGTERM", 1]], ["SIGINT", true]],
  );
});

Deno.test(
  "signals: timeout(1) and a terminal that is closed send theirs twice, and mean one end",
  TEST,
  async () => {
    await assertMeant(
      [[["SIGTERM", 0], ["SIGTERM", 1]], ["SIGTERM", false]],
      [[["SIGHUP", 0], ["SIGHUP", 400]], ["SIGHUP", false]],
      [[["SIGHUP", 0], ["SIGHUP", 1], ["SIGHUP", 600]], ["SIGHUP", true]],
      // timeout -s INT.
      [[["SIGINT", 0], ["SIGINT", 1]], ["SIGINT", false]],
    );
  },
);
