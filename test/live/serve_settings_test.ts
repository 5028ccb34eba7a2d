/**
 * Settings of `serve` as they show on the wire: marks of the packets, keep-alive, what a SYN-ACK offers, bounds.
 */
import { assert, assertEquals, assertGreaterOrEqual, assertStringIncludes } from "@std/assert";
import { kernelClientCommand } from "../../src/cli/self_command.ts";
import { KernelPeer, PEER_PROGRAMS } from "./kernel_peer.ts";
import { talkByKernel } from "./kernel_talk.ts";
import { liveTest, scratchFile } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";

liveTest("--ttl, --dscp, --mss and --no-sack show in every SYN-ACK", { needs: ["tshark"] }, async (lab) => {
  await using file = await scratchFile(".pcapng");
  const settings = "--ttl 7 --dscp 46 --mss 1000 --no-sack --no-timestamps --no-window-scale";
  await using server = await ServeProcess.start(lab, { args: [...settings.split(" "), "-w", file.path] });
  const words = [...kernelClientCommand(), lab.plan.tcplabAddress, "3333", "--sleep", "0.1"];
  assertEquals((await lab.run({ side: "client", words })).code, 0);
  await server.event("closed");
  assertEquals((await server.stop()).code, 0);
  const [synAck] = server.all("segment").filter((event) => event.flags.join() === "SYN,ACK");
  assertEquals(synAck.options, { mss: 1000 });
  const fields = ["ip.ttl", "ip.dsfield.dscp"].flatMap((field) => ["-e", field]);
  const filter = ["-Y", `ip.src == ${lab.plan.tcplabAddress}`, "-T", "fields"];
  const judged = await lab.run({ words: ["tshark", "-r", file.path, ...filter, ...fields] });
  const marks = judged.stdout.trim().split("\n");
  assertGreaterOrEqual(marks.length, 3, judged.stderr);
  assertEquals(new Set(marks), new Set(["7\t46"]));
});

liveTest(
  "-v tells the timers, --show samples the figures; by themselves neither is told",
  {},
  async (lab) => {
    for (const args of [["-v", "--show", "samples"], ["-v"], ["--show", "samples"], []]) {
      await using server = await ServeProcess.start(lab, { args });
      await talkByKernel(lab, lab.plan.tcplabAddress, "hello");
      await server.event("closed");
      assertEquals((await server.stop()).code, 0);
      const told = [server.all("timer").length > 0, server.all("sample").length > 0];
      assertEquals(told, [args.includes("-v"), args.includes("samples")], args.join(" "));
    }
  },
);

liveTest(
  "--keepalive probes an idle connection, whose kernel answers; without it nothing is sent",
  {},
  async (lab) => {
    for (
      const { args, probes } of [{ args: ["--keepalive", "0.2/0.1/5"], probes: true }, {
        args: [],
        probes: false,
      }]
    ) {
      await using server = await ServeProcess.start(lab, { args });
      const words = [...kernelClientCommand(), lab.plan.tcplabAddress, "3333"];
      if (probes) {
        const client = lab.spawn({ side: "client", words: [...words, "--until-input-ends"], stdin: true });
        await server.count("retransmit", 3);
        await client.closeInput();
        assertEquals((await client.result).code, 0);
      } else {
        // The time in which there would be several.
        assertEquals((await lab.run({ side: "client", words: [...words, "--sleep", "1"] })).code, 0);
      }
      const closed = await server.event("closed");
      assertEquals(closed.reason, "normal", server.tail());
      // While it is idle: a busy machine may answer SYN or FIN too late.
      const at = (state: string) => server.all("transition").find(({ to }) => to === state)?.time ?? NaN;
      const again = server.all("retransmit").filter(({ time }) =>
        time >= at("ESTABLISHED") && time < at("CLOSE_WAIT")
      );
      if (probes) assertGreaterOrEqual(again.length, 3, server.tail());
      assert(again.every((event) => event.kind === "keepalive" && event.length === 0), server.tail());
      assertEquals(again.length > 0, probes);
    }
  },
);

liveTest(
  "--max-time-wait lets the oldest go early, --max-connections makes one give way or refuses one too many (--on-full)",
  { needs: [...PEER_PROGRAMS] },
  async (lab) => {
    {
      await using server = await ServeProcess.start(lab, {
        args: ["--app", "close", "--max-time-wait", "2"],
      });
      const words = [...kernelClientCommand(), lab.plan.tcplabAddress, "3333", "--sleep", "0"];
      for (let i = 0; i < 3; i++) assertEquals((await lab.run({ side: "client", words })).code, 0);
      // The third in TIME_WAIT is one too many, a minute before the first would have ended.
      const closed = await server.event("closed");
      assertEquals(closed.states.slice(-2), ["TIME_WAIT", "CLOSED"]);
    }
    {
      const args = ["--max-connections", "1", "--on-full", "refuse"];
      await using server = await ServeProcess.start(lab, { args });
      const talk = [...kernelClientCommand(), lab.plan.tcplabAddress, "3333", "--until-input-ends"];
      const first = lab.spawn({ side: "client", words: talk, stdin: true });
      await server.event("transition", (event) => event.to === "ESTABLISHED");
      const second = lab.spawn({ side: "client", words: talk, stdin: true });
      await server.event("drop", (event) => event.reason === "too-many-connections");
      await second.stop();
      await first.closeInput();
      assertEquals((await first.result).code, 0);
    }
    {
      await using server = await ServeProcess.start(lab, { args: ["--max-connections", "1"] });
      await using silent = new KernelPeer(lab);
      await silent.ask({ do: "connect", port: 3333 });
      await using second = new KernelPeer(lab);
      await second.ask({ do: "connect", port: 3333 });
      await second.ask({ do: "send", text: "hello" });
      assertEquals((await second.ask({ do: "receive", bytes: 5 })).text, "hello");
      const closed = await server.event("closed");
      assertEquals([closed.reason, closed.bytesIn], ["reset-by-us", 0]);
      const told = await server.event("notice", ({ kind }) => kind === "table-full");
      assertStringIncludes(told.message, "The table of 1 connections is full");
    }
  },
);
