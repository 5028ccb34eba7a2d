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
  /** Connections in ESTABLISHED or CLOSE_WAIT. */
  readonly established: number;
  /** What was done to frames on purpose. */
  readonly faults: Readonly<Record<string, number>>;
  readonly link: LinkStats;
  /** Pages that look on. */
  readonly pages: number;
}

/** A figure that the kernel has too: our counters whose sum it is, less those of which it has no part. */
interface KernelFigure {
  readonly of: readonly string[];
  readonly less?: readonly string[];
}

/**
 * What the kernel counts in the same way, by its names there. The meaning is that of Linux's source and of its
 * Documentation/networking/snmp_counter.rst, which differ from RFC 4022 where this says so.
 */
const AS_KERNEL: Readonly<Record<string, KernelFigure>> = {
  "Tcp_ActiveOpens": { of: ["active-opens"] },
  // Where a handshake is done, not where it begins: a scan leaves no trace in it (tcp_create_openreq_child).
  "Tcp_PassiveOpens": { of: ["passive-opens"] },
  "Tcp_EstabResets": { of: ["established-resets"] },
  // With those that are in error; what was merged on its way is one.
  "Tcp_InSegs": { of: ["segments-in", "segments-bad"] },
  // Each part that is cut off a larger one, and none that is sent again.
  "Tcp_OutSegs": { of: ["segments-out", "parts-cut"], less: ["retransmits"] },
  "Tcp_RetransSegs": { of: ["retransmits"] },
  "Tcp_InErrs": { of: ["segments-bad"] },
  "Tcp_OutRsts": { of: ["resets-out"] },
  "TcpExt_ListenOverflows": { of: ["accept-queue-full"] },
  "TcpExt_ListenDrops": { of: ["syn-dropped"] },
  "TcpExt_SyncookiesSent": { of: ["syn-cookies-sent"] },
  "TcpExt_SyncookiesRecv": { of: ["syn-cookies-good"] },
  "TcpExt_SyncookiesFailed": { of: ["syn-cookies-bad"] },
  "TcpExt_TCPTimeouts": { of: ["timeouts"] },
  "TcpExt_TCPSynRetrans": { of: ["syn-retransmits"] },
  "TcpExt_TCPLossProbes": { of: ["tail-probes"] },
  "TcpExt_TCPWinProbe": { of: ["probes"] },
  "TcpExt_TCPKeepAlive": { of: ["keep-alives"] },
  // Those that were kept.
  "TcpExt_TCPOFOQueue": { of: ["out-of-order"], less: ["out-of-order-refused"] },
  "TcpExt_PAWSEstab": { of: ["paws-drops"] },
  "TcpExt_OutOfWindowIcmps": { of: ["icmp-outside-window"] },
  "TcpExt_TCPChallengeACK": { of: ["challenge-acks"] },
};

/** Counters that are a kernel's figure as they stand: they have its name, and no other. */
const UNDER_KERNEL_NAME: ReadonlySet<string> = new Set(
  Object.values(AS_KERNEL).flatMap(({ of, less = [] }) => of.length === 1 && less.length === 0 ? of : []),
);

/** The text, with its last line's end. */
export function metricsText({ heading, established, faults, link, pages }: MetricsSource): string {
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
  const kernelMetric = (name: string, value: number) =>
    metric(`node_netstat_${name}`, { type: "untyped", help: `Statistic ${name.replace("_", "")}.`, value });
  kernelMetric("Tcp_CurrEstab", established);
  // Counters of what has not happened yet may be absent: of a figure with the kernel's name it is 0.
  const sumOf = (names: readonly string[]) => names.reduce((sum, name) => sum + (counters[name] ?? 0), 0);
  for (const [name, { of, less = [] }] of Object.entries(AS_KERNEL)) {
    kernelMetric(name, sumOf(of) - sumOf(less));
  }
  for (const [name, value] of Object.entries({ ...counters, ...faults })) {
    if (UNDER_KERNEL_NAME.has(name)) continue;
    const help = `Counter ${name}, see docs/operations.md.`;
    metric(`tcplab_${underscored(name)}_total`, { type: "counter", help, value });
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
