/**
 * PacketSteps: what a packet of a script does: given to the host, or demanded of it.
 *
 * Owns: waiting for what is demanded, putting segments together, the verdict on a packet. Must not know: calls, how frames are laid out.
 */
import { FLAG } from "../wire/tcp.ts";
import { messageDifferences, segmentDifferences } from "./compare.ts";
import type { EventLog } from "./event_log.ts";
import type { Flow } from "./flow.ts";
import { Flows, type Passed } from "./flows.ts";
import { flagsOf, inboundFrame } from "./inbound.ts";
import {
  continues,
  joined,
  scriptMessage,
  scriptSegment,
  type SeenSegment,
  timestampOf,
} from "./outbound.ts";
import { printPacket } from "./print_packet.ts";
import type { RunConfig } from "./run_config.ts";
import { type DueTime, secondsText, timeFault } from "./timing.ts";
import type { IcmpPacket, PacketEvent, Place, Step, TcpPacket } from "./values.ts";
import { type FailVerdict, StepFailed, unsupportedProblem, type VerdictRule } from "./verdict.ts";
import type { World } from "./world.ts";

/** How long after its time a packet is still waited for, so that the verdict can say when it came; packetdrill's. */
const LATE_US = 2_000_000;
/** For a packet that may come at any time. Local choice: a day, within which all timers of a connection have run. */
const ANY_TIME_US = 86_400_000_000;

/** What packets are played with. */
export interface PacketGround {
  readonly world: World;
  readonly config: RunConfig;
  readonly log: EventLog;
  /** Tells that something was let pass. */
  readonly note: (place: Place, text: string) => void;
}

/** When a step is due, and how far off it may be. */
export interface StepDue extends DueTime {
  readonly slackUs: number;
}

type TcpEvent = PacketEvent & { readonly body: TcpPacket };
type IcmpEvent = PacketEvent & { readonly body: IcmpPacket };

/** See the file's comment. */
export class PacketSteps {
  readonly flows: Flows;
  readonly #ground: PacketGround;

  constructor(ground: PacketGround) {
    this.#ground = ground;
    this.flows = new Flows(ground.config.ends);
  }

  /** Gives a packet to the host, now. */
  give(packet: PacketEvent): void {
    const { world, config } = this.#ground;
    const flow = this.#flowForInbound(packet);
    world.give(inboundFrame(packet, {
      flow,
      ends: config.ends,
      hostMac: world.link.mac,
      routerMac: world.routerMac,
    }));
  }

  /** Waits for a packet and compares it. Throws {@link StepFailed}. */
  demand(step: Step, packet: PacketEvent, due: StepDue): void {
    if (packet.wrapping.length > 0) {
      throw new StepFailed(unsupportedProblem(packet.wrapping[0].name, packet.wrapping[0].place));
    }
    const { body } = packet;
    if (body.protocol === "tcp") this.#demandSegment(step, { ...packet, body }, due);
    else if (body.protocol === "icmp") this.#demandMessage(step, { ...packet, body }, due);
    else throw new StepFailed(unsupportedProblem(body.protocol === "other" ? body.name : "udp", body.place));
  }

  /** What the host sent for the connection under test and no step has taken; for the stricter rules, at the end. */
  surplus(): SeenSegment | null {
    const flow = this.flows.underTest;
    if (flow === null) return null;
    return this.flows.nextOf(flow, () => this.#ground.world.takeSent(), () => {});
  }

  /** As {@link printPacket}, of a segment that no step asked for. */
  surplusText(segment: SeenSegment, place: Place): string {
    const flow = this.flows.underTest;
    if (flow === null) return "";
    const body: TcpPacket = {
      protocol: "tcp",
      place,
      ports: null,
      flags: "",
      seqForm: "relative",
      seq: 0,
      endSeq: 0,
      length: 0,
      ack: null,
      window: 0,
      urgent: null,
      options: { kind: "unsaid" },
      resetReason: null,
      udpPorts: null,
    };
    const like: PacketEvent = {
      kind: "packet",
      place,
      direction: "outbound",
      ip: { ecn: null, tos: null, dscp: null, ttl: null, flowLabel: null, id: null, place: null },
      wrapping: [],
      body,
    };
    return printPacket(scriptSegment(segment, { flow, like, body }));
  }

  #flowForInbound({ body }: PacketEvent): Flow {
    const { flows } = this;
    if (body.protocol !== "tcp") return flows.underTest ?? flows.openInbound(null);
    const { bits } = flagsOf(body);
    const hasSyn = (bits & FLAG.SYN) !== 0;
    const hasAck = (bits & FLAG.ACK) !== 0;
    // A packet from ports that nobody has named yet opens a connection where it is a SYN; else it is of the one under test.
    const flow = flows.find(body.ports, "inbound") ??
      (hasSyn && !hasAck || flows.underTest === null ? flows.openInbound(body.ports) : flows.underTest);
    if (flow.stage === "syn-received" && flow.irs === 0) flow.irs = body.seq;
    if (flow.stage === "syn-sent" && hasSyn) {
      flow.irs = body.seq;
      if (hasAck) flow.stage = "open";
    } else if (flow.stage === "syn-ack-sent" && hasAck) {
      flow.stage = "open";
    }
    return flow;
  }

