/** The metrics, read as strictly as the exposition format is written (Prometheus, text format 0.0.4). */
import { assert, assertEquals } from "@std/assert";
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

Deno.test("metrics: the kernel's names where they mean the same, ours for the rest, and figures that are true", async () => {
  await using on = new PageScene();
  on.begins();
  const read = async () => {
    const { text, headers } = await on.asks("/metrics");
    assertEquals(headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    return parseStrictly(text);
  };
  const before = await read();
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
  const after = await read();
  const value = (name: string) => after.get(name)?.value;
  const counters = on.session.host.counters();
  assertEquals(value("node_netstat_Tcp_OutSegs"), counters["segments-out"]);
  assertEquals(value("node_netstat_Tcp_InSegs"), counters["segments-in"]);
  assertEquals([...after.keys()].filter((name) => name.startsWith("node_")).toSorted(), [
    "node_netstat_TcpExt_TCPChallengeACK",
    "node_netstat_TcpExt_TCPKeepAlive",
    "node_netstat_TcpExt_TCPLossProbes",
    "node_netstat_TcpExt_TCPOFOQueue",
    "node_netstat_TcpExt_TCPTimeouts",
    "node_netstat_Tcp_InSegs",
    "node_netstat_Tcp_OutRsts",
    "node_netstat_Tcp_OutSegs",
    "node_netstat_Tcp_RetransSegs",
  ]);
  assertEquals(value("tcplab_connections_opened_total"), 1);
  assertEquals([value("tcplab_connections"), value("tcplab_listeners"), value("tcplab_pages")], [1, 1, 1]);
  assertEquals(value("tcplab_link_frames_in_total"), on.subject.linkStats().framesIn);
  assert(after.get("tcplab_info")?.labels.includes('device="memory"'));
  // Every counter of the host is there once, under one name or the other.
  assertEquals(
    [...after.keys()].filter((name) =>
      name.startsWith("node_netstat_") || /^tcplab_(?!link_).*_total$/.test(name)
    ).length,
    Object.keys(counters).length,
  );
});
