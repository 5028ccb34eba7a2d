/**
 * Lessons with one thing changed of what they demand: each of them has to fail, in the line where that stands.
 *
 * Owns: the changes. Must not know: how scripts are run.
 */
import type { CallEvent, PacketEvent, Script, ScriptPart, Step, TcpPacket } from "../../src/script/values.ts";
import { FLAG } from "../../src/wire/tcp.ts";
import { parseFlags } from "../../src/script/tcp_flags.ts";

/** A script that must not pass. */
export interface ChangedScript {
  readonly script: Script;
  /** The line in which it has to fail. */
  readonly line: number;
  /** What was changed. */
  readonly change: string;
}

interface ChangedEvent {
  readonly event: Step["event"];
  readonly change: string;
}

/** Well beyond the tolerance, and well below the least time-out. */
const TIME_SHIFT_US = 20_000;

/** Calls whose result is a number that the script chooses: a descriptor. */
const DESCRIPTORS: ReadonlySet<string> = new Set(["socket", "accept", "accept4"]);

/** All changes of a script, one at a time. */
export function* changedScripts(script: Script): Generator<ChangedScript> {
  const counted = new Set<string>();
  let sockets = 0;
  for (const [at, part] of script.steps.entries()) {
    if (part.kind !== "step") throw new Error(`${script.file}: conditions are not known here`);
    const { event } = part;
    if (event.kind === "call" && event.name === "socket") sockets++;
    const flow = flowOf(event, sockets);
    const line = event.place.line;
    const withStep = (step: ScriptPart): Script => ({ ...script, steps: script.steps.with(at, step) });
    for (const { event: changed, change } of changedEvents(event, { hasSyn: counted.has(flow) })) {
      yield { script: withStep({ ...part, event: changed }), line, change };
    }
    const time = laterTime(part);
    if (time !== null) yield { script: withStep({ ...part, time }), line, change: "time" };
    if (isSyn(event)) counted.add(flow);
  }
}

/** The connection that an event is about: by its ports, or the one of the socket that was made last. */
function flowOf(event: Step["event"], sockets: number): string {
  const ports = event.kind === "packet" && event.body.protocol === "tcp" ? event.body.ports : null;
  return ports === null ? `socket ${sockets}` : `${ports.source} > ${ports.destination}`;
}

function isDemanded(event: Step["event"]): event is PacketEvent {
  return event.kind === "packet" && event.direction === "outbound";
}

/** The first SYN that the host sends says where the script counts from: its number can be none that is wrong. */
function isSyn(event: Step["event"]): boolean {
  return isDemanded(event) && event.body.protocol === "tcp" &&
    ((parseFlags(event.body.flags)?.bits ?? 0) & FLAG.SYN) !== 0;
}

function laterTime({ event, time }: Step): Step["time"] | null {
  if (!isDemanded(event) || time.fromUs === null) return null;
  const untilUs = time.untilUs === null ? null : time.untilUs + TIME_SHIFT_US;
  return { ...time, fromUs: time.fromUs + TIME_SHIFT_US, untilUs };
}

function changedEvents(event: Step["event"], about: { readonly hasSyn: boolean }): ChangedEvent[] {
  switch (event.kind) {
    case "packet":
      return event.direction === "outbound" ? changedPackets(event, about) : [];
    case "call":
      return changedCalls(event);
    case "code": {
      const text = event.text.replace(
        /==|>=|<(?!=)/,
        (operator) => ({ "==": "!=", ">=": "<" })[operator] ?? ">=",
      );
      return [{ event: { ...event, text }, change: "assertion" }];
    }
    case "shell": {
      if (!/grep \d$/.test(event.text)) return [];
      return [{ event: { ...event, text: event.text.replace(/\d$/, "7") }, change: "count" }];
    }
  }
}

function changedCalls(event: CallEvent): ChangedEvent[] {
  const { result, errno } = event;
  if (errno !== null) return [{ event: { ...event, errno: "EPERM" }, change: "errno" }];
  if (result?.kind !== "number" || DESCRIPTORS.has(event.name)) return [];
  const value = result.value + 1;
  return [{ event: { ...event, result: { ...result, value, text: String(value) } }, change: "result" }];
}

function changedPackets(event: PacketEvent, { hasSyn }: { readonly hasSyn: boolean }): ChangedEvent[] {
  const { body, ip } = event;
  if (body.protocol !== "tcp") throw new Error(`${body.protocol} is not known here`);
  const changes: ChangedEvent[] = [];
  const add = (change: string, changed: Partial<TcpPacket>) =>
    changes.push({ event: { ...event, body: { ...body, ...changed } }, change });
  add("flags", { flags: body.flags.includes("P") ? body.flags.replace("P", "") : `P${body.flags}` });
  if (hasSyn || !isSyn(event)) add("seq", { seq: body.seq + 1, endSeq: body.endSeq + 1 });
  add("length", { length: body.length + 1, endSeq: body.endSeq + 1 });
  if (body.ack !== null) add("ack", { ack: body.ack + 1 });
  if (body.window !== null) add("window", { window: body.window + 1 });
  add("urgent", { urgent: (body.urgent ?? 0) + 1 });
  if (body.options.kind === "list") {
    const { options } = body.options;
    add("options", { options: { ...body.options, options: options.slice(0, -1) } });
  } else if (body.options.kind === "unsaid") {
    const nop = {
      place: body.place,
      name: "nop",
      numbers: [],
      bytes: null,
      text: "",
      anyVal: false,
      absoluteEcr: false,
    };
    add("options", { options: { kind: "list", place: body.place, options: [nop] } });
  }
  if (ip.ttl !== null) changes.push({ event: { ...event, ip: { ...ip, ttl: ip.ttl + 1 } }, change: "ttl" });
  if (ip.tos !== null) changes.push({ event: { ...event, ip: { ...ip, tos: ip.tos ^ 4 } }, change: "tos" });
  if (ip.ecn !== null) {
    const ecn = ip.ecn === "noecn" ? "ect0" : "noecn";
    changes.push({ event: { ...event, ip: { ...ip, ecn } }, change: "ecn" });
  }
  return changes;
}
