/** The cable: numbers, fates, time, and who is told. */
import { assertEquals } from "@std/assert";
import { Cable, type CableWatch } from "../../src/link/cable.ts";
import { parseFaultSpec } from "../../src/link/fault_spec.ts";
import type { OnceFault } from "../../src/link/fault_once.ts";
import type { TouchedFrame } from "../../src/link/fault_path.ts";
import { strangerSyn } from "../../src/play/stranger.ts";

const LOST: OnceFault = {
  text: "drop:any",
  direction: "either",
  action: "drop",
  target: "any",
  nth: 1,
  holdUs: 0,
};
const ARP = new Uint8Array(60);
ARP.set([0x08, 0x06], 12);

interface Scene {
  readonly cable: Cable;
  readonly log: string[];
  /** Sends the SYN of a stranger from an end. */
  send(from: 0 | 1, label?: number): void;
  /** Moves to a time, and takes what has arrived at both ends then. */
  at(us: number): string[];
}

function scene(about: { faults?: string; fate?: number } = {}): Scene {
  let nowUs = 0;
  let syns = 0;
  const log: string[] = [];
  const watch: CableWatch = {
    sent: (number, { from, label, flags, length }) =>
      log.push(`sent ${number} ${from} ${label} ${flags} ${length}`),
    touched: (number, { faults, reason }) => log.push(`touched ${number} ${faults.join()} ${reason}`),
    arriving: (number) => log.push(`arriving ${number}`),
  };
  const cable = new Cable({
    nowUs: () => nowUs,
    delayUs: 20_000,
    watch,
    fateOf: (number) => number === about.fate ? LOST : null,
    ...(about.faults === undefined ? {} : { faults: parseFaultSpec(about.faults) }),
  });
  const [a, b] = cable.ends;
  return {
    cable,
    log,
    send(from, label = 0) {
      const [source, to] = from === 0 ? [a, b] : [b, a];
      const route = {
        sourceMac: source.mac,
        destinationMac: to.mac,
        destination: Uint8Array.of(10, 0, 0, 2),
        port: 3333,
      };
      const frame = strangerSyn(syns++, { seed: 1, route });
      source.send(frame, frame.length, 0, label);
    },
    at(us) {
      nowUs = us;
      const taken: string[] = [];
      for (const end of cable.ends) {
        while (end.receive((_frame, length) => taken.push(`${end.name} ${length}`), 16) > 0);
      }
      return taken;
    },
  };
}

Deno.test("segments of both directions are numbered in the order in which they leave, and arrive after the cable's delay", () => {
  const { cable, log, send, at } = scene();
  send(0, 7);
  send(1, 3);
  assertEquals(log.splice(0), ["sent 1 0 7 2 0", "sent 2 1 3 2 0"]);
  assertEquals([cable.underWay, cable.ends[0].nextDueUs(), cable.ends[1].nextDueUs()], [2, 20_000, 20_000]);
  assertEquals(at(19_999), []);
  assertEquals(at(20_000), ["cable:0 58", "cable:1 58"]);
  assertEquals(log.splice(0), ["arriving 2", "arriving 1"]);
  assertEquals([cable.underWay, cable.ends[1].nextDueUs()], [0, Infinity]);
  assertEquals([at(90_000), log], [[], []]);
});

Deno.test("no two frames of a direction arrive at one instant", () => {
  const { cable, send, at } = scene();
  send(0);
  send(0);
  assertEquals(at(20_000), ["cable:1 58"]);
  assertEquals(cable.ends[1].nextDueUs(), 20_001);
  assertEquals(at(20_000), []);
  assertEquals(at(20_001), ["cable:1 58"]);
  assertEquals(at(30_000), []);
});

