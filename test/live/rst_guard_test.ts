/**
 * An address that the kernel owns: refused without the guard, served with it, and no rule left behind.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { talkByKernel } from "./kernel_talk.ts";
import { liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { waitFor } from "./wait_for.ts";

async function ruleset(lab: PrivateLab): Promise<string> {
  const { code, stdout, stderr } = await lab.run({ side: "server", words: ["nft", "list", "ruleset"] });
  assertEquals(code, 0, stderr);
  return stdout.trim();
}

async function talk(lab: PrivateLab, server: ServeProcess): Promise<void> {
  await talkByKernel(lab, lab.plan.addresses.server, "guarded");
  assertEquals((await server.event("closed")).reason, "normal");
}

liveTest("an address of the kernel is refused without the guard", {}, async (lab) => {
  const refused = await ServeProcess.refuse(lab, { args: ["--ip", lab.plan.addresses.server] });
  assertEquals(refused.code, 1, refused.stderr);
  assertEquals(refused.stderr.trim().split("\n").length, 1, refused.stderr);
  assertStringIncludes(refused.stderr, "--rst-guard");
});

liveTest("an address of the kernel is served behind the guard, which goes with the server", {
  needs: ["nft"],
}, async (lab) => {
  const args = ["--ip", lab.plan.addresses.server, "--rst-guard", "nft"];
  const server = await ServeProcess.start(lab, { args });
  const rules = await ruleset(lab);
  for (const word of [lab.plan.addresses.server, "3333", "rst", "drop"]) assertStringIncludes(rules, word);
  await talk(lab, server);
  assertEquals((await server.stop()).code, 0);
  assertEquals(await ruleset(lab), "");
});

liveTest("the guard of a killed server goes with it, and nobody else takes a live one away", {
  needs: ["nft"],
}, async (lab) => {
  const args = ["--ip", lab.plan.addresses.server, "--rst-guard", "nft"];
  const killed = await ServeProcess.start(lab, { args });
  const flush = await lab.run({ side: "server", words: ["nft", "flush", "ruleset"] });
  assertEquals(flush.code, 0, flush.stderr);
  assertStringIncludes(await ruleset(lab), "drop");
  await killed.signal("SIGKILL");
  await killed.stop();
  assertEquals(await ruleset(lab), "");
  const next = await ServeProcess.start(lab, { args });
  await talk(lab, next);
  assertEquals((await next.stop()).code, 0);
  assertEquals(await ruleset(lab), "");
});

liveTest("a server in another PID namespace, which sees no process of ours, leaves our guard", {
  needs: ["nft"],
}, async (lab) => {
  const address = lab.plan.addresses.server;
  const ours = await ServeProcess.start(lab, { args: ["--ip", address, "--rst-guard", "nft"] });
  const before = await ruleset(lab);
  const theirs = await ServeProcess.start(lab, {
    args: ["--ip", address, "--port", "4444", "--rst-guard", "nft"],
    program: ["unshare", "--pid", "--fork", "--kill-child", ...selfCommand()],
  });
  const both = await ruleset(lab);
  assertStringIncludes(both, before);
  assertStringIncludes(both, "4444");
  await theirs.signal("SIGKILL");
  await theirs.stop();
  // What has ended is unshare; the server in it is killed by the kernel a moment later.
  await waitFor(async () => await ruleset(lab) === before, { what: "their guard goes, and ours stays" });
  await talk(lab, ours);
  assertEquals((await ours.stop()).code, 0);
  assertEquals(await ruleset(lab), "");
});
