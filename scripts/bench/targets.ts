/**
 * The targets of tcplab's speed, and whether a run meets them.
 *
 * Owns: each target as a rule over samples. Must not know: how samples are made or shown.
 *
 * A ratio is taken within a round, and the median of the rounds counts. gVisor is not run here: its figures were
 * measured once, on a machine of the same kind (2 cores, veth, MTU 1500), and stand below.
 */
import {
  BEFORE,
  type Family,
  type FigureId,
  GROWTH_STEPS,
  nameOver,
  OFFLOADS,
  type Offloads,
  type Sample,
  TRAFFIC_FIGURES,
} from "./model.ts";
import { ratioOf, type Spread, summarize } from "./statistics.ts";
import { formatNumber, formatShare } from "./text_table.ts";

/** A target held against a run. */
export interface Verdict {
  readonly what: string;
  readonly target: string;
  readonly measured: string;
  /** Null where the run has not measured it. */
  readonly met: boolean | null;
}

/** gVisor's netstack on a packet socket, MB/s: upload with off-loads, download with GSO. */
const RECORDED_GVISOR = { uploadDef: 1059, downloadDef: 538 } as const;

/** Of what IPv4 does, and of what another checkout does, as much there is to be at least. */
const OVER_IPV6_LEAST = 0.9;
const BEFORE_LEAST = 0.95;

const C = "c";
const KERNEL = "kernel";
const LWIP = "lwip";

/** Every target, held against the samples of the server named `contestant`. */
export function judge(samples: readonly Sample[], contestant: string): Verdict[] {
  const judgement = new Judgement(samples, contestant);
  return [
    ...(["off", "def"] as const).flatMap((offloads) => [
      judgement.ratio("connections", { offloads, over: C, least: 0.75, what: "connections/s, 64 at once" }),
      judgement.ratio("connections", { offloads, over: KERNEL, least: 1, what: "connections/s, 64 at once" }),
      judgement.ratio("echo-p50", { offloads, over: C, most: 1.2, what: "echo round trip p50, 64 B" }),
      judgement.ratio("echo-p50", { offloads, over: KERNEL, most: 1, what: "echo round trip p50, 64 B" }),
      judgement.ratio("messages", { offloads, over: C, least: 0.9, what: "messages/s, 32 connections" }),
    ]),
    judgement.ratio("upload", { offloads: "off", over: LWIP, least: 1, what: "upload" }),
    judgement.recorded("upload", { least: 1.5, of: RECORDED_GVISOR.uploadDef, what: "upload" }),
    judgement.ratio("download", { offloads: "off", over: C, least: 1.1, what: "download" }),
    judgement.recorded("download", { least: 2, of: RECORDED_GVISOR.downloadDef, what: "download" }),
    judgement.ratio("download", { offloads: "def", over: KERNEL, what: "download, the mark to aim at" }),
    judgement.bound("memory", {
      most: 1.5,
      unit: "KiB",
      what: "memory of an idle connection, at 100,000",
      digits: 2,
    }),
    judgement.growth(),
    judgement.bound("idle", { most: 0.5, unit: "% of a core", what: "idle server", digits: 2 }),
    judgement.bound("start", { most: 150, unit: "ms", what: "start of the binary", digits: 0, of: "binary" }),
    judgement.logCost(),
    ...OFFLOADS.flatMap((offloads) => judgement.overIpv6(offloads)),
    ...OFFLOADS.flatMap((offloads) => judgement.against(offloads)),
  ];
}

interface RatioRule {
  /** Of the server that is judged; 4 when absent. */
  readonly family?: Family;
  readonly offloads: Offloads;
  readonly over: string;
  readonly what: string;
  readonly least?: number;
  readonly most?: number;
}

interface BoundRule {
  readonly most: number;
  readonly unit: string;
  readonly what: string;
  readonly digits: number;
  /** Another server than the one that is judged. */
  readonly of?: string;
}

class Judgement {
  readonly #samples: readonly Sample[];
  readonly #contestant: string;

  constructor(samples: readonly Sample[], contestant: string) {
    this.#samples = samples;
    this.#contestant = contestant;
  }

