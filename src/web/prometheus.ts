/**
 * What a server has counted, in the text that Prometheus reads (exposition format 0.0.4).
 *
 * Owns: the names. What the kernel's SNMP table counts in the same way (RFC 4022, `/proc/net/snmp`, `/proc/net/netstat`) has
 * the name that node_exporter's netstat collector gives it, and its type, `untyped`: a dashboard for the kernel's TCP shows
 * ours. Everything else is `tcplab_...`, counters with `_total`. Must not know: HTTP.
 */
import type { LinkStats } from "../link/link.ts";
import type { LocatedHeading } from "../observe/server_answers.ts";

/** What is told. */
export interface MetricsSource {
  readonly heading: LocatedHeading;
  readonly link: LinkStats;
  /** Pages that look on. */
  readonly pages: number;
}

/** A counter of ours that means what the kernel's means: its name there, by its name here. */
const AS_KERNEL: Readonly<Record<string, string>> = {
  "segments-in": "Tcp_InSegs",
  "segments-out": "Tcp_OutSegs",
  "retransmits": "Tcp_RetransSegs",
  "resets-out": "Tcp_OutRsts",
  "accept-queue-full": "TcpExt_ListenOverflows",
  "syn-cookies-sent": "TcpExt_SyncookiesSent",
  "syn-cookies-good": "TcpExt_SyncookiesRecv",
  "syn-cookies-bad": "TcpExt_SyncookiesFailed",
  "timeouts": "TcpExt_TCPTimeouts",
  "out-of-order": "TcpExt_TCPOFOQueue",
  "keep-alives": "TcpExt_TCPKeepAlive",
  "challenge-acks": "TcpExt_TCPChallengeACK",
  "tail-probes": "TcpExt_TCPLossProbes",
};

/** The text, with its last line's end. */
export function metricsText({ heading, link, pages }: MetricsSource): string {
  const lines: string[] = [];
  const metric = (
    name: string,
    about: { type: "counter" | "gauge" | "untyped"; help: string; value: number; labels?: string },
  ) => {
    const { type, help, value, labels = "" } = about;
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, `${name}${labels} ${valueText(value)}`);
  };
  const { device, ip, mac, startedAt, counters, figures, listeners } = heading;
  const labels = labelsText({ device, ip: ip.join(","), mac });
  metric("tcplab_info", { type: "gauge", help: "What serves: always 1.", value: 1, labels });
  metric("tcplab_start_time_seconds", {
    type: "gauge",
    help: "When the server began, seconds since 1970.",
    value: startedAt,
  });
  for (const [name, value] of Object.entries(counters)) {
    const kernel = Object.hasOwn(AS_KERNEL, name) ? AS_KERNEL[name] : undefined;
    if (kernel !== undefined) {
      const but = name === "segments-in" ? ", but for those whose checksum is wrong" : "";
      const help = `Statistic ${kernel.replace("_", "")}${but}.`;
      metric(`node_netstat_${kernel}`, { type: "untyped", help, value });
    } else {
      const help = `Counter ${name}, see docs/operations.md.`;
      metric(`tcplab_${underscored(name)}_total`, { type: "counter", help, value });
    }
  }
  for (const [name, value] of Object.entries(figures)) {
    const isBytes = name.startsWith("memory");
    const help = `${isBytes ? "Bytes: " : ""}${
      underscored(name).replaceAll("_", " ")
    }, of all connections together.`;
    metric(`tcplab_${underscored(name)}${isBytes ? "_bytes" : ""}`, { type: "gauge", help, value });
  }
  for (const [name, value] of Object.entries(link)) {
    const help = `Of the device: ${underscored(name).replaceAll("_", " ")}.`;
    metric(`tcplab_link_${underscored(name)}_total`, { type: "counter", help, value });
  }
  metric("tcplab_listeners", { type: "gauge", help: "Ports that are listened on.", value: listeners.length });
  metric("tcplab_pages", { type: "gauge", help: "Live pages that look on.", value: pages });
  return lines.join("\n") + "\n";
}

/** `drop-no-listener` and `memoryUsed` as metrics spell them. */
function underscored(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replace(/[^a-z0-9_]/g, "_");
}

function valueText(value: number): string {
  return Number.isNaN(value) ? "NaN" : value === Infinity ? "+Inf" : String(value);
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const escaped = (value: string) =>
    value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  return `{${Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`).join(",")}}`;
}
