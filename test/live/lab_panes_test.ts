/** `lab shell --tmux`: a person who types what the panes suggest sees the lab, at the width of their window. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { selfCommand } from "../../src/cli/self_command.ts";
import { firstProcessOf, processesOf, seeGone } from "./lab_remains.ts";
import { LabScreen } from "./lab_screen.ts";
import { liveTest } from "./private_lab.ts";
import { waitFor } from "./wait_for.ts";

const PANES = { needs: ["tmux", "tshark"] };
const WORDS = [...selfCommand(), "lab", "shell", "--tmux"];
/** A shell whose prompt and history the panes can have; its own settings are nobody's. */
const env = {
  SHELL: "/bin/bash",
  HOME: "/nonexistent",
  DENO_DIR: Deno.env.get("DENO_DIR") ??
    `${Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME")}/.cache`}/deno`,
};

/** The keys that lead from the server's pane to the client's, and back. */
const SIZES = [
  { columns: 80, rows: 24, toClient: "Down", toServer: "Up" },
  { columns: 200, rows: 50, toClient: "Right", toServer: "Left" },
] as const;

/** What netstat's pane shows while the client sleeps. */
const NETSTAT_WHILE_IT_SLEEPS = [
  /^tcplab +10\.33\.0\.3:3333 +\*:\* +LISTEN$/m,
  /^tcplab +10\.33\.0\.3:3333 +10\.33\.0\.2:\d+ +ESTABLISHED$/m,
  /^the server's kernel {2}no TCP sockets$/m,
  /^the client's kernel {2}10\.33\.0\.2:\d+ +10\.33\.0\.3:3333 +ESTABLISHED$/m,
];

/** How long is looked for what is there while the client sleeps, which is five seconds; and how often it connects, where that was missed. */
const SLEEPS_MS = 15_000;
const MOST_VISITS = 5;

/** The lines of the block of docs/lab.md that begins so. */
async function pageBlock(begin: string): Promise<string[]> {
  const page = await Deno.readTextFile(new URL("../../docs/lab.md", import.meta.url));
  const block = page.split("```").find((text) => text.replace(/^\w*\n/, "").startsWith(begin));
  assert(block !== undefined, `docs/lab.md has a block that begins with ${begin}`);
  return block.replace(/^\w*\n/, "").trimEnd().split("\n");
}

/** A screen without the borders between panes side by side: every pane's lines by themselves. */
function paneLines(screen: string): string {
  return screen.split("\n").flatMap((line) => line.split("│")).map((line) => line.trimEnd()).join("\n");
}

/**
 * Waits for something in the pane that has the keys, which is the whole screen meanwhile: of a few lines, what the server
 * says of its address may have taken the place.
 */
async function seeAlone(screen: LabScreen, wanted: RegExp, what: string): Promise<void> {
  await screen.type("C-b", "z");
  await screen.see(wanted, what);
  await screen.type("C-b", "z");
}

/** Types Ctrl-C, and again, as a person does: what was to be ended may not have begun. Gives the screen that was wanted. */
async function interrupt(screen: LabScreen, wanted: RegExp, what: string): Promise<string> {
  let [text, againMs] = ["", 0];
  await waitFor(async () => {
    if (performance.now() > againMs) {
      await screen.type("C-c");
      againMs = performance.now() + 3000;
    }
    return wanted.test(text = await screen.text());
  }, { what });
  return text;
}

/**
 * Looks at what there is while the client sleeps; gives what was not seen. The keys are in the client's pane at first, and in the
 * server's in the end.
 */
async function missedWhileItSleeps(screen: LabScreen, toServer: string): Promise<string[]> {
  const missed: string[] = [];
  const look = async (fits: (text: string) => boolean, what: string) => {
    try {
      await waitFor(async () => fits(await screen.text()), { what, withinMs: SLEEPS_MS });
    } catch (error) {
      missed.push(`${error instanceof Error ? error.message : error}; there is:\n${await screen.text()}`);
    }
  };
  // A look takes its time, and may have asked one before and another after a change: it is the next one that agrees.
  await look(
    (text) => NETSTAT_WHILE_IT_SLEEPS.every((line) => line.test(paneLines(text))),
    "netstat has the connection, whoever may know of it",
  );
  // Both at once, as they come where the machine is busy; zoomed out again one by one.
  await screen.typeAtOnce("C-b", toServer, "C-b", "z");
  await look(
    (text) => /LISTEN -> SYN_RCVD[^]*SYN_RCVD -> ESTABLISHED/.test(text),
    "the log has the handshake",
  );
  await screen.type("C-b", "z");
  await look((text) => /\[SYN, ACK\] Seq=0 Ack=1/.test(text), "the wire's pane has the handshake");
  return missed;
}