  ratio(figure: FigureId, rule: RatioRule): Verdict {
    const { offloads, over, least, most, family = 4 } = rule;
    const choice = { figure, offloads, contestant: nameOver(family, this.#contestant) };
    const ratio = ratioOf(this.#samples, choice, { figure, offloads, contestant: over });
    const bound = least !== undefined
      ? `at least ${least} of `
      : most !== undefined
      ? `at most ${most} of `
      : "";
    return {
      what: `${rule.what}, ${offloads}`,
      target: `${bound}${over}`,
      measured: describe(ratio, 2),
      met: least === undefined && most === undefined ? null : verdictOf(ratio, rule),
    };
  }

  recorded(figure: FigureId, rule: { least: number; of: number; what: string }): Verdict {
    const spread = summarize(this.#samples, this.#choice(figure, "def"));
    const scaled = spread && {
      ...spread,
      median: spread.median / rule.of,
      least: spread.least / rule.of,
      most: spread.most / rule.of,
    };
    return {
      what: `${rule.what}, def`,
      target: `at least ${rule.least} of gVisor's ${rule.of} MB/s`,
      measured: describe(scaled, 2),
      met: verdictOf(scaled, rule),
    };
  }

  bound(figure: FigureId, rule: BoundRule): Verdict {
    const contestant = rule.of ?? this.#contestant;
    const spread = summarize(this.#samples, { figure, offloads: "off", contestant });
    const target = `at most ${rule.most} ${rule.unit}`;
    return { what: rule.what, target, measured: describe(spread, rule.digits), met: verdictOf(spread, rule) };
  }

  /** Each figure of traffic over IPv6 beside the same over IPv4. */
  overIpv6(offloads: Offloads): Verdict[] {
    const rule = { offloads, family: 6, over: this.#contestant } as const;
    return TRAFFIC_FIGURES.map(({ id, label, better }) =>
      this.ratio(id, { ...rule, ...noWorseThan(OVER_IPV6_LEAST, better), what: `${label}, over IPv6` })
    );
  }

  /** Each figure beside that of another checkout. */
  against(offloads: Offloads): Verdict[] {
    const rested: FigureId[] = ["memory", "start", ...GROWTH_STEPS.map((step) => `growth-${step}` as const)];
    const figures = [...TRAFFIC_FIGURES, ...rested.map((id) => ({ id, label: id, better: "less" as const }))];
    return ([4, 6] as const).flatMap((family) =>
      figures.map(({ id, label, better }) =>
        this.ratio(id, {
          offloads,
          family,
          over: nameOver(family, BEFORE),
          ...noWorseThan(BEFORE_LEAST, better),
          what: label,
        })
      )
    );
  }

  /** The dearest step over the cheapest. */
  growth(): Verdict {
    const costs = GROWTH_STEPS.map((step) => summarize(this.#samples, this.#choice(`growth-${step}`, "off")));
    const known = costs.flatMap((cost) => cost === null ? [] : [cost.median]);
    const isWhole = known.length === GROWTH_STEPS.length;
    const excess = Math.max(...known) / Math.min(...known) - 1;
    return {
      what: "cost of a segment, 10 to 100,000 connections",
      target: "flat within 25 %",
      measured: known.length === 0
        ? "-"
        : `${known.map((cost) => formatNumber(cost, 2)).join(", ")} us: ${formatShare(excess)}`,
      met: isWhole ? excess <= 0.25 : null,
    };
  }

  logCost(): Verdict {
    const costs: string[] = [];
    let worst = -Infinity;
    for (const figure of ["connections", "messages", "upload", "download"] as const) {
      const ratio = ratioOf(
        this.#samples,
        this.#choice(`log-json-${figure}`, "off"),
        this.#choice(`log-none-${figure}`, "off"),
      );
      if (ratio === null) continue;
      const cost = 1 - ratio.median;
      costs.push(`${figure} ${formatShare(cost)}`);
      worst = Math.max(worst, cost);
    }
    return {
      what: "cost of --log json to a file, off",
      target: "at most 30 %",
      measured: costs.length === 0 ? "-" : costs.join(", "),
      met: costs.length === 0 ? null : worst <= 0.3,
    };
  }

  #choice(
    figure: FigureId,
    offloads: Offloads,
  ): { figure: FigureId; contestant: string; offloads: Offloads } {
    return { figure, contestant: this.#contestant, offloads };
  }
}

/** The bound of a ratio that is to be at least `share`, of what is better when there is more of it, or less. */
function noWorseThan(share: number, better: "more" | "less"): { least: number } | { most: number } {
  return better === "more" ? { least: share } : { most: Math.round(100 / share) / 100 };
}

function verdictOf(spread: Spread | null, rule: { least?: number; most?: number }): boolean | null {
  if (spread === null) return null;
  return spread.median >= (rule.least ?? -Infinity) && spread.median <= (rule.most ?? Infinity);
}

function describe(spread: Spread | null, digits: number): string {
  if (spread === null) return "-";
  const middle = formatNumber(spread.median, digits);
  if (spread.count === 1) return middle;
  return `${middle} (${formatNumber(spread.least, digits)} to ${formatNumber(spread.most, digits)})`;
}