Deno.test("a fate that was chosen loses its segment and no other; both ends are told, each in its own terms", () => {
  const { cable, log, send, at } = scene({ fate: 2 });
  const told: string[] = [];
  const observer = (name: string) => ({
    isWatched: () => true,
    touched: ({ direction, faults, reason, label }: TouchedFrame) => {
      told.push(`${name} ${direction} ${faults.join()} ${reason} ${label}`);
      return 0;
    },
    handsUp: () => {},
  });
  cable.observers[0] = observer("a");
  cable.observers[1] = observer("b");
  send(0, 5);
  send(0, 6);
  send(0, 7);
  assertEquals(log.filter((line) => line.startsWith("touched")), ["touched 2 drop once"]);
  // That the wire is long is told to nobody.
  assertEquals(told, ["a out drop once 6", "b in drop once 0"]);
  assertEquals([...at(20_000), ...at(20_001), ...at(20_002)].length, 2);
  assertEquals(log.filter((line) => line.startsWith("arriving")), ["arriving 1", "arriving 3"]);
});

Deno.test("faults are those of the second end's view, and come on top of the cable's own delay", () => {
  const { cable, send, at } = scene({ faults: "in:delay=5ms,out:drop=100%" });
  send(0);
  send(1);
  assertEquals([cable.underWay, cable.ends[1].nextDueUs()], [1, 25_000]);
  assertEquals(at(25_000), ["cable:1 58"]);
  cable.setFaults(parseFaultSpec("in:drop=100%"));
  send(0);
  send(1);
  assertEquals([...at(45_000), ...at(45_001)], ["cable:0 58"]);
});

Deno.test("one-shot faults wait for their segment, and can be forgotten", () => {
  const { cable, log, send } = scene();
  const once = (text: OnceFault["action"]): OnceFault => ({ ...LOST, text, action: text, direction: "in" });
  cable.addOnce(once("dup"));
  cable.addOnce(once("drop"));
  assertEquals(cable.pending, ["dup", "drop"]);
  cable.clearOnce();
  cable.addOnce(once("dup"));
  send(1);
  send(0);
  assertEquals(log.filter((line) => line.startsWith("touched")), ["touched 2 duplicate chance"]);
  assertEquals([cable.pending, cable.underWay], [[], 3]);
});

Deno.test("ARP takes no time, and has no number", () => {
  const { cable, log, at } = scene({ faults: "drop=100%" });
  cable.ends[0].send(ARP, ARP.length);
  assertEquals(at(0), ["cable:1 60"]);
  assertEquals([log, cable.underWay], [[], 0]);
});

Deno.test("ARP that waits is due at once, also while the last segment holds the end, and before what comes later", () => {
  const { cable, send, at } = scene();
  const dueUs = () => cable.ends[1].nextDueUs();
  cable.ends[0].send(ARP, ARP.length);
  assertEquals([cable.ends[0].nextDueUs(), dueUs()], [Infinity, 0]);
  send(0);
  send(0);
  assertEquals(dueUs(), 0);
  assertEquals([at(0), dueUs()], [["cable:1 60"], 20_000]);
  assertEquals([at(20_000), dueUs()], [["cable:1 58"], 20_001]);
  cable.ends[0].send(ARP, ARP.length);
  assertEquals(dueUs(), 20_000);
  assertEquals([at(20_000), dueUs()], [["cable:1 60"], 20_001]);
  assertEquals([at(20_001), dueUs()], [["cable:1 58"], Infinity]);
});

Deno.test("ARP that is to suffer takes the cable's time, and has no number all the same; what is longer than its bytes is refused", () => {
  const { cable, log, at } = scene({ faults: "in:arp=on" });
  cable.ends[0].send(ARP, ARP.length);
  assertEquals([cable.underWay, at(19_999), at(20_000)], [1, [], ["cable:1 60"]]);
  assertEquals(log, []);
  cable.ends[0].send(ARP, ARP.length + 1);
  const { framesOut, sendErrors } = cable.ends[0].stats();
  assertEquals([cable.underWay, framesOut, sendErrors], [0, 1, 1]);
});

Deno.test("who takes nothing gets nothing, and what waits goes on waiting, be it ARP or a segment", () => {
  const { cable, send, at } = scene();
  const takesNothing = () => cable.ends[1].receive(() => {}, 0);
  cable.ends[0].send(ARP, ARP.length);
  assertEquals(takesNothing(), 0);
  assertEquals(at(0), ["cable:1 60"]);
  send(0);
  assertEquals(at(19_999), []);
  assertEquals([takesNothing(), at(20_000)], [0, ["cable:1 58"]]);
});