  #demandSegment(step: Step, packet: TcpEvent, due: StepDue): void {
    const { bits } = flagsOf(packet.body);
    const isSyn = (bits & (FLAG.SYN | FLAG.ACK)) === FLAG.SYN;
    const isSynAck = (bits & (FLAG.SYN | FLAG.ACK)) === (FLAG.SYN | FLAG.ACK);
    let flow = this.flows.find(packet.body.ports, "outbound");
    let first: SeenSegment;
    if (flow === null) {
      if (!isSyn) {
        this.#fail(step, {
          what: "no connection yet that could send it",
          expected: packet,
          due,
          actual: "nothing",
        });
      }
      const opened = this.#waitFor(
        step,
        { packet, due },
        (passed) => this.flows.nextOpened(() => this.#ground.world.takeSent(), passed),
      );
      flow = opened.flow;
      first = opened.segment;
      flow.scriptIss = packet.body.seq;
      flow.wireIss = first.seq;
    } else {
      first = this.#waitForSegment(step, { packet, due, flow });
      if (flow.stage === "syn-received" && isSynAck) {
        flow.scriptIss = packet.body.seq;
        flow.wireIss = first.seq;
        flow.stage = "syn-ack-sent";
      }
    }
    const segment = this.#whole(step, { packet, due, flow, first });
    this.#judge(step, { packet, due, flow, segment });
  }

  /** The segment, with those behind it up to the length that the script says, as a device that cuts segments shows them. */
  #whole(
    step: Step,
    about: {
      readonly packet: TcpEvent;
      readonly due: StepDue;
      readonly flow: Flow;
      readonly first: SeenSegment;
    },
  ): SeenSegment {
    const { packet, first } = about;
    const segments = [first];
    let length = first.payload.length;
    let last = first;
    while (!this.#ground.config.strictSegments && length > 0 && length < packet.body.length) {
      const next = this.#waitForSegment(step, { ...about, sofar: joined(segments) });
      const isLast = length + next.payload.length >= packet.body.length;
      // One that does not go on is none of them: the verdict is on what there was until then.
      if (!continues(next, last) || (!isLast && next.payload.length !== last.payload.length)) break;
      segments.push(next);
      length += next.payload.length;
      last = next;
    }
    return joined(segments);
  }

  #judge(
    step: Step,
    about: {
      readonly packet: TcpEvent;
      readonly due: StepDue;
      readonly flow: Flow;
      readonly segment: SeenSegment;
    },
  ): void {
    const { packet, due, flow, segment } = about;
    const { config, log } = this.#ground;
    this.#noteTimestamps(packet, flow, segment);
    const actual = scriptSegment(segment, { flow, like: packet, body: packet.body });
    const differences = segmentDifferences(packet, actual, {
      strict: config.strict,
      timestampSlack: this.#timestampSlack(due),
      addressBytes: config.ends.localAddress.length,
      takesFlowLabel: (script, wire) => flow.takesFlowLabel(script, wire),
    });
    if (config.strict && segment.payload.some((octet) => octet !== 0)) differences.push("payload");
    const { atUs, segment: number } = segment.frame;
    this.#conclude(step, { packet, due, differences, atUs, actual, rule: log.ruleOf(number) });
  }

  /** Fails the step where what came differs from what it demands, or came at another time. */
  #conclude(
    step: Step,
    about: {
      readonly packet: PacketEvent;
      readonly due: StepDue;
      readonly differences: readonly string[];
      readonly actual: PacketEvent;
      readonly atUs: number;
      readonly rule?: VerdictRule | null;
    },
  ): void {
    const { packet, due, differences, atUs, actual, rule = null } = about;
    const fault = this.#timeFault(due, atUs);
    const all = fault === null ? differences : [...differences, fault];
    if (all.length === 0) return;
    this.#fail(step, {
      what: all.join(", "),
      expected: packet,
      due,
      actual: `${secondsText(atUs)} ${printPacket(actual)}`,
      rule,
    });
  }

  #noteTimestamps(packet: TcpEvent, flow: Flow, segment: SeenSegment): void {
    const { options } = packet.body;
    if (options.kind !== "list") return;
    const wanted = options.options.find((option) => option.name === "TS");
    if (wanted === undefined || wanted.anyVal) return;
    const wire = timestampOf(segment);
    if (wire !== null) flow.noteTimestamp(wanted.numbers[0], wire);
  }

  /** By how many ticks a timestamp may be off; packetdrill lets it be off by more the longer the script lasts. */
  #timestampSlack(due: StepDue): number | null {
    const { timestampTickUs, toleranceUs, tolerancePercent, strict } = this.#ground.config;
    const tickUs = timestampTickUs > 0 ? timestampTickUs : strict ? STRICT_TICK_US : 0;
    if (tickUs === 0) return null;
    const sinceBeginning = due.fromUs ?? this.#ground.world.nowUs;
    return Math.max(toleranceUs, (tolerancePercent / 100) * sinceBeginning) / tickUs;
  }

  #demandMessage(step: Step, packet: IcmpEvent, due: StepDue): void {
    const { world, config } = this.#ground;
    const message = this.#waitFor(
      step,
      { packet, due },
      (passed) => this.flows.nextMessage(() => world.takeSent(), passed),
    );
    const actual = scriptMessage(message, { like: packet, body: packet.body });
    const differences = messageDifferences(packet, actual, {
      strict: config.strict,
      timestampSlack: null,
      addressBytes: config.ends.localAddress.length,
      takesFlowLabel: () => true,
    });
    this.#conclude(step, { packet, due, differences, atUs: message.frame.atUs, actual });
  }

  #timeFault(due: StepDue, atUs: number): string | null {
    if (due.fromUs === null || due.untilUs === null) return null;
    return timeFault({ fromUs: due.fromUs, untilUs: due.untilUs, slackUs: due.slackUs }, atUs, "packet");
  }

  #waitForSegment(
    step: Step,
    about: {
      readonly packet: TcpEvent;
      readonly due: StepDue;
      readonly flow: Flow;
      readonly sofar?: SeenSegment;
    },
  ): SeenSegment {
    const { flow } = about;
    return this.#waitFor(
      step,
      about,
      (passed) => this.flows.nextOf(flow, () => this.#ground.world.takeSent(), passed),
    );
  }

  /** Lets time pass until there is what is looked for; throws when it is too late for that. */
  #waitFor<Found>(
    step: Step,
    about: {
      readonly packet: PacketEvent;
      readonly due: StepDue;
      readonly flow?: Flow;
      readonly sofar?: SeenSegment;
    },
    look: (passed: Passed) => Found | null,
  ): Found {
    const { world, config, note } = this.#ground;
    const { packet, due } = about;
    const untilUs = due.untilUs === null
      ? world.nowUs + ANY_TIME_US
      : Math.max(due.untilUs, world.nowUs) + due.slackUs + LATE_US;
    const passed: Passed = (_, frame) => {
      const text = `${frame.bytes.length} bytes sent at ${secondsText(frame.atUs)} that no step is about`;
      if (config.strict) this.#fail(step, { what: "a frame too many", expected: packet, due, actual: text });
      note(step.event.place, text);
    };
    for (;;) {
      const found = look(passed);
      if (found !== null) return found;
      if (!world.advance(untilUs)) break;
    }
    const found = look(passed);
    if (found !== null) return found;
    const { flow, sofar } = about;
    const part = sofar === undefined || flow === undefined || packet.body.protocol !== "tcp"
      ? ""
      : `${printPacket(scriptSegment(sofar, { flow, like: packet, body: packet.body }))}, then `;
    this.#fail(step, {
      what: "the packet is missing",
      expected: packet,
      due,
      actual: `${part}nothing until ${secondsText(world.nowUs)}`,
      rule: this.#ground.log.lastRule,
    });
  }

  #fail(
    step: Step,
    about: {
      readonly what: string;
      readonly expected: PacketEvent;
      readonly due: StepDue;
      readonly actual: string;
      readonly rule?: VerdictRule | null;
    },
  ): never {
    const { due, expected } = about;
    const verdict: FailVerdict = {
      kind: "fail",
      place: step.event.place,
      what: about.what,
      expected: `${dueText(due)} ${printPacket(expected)}`,
      actual: about.actual,
      rule: about.rule ?? null,
    };
    throw new StepFailed(verdict);
  }
}

/** Ticks of our timestamps, where their values are compared and the script does not say how long one is (RFC 7323 §5.4: 1 ms to 1 s). */
const STRICT_TICK_US = 1000;

function dueText(due: DueTime): string {
  if (due.fromUs === null || due.untilUs === null) return "*";
  if (due.fromUs === due.untilUs) return secondsText(due.fromUs);
  return `${secondsText(due.fromUs)}~${secondsText(due.untilUs)}`;
}
