/** What the live page's controls do, seen from the other end of the wire: by a Linux client's clock, and by tshark. */
import { assert, assertEquals } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { pageAddress } from "./page_browser.ts";
import { liveTest, scratchFile } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { waitFor } from "./wait_for.ts";
import { JUDGE_PROGRAMS, type JudgedFrame, WireRecording } from "./wire_judge.ts";

/** Connects from a port of its own, sends octets, waits until they are back, ends, and waits for the other end's end. */
const TALK = `import socket, sys, time
address, port, octets = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
times, began = [], time.monotonic()
def mark():
    global began
    times.append("%.3f" % (time.monotonic() - began)); began = time.monotonic()
end = "closed"
try:
    peer = socket.create_connection((address, 3333), timeout=float(sys.argv[4]), source_address=("", port)); mark()
    peer.sendall(bytes(octets)); left = octets
    while left > 0:
        got = peer.recv(65536)
        if not got: break
        left -= len(got)
    mark()
    peer.shutdown(socket.SHUT_WR)
    while peer.recv(65536): pass
    mark()
except OSError as error: end = type(error).__name__
print(end, *times)`;

/** How a talk went: how it ended, and how long each part took, seconds. */
interface Talk {
  readonly end: string;
  readonly connecting: number;
  readonly talking: number;
  readonly ending: number;
}

async function talk(lab: PrivateLab, port: number, about: { octets?: number; patience?: number } = {}) {
  const { octets = 5, patience = 20 } = about;
  const words = [
    "python3",
    "-c",
    TALK,
    lab.plan.tcplabAddress,
    String(port),
    String(octets),
    String(patience),
  ];
  const { code, stdout, stderr } = await lab.run({ side: "client", words });
  assertEquals(code, 0, stderr);
  const [end, connecting, talking, ending] = stdout.trim().split(" ");
  const times = { connecting: Number(connecting), talking: Number(talking), ending: Number(ending) };
  return { end, ...times };
}

/** What is asked for, and what the client and the wire make of it. */
interface Control {
  readonly ask: { readonly once: string } | { readonly spec: string };
  readonly octets?: number;
  readonly patience?: number;
  readonly look: (talk: Talk, wire: { ours: JudgedFrame[]; theirs: JudgedFrame[] }) => void;
}

const flagged = (frames: readonly JudgedFrame[], flag: string) =>
  frames.filter(({ flags }) => flags.split(",").includes(flag)).length;
const dataIn = (frames: readonly JudgedFrame[]) => frames.filter(({ length }) => length > 0);

