/**
 * When, where and with what a long run takes place.
 *
 * Owns: asking the system. Must not know: what is run.
 */
import { basename } from "@std/path";
import { describeMachine } from "../bench/machine.ts";
import type { RunPlace } from "./soak_report.ts";

/** Describes this machine and checkout; `binary` is the compiled program, null for the checkout itself. */
export async function describePlace(binary: string | null): Promise<RunPlace> {
  const { cpu, cores, memoryGib, kernel, versions } = await describeMachine("none");
  const program = binary === null
    ? `the checkout on Deno ${versions.deno}`
    : `the compiled ${basename(binary)}`;
  return {
    date: new Date().toISOString(),
    commit: /\((.+)\)/.exec(versions.tcplab)?.[1] ?? versions.tcplab,
    machine: `${cpu}, ${cores} cores, ${memoryGib} GiB, ${kernel}, libpcap ${versions.libpcap}`,
    program,
  };
}
