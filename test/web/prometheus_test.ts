/** The metrics, read as strictly as the exposition format is written (Prometheus, text format 0.0.4). */
import { assert, assertEquals } from "@std/assert";
import { faultCounters } from "../../src/runtime/summary.ts";
import { PageScene, PageStream } from "./page_scene.ts";

interface Metric {
  readonly type: string;
  readonly help: string;
  readonly labels: string;
  readonly value: number;
}

/** Every metric by name. Throws for anything that the format does not have, or that a metric does not have once. */
function parseStrictly(text: string): Map<string, Metric> {
  assert(text.endsWith("\n"), "the last line has no end");
  const metrics = new Map<string, Metric>();
  const lines = text.slice(0, -1).split("\n");
  for (let at = 0; at < lines.length; at += 3) {
    const [, helpName, help] = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) ([^\n]+)$/.exec(lines[at]) ?? [];
    const [, typeName, type] = /^# TYPE (\S+) (counter|gauge|untyped)$/.exec(lines[at + 1]) ?? [];
    const sample =
      /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\n"])*",?)+\})? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/
        .exec(lines[at + 2]);
    assert(sample !== null, lines[at + 2]);
    const [, name, labels = "", value] = sample;
    assertEquals([helpName, typeName], [name, name]);
    assert(!metrics.has(name), `${name} is there twice`);
    if (type === "counter") assert(name.endsWith("_total"), name);
    metrics.set(name, { type, help, labels, value: Number(value) });
  }
  return metrics;
}

const text = new TextEncoder();