for (const { columns, rows, toClient, toServer } of SIZES) {
  liveTest(`the panes' suggestions make the lab, at ${columns} columns`, PANES, async () => {
    await using screen = await LabScreen.start(WORDS, { columns, rows, env });
    await screen.see(/server\$/, "the server's prompt");
    await screen.see(/the client's kernel {2}no TCP sockets/, "netstat's pane is at work");
    // docs/lab.md has the smaller of the two.
    const page = columns === 80 ? await pageBlock("── server") : [];
    const isAsOnPage = (text: string) =>
      text.trimEnd().split("\n").map((line) => line.trimEnd()).join("\n") === page.join("\n");
    const start = await screen.see(
      (text) => /client\$/.test(text) && (columns !== 80 || isAsOnPage(text)),
      `the client's prompt, and all panes as on the page:\n${page.join("\n")}`,
    );
    for (
      const title of [
        "server  veth-server 10.33.0.1, fd33::1",
        "client  veth-client 10.33.0.2, fd33::2",
        "wire  tshark",
        "netstat  who",
      ]
    ) {
      assertStringIncludes(start, title);
    }
    const suggestions = paneLines(start).split("\n").filter((line) => line.startsWith("  tcplab ")).map((
      line,
    ) => line.trim());
    const serve = "tcplab serve --iface veth-server --ip 10.33.0.3";
    assertEquals(suggestions, [serve, "tcplab client 10.33.0.3 3333"]);

    await screen.type("Up", "Enter");
    await screen.see(/10\.33\.0\.3:3333 +\*:\* +LISTEN/, "netstat has the listener");
    let missed: string[] = [];
    for (let visits = 1; visits === 1 || missed.length > 0 && visits <= MOST_VISITS; visits++) {
      await screen.type("C-b", toClient, "Up", "Enter");
      await screen.see(/client: connected/, "the client connects");
      missed = await missedWhileItSleeps(screen, toServer);
    }
    assertEquals(missed, []);

    await screen.see(/client: closed/, "the client closes");
    await screen.see(
      (text) =>
        /the client's kernel.*TIME_WAIT/.test(text) && !/tcplab +10\.33\.0\.3:3333 +10\.33/.test(text),
      "netstat has TIME_WAIT at the client, and nothing else of the connection",
    );
    await seeAlone(screen, /closed normal/, "the log has the end");
    await screen.see(/\[FIN, ACK\] Seq=1 Ack=2[^]*\[ACK\] Seq=2 Ack=2/, "the wire's pane has the end");

    await screen.type("C-b", "d");
    await screen.see(/The lab has ended, and all that ran in it\.\s+ended with 0\n/, "lab shell ends");
  });
}

liveTest("Ctrl-C in the panes of wire and netstat leaves a shell that says what to type", PANES, async () => {
  await using screen = await LabScreen.start(WORDS, { columns: 200, rows: 50, env });
  await screen.see(/no TCP sockets/, "netstat's pane is at work");
  await screen.type("C-b", "Down");
  await interrupt(screen, /^wire\$ *│/m, "the wire's pane has a shell");
  await screen.type("C-b", "Right");
  const text = paneLines(await interrupt(screen, /netstat\$/, "netstat's pane has a shell"));
  assertMatch(text, /^ {2}tshark -i veth-client -f "tcp port 3333"$/m);
  for (
    const line of [
      "tcplab netstat",
      "tcplab lab exec client -- netstat -tan",
      "tcplab lab exec server -- netstat -tan",
    ]
  ) {
    assertMatch(text, new RegExp(`^  ${line.replace("netstat -tan", "(netstat|ss) -tan")}$`, "m"));
  }
  await screen.type("Up", "Enter");
  await screen.see(/^[^│]*│Who knows/m, "it runs again");
});

liveTest("nothing of the panes outlives a kill -9 of lab shell", PANES, async () => {
  await using screen = await LabScreen.start(WORDS, { columns: 80, rows: 24, env });
  await screen.see(/server\$/, "prompts");
  await screen.type("readlink /proc/self/ns/pid", "Enter");
  const [, namespace] = /^(pid:\[\d+\])$/m.exec(await screen.see(/^pid:\[\d+\]$/m, "the lab's number")) ?? [];
  // Four panes, tmux, and the first process; whichever pane is first, another may still be on its way.
  await waitFor(() => processesOf(namespace).length >= 8, { what: "the panes' processes" });
  assert(await screen.isTaken());
  Deno.kill(programOf(namespace), "SIGKILL");
  await seeGone(namespace);
  // The terminal is given back: tmux was asked to end, and did.
  await waitFor(async () => !await screen.isTaken(), { what: "the terminal is as before" });
});

/** The process on the host that made the lab: two above the lab's first. */
function programOf(namespace: string): number {
  const parentOf = (pid: number) =>
    Number(/^PPid:\s*(\d+)$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1]);
  return parentOf(parentOf(firstProcessOf(namespace)));
}

liveTest(
  "lab shell --tmux without a terminal says so, and makes no lab",
  { pcap: false, needs: ["tmux"] },
  async () => {
    const [program, ...args] = [...selfCommand(), "lab", "shell"];
    for (const more of [["--tmux"], ["--", "tmux"]]) {
      const { code, stdout, stderr } = await new Deno.Command(program, {
        args: [...args, ...more],
        stdin: "null",
      }).output();
      const decoder = new TextDecoder();
      assertEquals([code, decoder.decode(stdout), decoder.decode(stderr)], [
        1,
        "",
        "tcplab lab: tmux needs a terminal: leave --tmux out, and give lab shell a command\n",
      ]);
    }
  },
);
