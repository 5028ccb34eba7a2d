/**
 * What must hold in a flood, and what of it did not.
 *
 * Owns: the bounds and the sentence for each that is broken. Must not know: how a figure was measured, how it is shown.
 */
import type { FloodMeasurement, Visits } from "./flood_run.ts";

/** What a server has promised. */
export interface FloodBounds {
  /** Memory for all connections together (`--memory`), MiB. */
  readonly memoryMib: number;
}

/**
 * What the process may take beside its connections' buffers while it is attacked: their records, and garbage that the
 * engine has not collected yet. Local choice: 60,000 records with what hangs on them, and half of V8's usual young heap.
 */
export const OVERHEAD_MIB = 192;
/** A legitimate client is served within a second, whatever connections are held. */
const SERVED_WITHIN_MS = 1_000;
/** In a flood of frames 99 of 100 are served within that. */
const FRAMES_P99_MS = 250;
/** SIGTERM works within a second; connections that are open get two more. */
const EXIT_MS = 1_000;
const PATIENCE_MS = 2_000;
/** What the machine may take beside that, with both cores busy; local choice. */
const EXIT_SLACK_MS = 250;
/** A whole command, its start included, with a full table; local choice. */
const NETSTAT_MS = 5_000;
/**
 * Of what the connections took, that much may be left a second after all were reset, or what the process may take beside
 * them; local choice.
 */
const GIVEN_BACK_SHARE = 0.5;
/** Of the rate that was asked for; local choice. */
const STRONG_SHARE = 0.9;

/** The bounds that a flood has broken, a phrase each; empty when all held. The kernel is not judged. */
export function brokenBounds(measured: FloodMeasurement, bounds: FloodBounds): string[] {
  if (measured.defender === "kernel") return [];
  if (!measured.survived) return [`the server did not survive (${round(measured.rssMaxMib)} MiB)`];
  return [
    ...brokenMemory(measured, bounds),
    ...brokenService(measured),
    ...brokenLooks(measured),
    ...brokenEnd(measured),
  ];
}

/**
 * Why a flood proves little although nothing was broken: the attacker had not the cores for the rate that was asked for.
 * Null when it had.
 */
export function weakness({ flood, rate }: FloodMeasurement): string | null {
  if (flood.mode.kind === "clients" || rate >= flood.rate * STRONG_SHARE) return null;
  return `a weak attack: ${round(rate)} frames a second of ${flood.rate}; the attacker had not the cores`;
}

function brokenMemory(measured: FloodMeasurement, { memoryMib }: FloodBounds): string[] {
  const { rssBeforeMib, rssMaxMib, rssEndMib, flood } = measured;
  const broken: string[] = [];
  const taken = rssMaxMib - rssBeforeMib;
  if (taken > memoryMib + OVERHEAD_MIB) {
    broken.push(`memory: ${round(taken)} MiB taken, of ${memoryMib} and ${OVERHEAD_MIB} beside`);
  }
  if (flood.mode.name === "resets") {
    const left = rssEndMib - rssBeforeMib;
    if (left > Math.max(OVERHEAD_MIB, taken * GIVEN_BACK_SHARE)) {
      broken.push(`memory: ${round(left)} of ${round(taken)} MiB are held a second after all resets`);
    }
  }
  return broken;
}

function brokenService({ flood, during, netstat }: FloodMeasurement): string[] {
  const broken: string[] = [];
  for (const [when, visits] of [["", during], [" while netstat looks", netstat?.visits]] as const) {
    if (visits === undefined) continue;
    const turnedAway = visits.refused + visits.givenUp;
    if (turnedAway > 0) broken.push(`${turnedAway} honest clients turned away${when}`);
    const isFrames = flood.mode.kind !== "clients";
    // A look is over so soon that its 99th percentile is its worst.
    const worst = isFrames && when === "" ? visits.p99 : visits.max;
    const most = isFrames && when === "" ? FRAMES_P99_MS : SERVED_WITHIN_MS;
    if (!isServed(visits)) broken.push(`no honest client served${when}`);
    else if (worst > most) {
      broken.push(`honest clients: ${round(worst)} ms${isFrames && when === "" ? " p99" : ""}${when}`);
    }
  }
  const last = netstat?.visits ?? during;
  if (last.kept !== "kept") broken.push("an honest connection from before was ended");
  return broken;
}

function isServed(visits: Visits): boolean {
  // A look that took no time had no visitor who could have been served.
  return visits.served > 0 || visits.longestWaitMs < SERVED_WITHIN_MS / 2;
}

function brokenLooks({ netstat }: FloodMeasurement): string[] {
  if (netstat === null) return [];
  if (netstat.ms === null) return ["netstat had no answer"];
  return netstat.ms > NETSTAT_MS ? [`netstat took ${round(netstat.ms)} ms`] : [];
}

function brokenEnd({ exitMs, toldMs, netstat, flood }: FloodMeasurement): string[] {
  if (exitMs === null) return ["SIGTERM did not end it"];
  // Only connections that were there when it was told to leave are a reason to stay, and it says so.
  const counted = netstat?.connections ?? NaN;
  const mayStay = Number.isNaN(counted) ? flood.connections > 0 : counted > 1;
  const most = EXIT_MS + EXIT_SLACK_MS + (mayStay ? PATIENCE_MS : 0);
  const broken = exitMs > most ? [`SIGTERM: gone after ${round(exitMs)} ms`] : [];
  if (mayStay && exitMs > EXIT_MS + EXIT_SLACK_MS && (toldMs ?? Infinity) > EXIT_MS) {
    broken.push("SIGTERM: it stays for open connections and does not say so within a second");
  }
  return broken;
}

function round(value: number): string {
  return value.toFixed(0);
}