/** Linux sends a SYN again after a second; our own time-out at the beginning is a second too. */
const CONTROLS: readonly Control[] = [
  {
    ask: { spec: "" },
    look: ({ end, connecting, talking, ending }, { ours, theirs }) => {
      assertEquals([end, flagged(ours, "SYN"), flagged(theirs, "SYN")], ["closed", 1, 1]);
      assert(Math.max(connecting, talking, ending) < 0.5, `${connecting} ${talking} ${ending}`);
      assertEquals(ours.filter(({ tcpChecksum }) => tcpChecksum !== "good"), []);
    },
  },
  {
    ask: { once: "drop:syn-ack" },
    look: ({ connecting }, { ours, theirs }) => {
      // Whichever end repeats first, the first SYN,ACK was not on the wire.
      assert(connecting > 0.8, `${connecting}`);
      assert(flagged(theirs, "SYN") + flagged(ours, "SYN") >= 2);
      assert(flagged(ours, "SYN") <= 2);
    },
  },
  {
    ask: { once: "in:drop:syn" },
    look: ({ connecting }, { ours, theirs }) => {
      assert(connecting > 0.8, `${connecting}`);
      assertEquals([flagged(theirs, "SYN"), flagged(ours, "SYN")], [2, 1]);
    },
  },
  {
    ask: { once: "in:drop:data" },
    look: (_, { theirs }) => assertEquals(dataIn(theirs).length, 2),
  },
  {
    ask: { once: "in:drop:fin" },
    look: (_, { theirs }) => assert(flagged(theirs, "FIN") >= 2),
  },
  {
    ask: { once: "out:drop:fin" },
    look: ({ ending }, { ours }) => {
      assert(ending > 0.15, `${ending}`);
      assertEquals(flagged(ours, "FIN"), 1);
    },
  },
  {
    ask: { once: "out:dup:data" },
    look: ({ end }, { ours }) => assertEquals([end, dataIn(ours).length], ["closed", 2]),
  },
  {
    ask: { once: "out:corrupt:data" },
    look: ({ end }, { ours }) => {
      const bad = ours.filter(({ tcpChecksum, ipChecksum }) => tcpChecksum === "bad" || ipChecksum === "bad");
      assertEquals([end, bad.length], ["closed", 1]);
    },
  },
  {
    ask: { once: "out:hold:syn-ack:600ms" },
    look: ({ connecting }, { theirs }) => {
      assert(connecting > 0.6, `${connecting}`);
      assertEquals(flagged(theirs, "SYN"), 1);
    },
  },
  {
    ask: { spec: "in:drop=100%" },
    patience: 0.7,
    look: ({ end }, { ours, theirs }) => {
      assertEquals([end, flagged(theirs, "SYN"), ours], ["TimeoutError", 1, []]);
    },
  },
  {
    ask: { spec: "out:delay=300ms" },
    look: ({ connecting, talking }, { theirs }) => {
      assert(connecting > 0.3 && talking > 0.3, `${connecting} ${talking}`);
      assertEquals(flagged(theirs, "SYN"), 1);
    },
  },
  {
    ask: { spec: "out:dup=100%" },
    look: ({ end }, { ours }) => {
      assertEquals([end, flagged(ours, "SYN"), flagged(ours, "FIN")], ["closed", 2, 2]);
    },
  },
  {
    ask: { spec: "out:rate=1mbit" },
    octets: 60_000,
    // 60 kB at a megabit a second are 0.48 s, less what may pass at once.
    look: ({ talking }) => assert(talking > 0.4, `${talking}`),
  },
];

/** Client ports from here on, one a talk. */
const FIRST_PORT = 41_000;
/**
 * Local choice: on a machine that is held up for some tenths of a second, somebody waits longer or sends once more than a fault has
 * it, and what has missed is tried again; a control that does not do what it says misses each time.
 */
const MOST_ROUNDS = 5;

liveTest("each fault of the page does on the wire what it says, and none is left when it is taken back", {
  needs: [...JUDGE_PROGRAMS, "curl", "python3"],
}, async (lab) => {
  await using server = await ServeProcess.start(lab, { args: ["--ui", "-q"], quiet: true });
  const post = poster(lab, new URL(await pageAddress(server)));
  let missed: readonly Miss[] = CONTROLS.map((control) => ({ control, why: null }));
  for (let round = 0; round < MOST_ROUNDS && missed.length > 0; round++) {
    const firstPort = FIRST_PORT + round * 2 * CONTROLS.length;
    // At the end one without a fault: nothing is left of the others.
    const controls = [...missed.map(({ control }) => control), CONTROLS[0]];
    missed = await tryControls(lab, { controls, post, firstPort });
  }
  for (const { control: { ask }, why } of missed) {
    throw new Error(`${JSON.stringify(ask)}: ${why}`, { cause: why });
  }
  assertEquals((await server.stop()).code, 0);
  // Whoever sits at the server has been told.
  assert(
    server.stderr.includes("Frames are disturbed on purpose, as the live page asks: in drop 100 %"),
    server.stderr,
  );
});

/** A control that has not done what it is to do, and why; null: not tried yet. */
interface Miss {
  readonly control: Control;
  readonly why: unknown;
}