async function readMetrics(on: PageScene): Promise<Map<string, Metric>> {
  const { text, headers } = await on.asks("/metrics");
  assertEquals(headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  return parseStrictly(text);
}

/** Of figures that the kernel has too, those that are not 0. */
async function kernelFigures(on: PageScene): Promise<Record<string, number>> {
  const all = [...await readMetrics(on)].flatMap(([name, { type, value }]) => {
    if (!name.startsWith("node_netstat_")) return [];
    assertEquals(type, "untyped", name);
    return value === 0 ? [] : [[name.slice("node_netstat_".length), value] as const];
  });
  return Object.fromEntries(all.toSorted(([one], [other]) => one < other ? -1 : 1));
}

Deno.test("metrics: the kernel's names where they mean the same, ours for the rest, each from the start", async () => {
  await using on = new PageScene();
  on.begins();
  const before = await readMetrics(on);
  assertEquals(before.get("node_netstat_Tcp_OutSegs"), {
    type: "untyped",
    help: "Statistic TcpOutSegs.",
    labels: "",
    value: 0,
  });
  const connection = await on.opens();
  assertEquals(await on.talks(connection, "hello"), "hello");
  await using stream = new PageStream(on);
  await stream.hello();
  await on.tells("/api/faults", { spec: "out:drop=50%" });
  const after = await readMetrics(on);
  const value = (name: string) => after.get(name)?.value;
  const counters = on.session.host.counters();
  const kernels = (metrics: Map<string, Metric>) =>
    [...metrics.keys()].flatMap((name) => name.startsWith("node_netstat_") ? [name.slice(13)] : [])
      .toSorted();
  assertEquals(kernels(before), kernels(after));
  assertEquals(kernels(after), [
    "TcpExt_ListenDrops",
    "TcpExt_ListenOverflows",
    "TcpExt_OutOfWindowIcmps",
    "TcpExt_PAWSEstab",
    "TcpExt_SyncookiesFailed",
    "TcpExt_SyncookiesRecv",
    "TcpExt_SyncookiesSent",
    "TcpExt_TCPChallengeACK",
    "TcpExt_TCPKeepAlive",
    "TcpExt_TCPLossProbes",
    "TcpExt_TCPOFOQueue",
    "TcpExt_TCPSynRetrans",
    "TcpExt_TCPTimeouts",
    "TcpExt_TCPWinProbe",
    "Tcp_ActiveOpens",
    "Tcp_CurrEstab",
    "Tcp_EstabResets",
    "Tcp_InErrs",
    "Tcp_InSegs",
    "Tcp_OutRsts",
    "Tcp_OutSegs",
    "Tcp_PassiveOpens",
    "Tcp_RetransSegs",
  ]);
  assertEquals(value("tcplab_connections_opened_total"), 1);
  assertEquals([value("tcplab_connections"), value("tcplab_listeners"), value("tcplab_pages")], [1, 1, 1]);
  assertEquals(value("tcplab_link_frames_in_total"), on.subject.linkStats().framesIn);
  assert(after.get("tcplab_info")?.labels.includes('device="memory"'));
  // A counter that is the kernel's as it stands is there under that name alone, and every other under its own.
  const own = [...after.keys()].filter((name) => /^tcplab_(?!link_).*_total$/.test(name));
  const faults = Object.keys(faultCounters(on.session.injector?.faultCounts() ?? null));
  assert(faults.includes("fault-out-dropped"), faults.join());
  const names = [...Object.keys(counters), ...faults].map((name) =>
    `tcplab_${name.replaceAll("-", "_")}_total`
  );
  const absent = names.filter((name) => !own.includes(name));
  assertEquals(own.filter((name) => !names.includes(name)), []);
  assertEquals([own.includes("tcplab_segments_out_total"), own.includes("tcplab_parts_cut_total")], [
    true,
    true,
  ]);
  assertEquals(absent.toSorted(), [
    "tcplab_active_opens_total",
    "tcplab_challenge_acks_total",
    "tcplab_established_resets_total",
    "tcplab_icmp_outside_window_total",
    "tcplab_keep_alives_total",
    "tcplab_passive_opens_total",
    "tcplab_paws_drops_total",
    "tcplab_probes_total",
    "tcplab_resets_out_total",
    "tcplab_retransmits_total",
    "tcplab_segments_bad_total",
    "tcplab_syn_dropped_total",
    "tcplab_syn_retransmits_total",
    "tcplab_tail_probes_total",
    "tcplab_timeouts_total",
  ]);
});

Deno.test("metrics: what is sent again is no segment that was sent, and a handshake counts when it is done", async () => {
  await using on = new PageScene();
  on.begins();
  await on.tells("/api/faults", { once: "out:drop:syn-ack" });
  const connecting = on.client.connect({ hostname: "10.0.0.1", port: 7 });
  await on.settle();
  // The SYN,ACK is lost: it was sent, and nothing is open yet.
  assertEquals(await kernelFigures(on), { Tcp_InSegs: 1, Tcp_OutSegs: 1 });
  await on.get(connecting);
  await on.settle();
  // The server has waited a second and sent it again, and once more because the client repeated its SYN.
  const { Tcp_InSegs, Tcp_OutSegs, ...open } = await kernelFigures(on);
  const sent = on.session.host.counters();
  assertEquals(open, {
    TcpExt_TCPSynRetrans: 2,
    TcpExt_TCPTimeouts: 1,
    Tcp_CurrEstab: 1,
    Tcp_PassiveOpens: 1,
    Tcp_RetransSegs: 2,
  });
  assertEquals([Tcp_InSegs, Tcp_OutSegs], [sent["segments-in"], sent["segments-out"] - 2]);
});

Deno.test("metrics: a segment that is damaged came in, in error", async () => {
  await using on = new PageScene();
  on.begins();
  const connection = await on.opens();
  const before = await kernelFigures(on);
  await on.tells("/api/faults", { once: "in:corrupt:data" });
  const echoed = await on.talks(connection, "damaged once");
  assertEquals(echoed, "damaged once");
  const after = await kernelFigures(on);
  const taken = on.session.host.counters()["segments-in"];
  assertEquals([before.Tcp_InErrs, after.Tcp_InErrs, after.Tcp_InSegs], [undefined, 1, taken + 1]);
});

Deno.test("metrics: who has opened, who is established now, and whose end was a reset", async () => {
  await using on = new PageScene();
  on.begins();
  const { stack } = on.session;
  const peers = on.client.listen({ port: 9 });
  const connection = await on.get(stack.connect({ hostname: "10.0.0.2", port: 9 }));
  const far = await on.get(peers.accept());
  const figures = async () => {
    await on.settle();
    const { Tcp_InSegs: _in, Tcp_OutSegs: _out, ...others } = await kernelFigures(on);
    return others;
  };
  assertEquals(await figures(), { Tcp_ActiveOpens: 1, Tcp_CurrEstab: 1 });
  await on.get(far.closeWrite());
  await on.settle();
  assertEquals(connection.state, "CLOSE_WAIT");
  assertEquals(await figures(), { Tcp_ActiveOpens: 1, Tcp_CurrEstab: 1 });
  connection.abort();
  assertEquals(await figures(), { Tcp_ActiveOpens: 1, Tcp_EstabResets: 1, Tcp_OutRsts: 1 });
  // An orderly end is none: the server is in LAST_ACK, and then gone.
  const other = await on.opens();
  assertEquals((await figures()).Tcp_CurrEstab, 1);
  other.close();
  assertEquals(await figures(), {
    Tcp_ActiveOpens: 1,
    Tcp_EstabResets: 1,
    Tcp_OutRsts: 1,
    Tcp_PassiveOpens: 1,
  });
  assertEquals(on.session.host.connectionCount, 0);
});

Deno.test("metrics: of a large segment that the device cuts each part was sent", async () => {
  await using on = new PageScene({ maxPacketBytes: 0xffff });
  on.begins();
  const peers = on.client.listen({ port: 9 });
  const connection = await on.get(on.session.stack.connect({ hostname: "10.0.0.2", port: 9 }));
  const far = await on.get(peers.accept());
  await on.settle();
  const before = await kernelFigures(on);
  const framesBefore = on.session.host.counters()["segments-out"];
  const bytes = text.encode("x".repeat(10 * 1448));
  await on.get(connection.write(bytes));
  const into = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length;) at += await on.get(far.read(into.subarray(at))) ?? Infinity;
  const after = await kernelFigures(on);
  const frames = on.session.host.counters()["segments-out"] - framesBefore;
  assertEquals(after.Tcp_OutSegs - before.Tcp_OutSegs, 10);
  assert(frames < 10, `${frames} frames for 10 segments: nothing was cut`);
});
