/**
 * What a segment costs over IPv6 beside IPv4, and in this checkout beside another: ratios that hold on a busy machine.
 *
 *     deno run -A --v8-flags=--max-inlined-bytecode-size-cumulative=2500 scripts/bench/micro/compare.ts [DIR]
 *
 * Owns: taking turns. Must not know: what a segment goes through (bench_peer.ts).
 *
 * Two take turns within one process, a millisecond or two each, so that whatever else the machine does meets both alike; the
 * ratio is the median of those of a turn. The other checkout is measured over IPv4 alone: its peer may know nothing else.
 */
import { resolve } from "@std/path";
import { PROJECT_URL } from "../../project_files.ts";
import { spreadOf } from "../statistics.ts";
import { formatNumber, renderText } from "../text_table.ts";
import type { BenchPeer, Family } from "./bench_peer.ts";
import { FULL_SEGMENT } from "./bench_peer.ts";

/** Calls in a turn, turns that do not count, and that do. Local choice: a turn is shorter than a time slice of Linux. */
const CALLS = 1000;
const WARM_TURNS = 60;
const TURNS = 400;
const MANY = 10_000;

/** What is measured of a checkout, by name. */
type Deeds = ReadonlyMap<string, () => void>;

/** What a checkout's modules give. */
interface Modules {
  readonly BenchPeer: typeof BenchPeer;
  readonly findApplication: typeof import("../../../src/app/applications.ts").findApplication;
}

async function modulesOf(folder: URL): Promise<Modules> {
  const at = (path: string): Promise<Modules> => import(new URL(path, folder).href);
  const { BenchPeer } = await at("scripts/bench/micro/bench_peer.ts");
  const { findApplication } = await at("src/app/applications.ts");
  return { BenchPeer, findApplication };
}

function deedsOf(
  { BenchPeer, findApplication }: Modules,
  family: Family,
): { deeds: Deeds; check: () => void } {
  const peers: BenchPeer[] = [];
  const peerOf = (app: string, connections = 1) => {
    const application = findApplication(app);
    if (application === null) throw new Error(`no application ${app}`);
    const peer = new BenchPeer({ accept: application.create({ nowEpochUs: () => 0 }), connections, family });
    peers.push(peer);
    return peer;
  };
  const [alone, upload, small, echo, echoes, opening] = [
    peerOf("discard"),
    peerOf("discard"),
    peerOf("discard"),
    peerOf("echo"),
    peerOf("echo", MANY),
    peerOf("discard"),
  ];
  const deeds: Deeds = new Map([
    ["what the benchmark itself costs", () => alone.rehearse(64)],
    ["full segment, discarded; half an ACK", () => upload.sendData(FULL_SEGMENT[family])],
    ["64 bytes, discarded; half an ACK", () => small.sendData(64)],
    ["64 bytes, echoed, and the ACK for the echo", () => {
      echo.sendData(64);
      echo.acknowledge();
    }],
    [`the same on one of ${MANY} connections after another`, () => {
      echoes.nextConnection();
      echoes.sendData(64);
      echoes.acknowledge();
    }],
    ["a connection: SYN, ACK, FIN, last ACK", () => opening.openAndClose()],
  ]);
  return { deeds, check: () => peers.forEach((peer) => peer.checkTaken()) };
}

/** Nanoseconds of one call. */
function turn(deed: () => void): number {
  const began = performance.now();
  for (let i = 0; i < CALLS; i++) deed();
  return (performance.now() - began) * 1e6 / CALLS;
}

/** Lets both take turns; a row of what each costs at best, and their ratio. */
function row(name: string, deed: () => void, other: () => void): string[] {
  const costs: number[] = [], others: number[] = [], ratios: number[] = [];
  for (let round = -WARM_TURNS; round < TURNS; round++) {
    const first = turn(round % 2 === 0 ? deed : other);
    const second = turn(round % 2 === 0 ? other : deed);
    if (round < 0) continue;
    const [cost, otherCost] = round % 2 === 0 ? [first, second] : [second, first];
    costs.push(cost);
    others.push(otherCost);
    ratios.push(cost / otherCost);
  }
  const ratio = spreadOf(ratios)?.median ?? NaN;
  const least = (values: readonly number[]) => formatNumber(Math.min(...values), 0);
  return [name, least(costs), least(others), formatNumber(ratio, 3)];
}

async function compare(folder: string | undefined): Promise<void> {
  const here = await modulesOf(PROJECT_URL);
  const over4 = deedsOf(here, 4);
  const table = (title: string, one: Deeds, other: Deeds) => {
    const head = [title, "ns", "other, ns", "ratio"];
    const rows = [...one].map(([name, deed]) => row(name, deed, other.get(name) ?? deed));
    console.log(renderText({ head, rows }) + "\n");
  };
  if (folder !== undefined) {
    const before = deedsOf(await modulesOf(new URL(`file://${resolve(folder)}/`)), 4);
    table("this checkout, and the other", over4.deeds, before.deeds);
    before.check();
  }
  const over6 = deedsOf(here, 6);
  table("over IPv6, and over IPv4", over6.deeds, over4.deeds);
  for (const { check } of [over4, over6]) check();
}

if (import.meta.main) await compare(Deno.args[0]);