/** Tries controls one after the other, each with a client of its own; gives those that have missed. */
async function tryControls(
  lab: PrivateLab,
  about: {
    readonly controls: readonly Control[];
    readonly post: ReturnType<typeof poster>;
    readonly firstPort: number;
  },
): Promise<Miss[]> {
  const { controls, post, firstPort } = about;
  await using file = await scratchFile(".pcap");
  const recording = await WireRecording.start(lab, file.path);
  const talks: Talk[] = [];
  for (const [at, { ask, octets, patience }] of controls.entries()) {
    assertEquals(await post("/api/faults", ask), "200");
    const about = {
      ...(octets === undefined ? {} : { octets }),
      ...(patience === undefined ? {} : { patience }),
    };
    talks.push(await talk(lab, firstPort + at, about));
    assertEquals(await post("/api/faults", { clear: true }), "200");
    assertEquals(await post("/api/faults", { spec: "" }), "200");
  }
  const frames = await recording.judge();
  return controls.flatMap((control, at) => {
    const ours = frames.filter(({ destinationPort }) => destinationPort === firstPort + at);
    const theirs = frames.filter(({ sourcePort }) => sourcePort === firstPort + at);
    try {
      control.look(talks[at], { ours, theirs });
      return [];
    } catch (error) {
      return [{ control, why: `${error}\n${JSON.stringify(talks[at])}` }];
    }
  });
}

liveTest("paused, nothing comes in until a step, and closing or aborting is FIN and RST on the wire", {
  needs: [...JUDGE_PROGRAMS, "curl", "nc"],
}, async (lab) => {
  await using server = await ServeProcess.start(lab, { args: ["--ui"] });
  const post = poster(lab, new URL(await pageAddress(server)));
  await using file = await scratchFile(".pcap");
  const recording = await WireRecording.start(lab, file.path);
  const client = (port: number) =>
    lab.spawn({
      side: "client",
      words: ["nc", "-p", String(port), lab.plan.tcplabAddress, "3333"],
      stdin: true,
    });
  const encoder = new TextEncoder();
  const [closed, aborted] = [client(FIRST_PORT), client(FIRST_PORT + 1)];
  await server.count("transition", 1 + 4);
  assertEquals(await post("/api/step"), "409");
  assertEquals(await post("/api/pause"), "200");
  await closed.write(encoder.encode("one\n"));
  await server.event("notice", ({ kind }) => kind === "paused");
  // The client has sent it again by then: nobody has acknowledged it.
  await new Promise((resolve) => setTimeout(resolve, 700));
  assertEquals([closed.stdout, server.all("data").length], ["", 0]);
  assertEquals(await post("/api/step"), "200");
  await server.event("data", ({ direction, length }) => direction === "recv" && length === 4);
  assertEquals(await post("/api/resume"), "200");
  await server.event("notice", ({ kind }) => kind === "resumed");
  await waitFor(() => closed.stdout === "one\n", { what: "the client has its answer" });
  const id = server.all("data")[0].id;
  assertEquals(await post(`/api/connections/${id}/close`), "200");
  assertEquals(await post(`/api/connections/${3 - Number(id)}/abort`), "200");
  assertEquals((await server.event("closed", (event) => event.id === 3 - Number(id))).reason, "reset-by-us");
  await closed.stop(2000);
  await aborted.stop(2000);
  const frames = await recording.judge();
  const sentTo = (port: number) => frames.filter(({ destinationPort }) => destinationPort === port);
  assertEquals([flagged(sentTo(FIRST_PORT), "FIN"), flagged(sentTo(FIRST_PORT), "RST")], [1, 0]);
  assertEquals([flagged(sentTo(FIRST_PORT + 1), "FIN"), flagged(sentTo(FIRST_PORT + 1), "RST")], [0, 1]);
  assertEquals((await server.stop()).code, 0);
});

function poster(lab: PrivateLab, { origin, search }: URL) {
  return async (path: string, body: unknown = null): Promise<string> => {
    const words = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--data"];
    const { stdout } = await lab.run({
      side: "server",
      words: [...words, JSON.stringify(body), `${origin}${path}${search}`],
    });
    return stdout;
  };
}
