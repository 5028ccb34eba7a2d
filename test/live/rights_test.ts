/**
 * What is left of root's rights once the device is open, in every thread, and that all that comes later works without.
 *
 * In a lab of root's own: in a user namespace there is no other user to become.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { lookupUser } from "../../ffi/process_user.ts";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { compiledBinary, liveTest } from "./private_lab.ts";
import { talkByKernel } from "./kernel_talk.ts";
import { assertSoundRecording, RECORDING_PROGRAMS } from "./recording_judge.ts";
import { ServeProcess } from "./serve_process.ts";
import { askNetstat } from "./server_figures.ts";
import { waitFor } from "./wait_for.ts";
import { judgeFile } from "./wire_judge.ts";

/** A user whom every system has, neither root nor nobody. */
const DAEMON = 1;
const BY_SUDO = ["env", `SUDO_UID=${DAEMON}`, `SUDO_GID=${DAEMON}`];
/** Name and status of each thread of the process whose socket is the only one. */
const STATUS = `pid=$(basename /run/tcplab/*.sock .sock)
for thread in /proc/$pid/task/*; do
  grep -h -E '^(Uid|Gid|CapPrm|CapEff|CapInh|NoNewPrivs):' $thread/status | tr -s '\\n\\t' '  '; echo
done`;

const REMOVER = `pid=$(basename /run/tcplab/*.sock .sock)
child=$(grep -l "^PPid:\\s*$pid$" /proc/[0-9]*/status | head -1)
ls -l $(dirname $child)/fd; grep CapEff $child`;

async function shell(lab: PrivateLab, script: string): Promise<string> {
  const { code, stdout, stderr } = await lab.run({ side: "server", words: ["sh", "-c", script] });
  assertEquals(code, 0, stderr);
  return stdout.trim();
}

/** Demands that each thread is this user's, has no capability, and can get none. */
async function assertNoRights(lab: PrivateLab, uid: number): Promise<void> {
  // A thread that has ended meanwhile is an empty line.
  const threads = (await shell(lab, STATUS)).split("\n").filter((line) => line.trim() !== "");
  assert(threads.length > 3, threads.join("\n"));
  for (const thread of threads) {
    assertMatch(thread, new RegExp(`^Uid: ${uid} ${uid} ${uid} ${uid} Gid: \\d+`));
    assert(!/Gid:( \d+)* 0 /.test(thread), thread);
    for (const kind of ["Prm", "Eff", "Inh"]) assertStringIncludes(thread, `Cap${kind}: ${"0".repeat(16)}`);
    assertStringIncludes(thread, "NoNewPrivs: 1");
  }
}

async function assertNothingLeft(lab: PrivateLab): Promise<void> {
  assertEquals(await shell(lab, "ls /run/tcplab; nft list ruleset"), "");
}

async function talk(lab: PrivateLab, server: ServeProcess): Promise<void> {
  await talkByKernel(lab, lab.plan.addresses.server, "hello");
  assertEquals((await server.event("closed")).reason, "normal");
}

async function scratchFolder(owner: number): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir({ prefix: "tcplab-live-" });
  await Deno.chown(path, owner, owner);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Four mebibytes, so that a recording of three with a mebibyte each has to begin anew. */
const SENDS = `import socket, sys
s = socket.create_connection((sys.argv[1], 3333))
s.sendall(bytes(4 << 20)); s.shutdown(socket.SHUT_WR); s.recv(1)`;

const GUARD = ["--rst-guard", "nft"];

liveTest("root becomes nobody in every thread; guard, recording, netstat and the end work as ever", {
  rights: "root",
  needs: ["nft", ...RECORDING_PROGRAMS],
}, async (lab) => {
  await using folder = await scratchFolder(0);
  const path = `${folder.path}/x.pcapng`;
  const args = ["--ip", lab.plan.addresses.server, ...GUARD, "--write", path];
  const server = await ServeProcess.start(lab, { args });
  await assertNoRights(lab, lookupUser("nobody")?.uid ?? 65534);
  await talk(lab, server);
  const netstat = await askNetstat(lab, { words: [...selfCommand(), "netstat"] });
  assertMatch(netstat.stdout, /LISTEN +echo/);
  const { code, stderr } = await server.stop();
  assertEquals(code, 0, stderr);
  assertEquals(stderr.trim().split("\n").length, 1, stderr);
  await assertNothingLeft(lab);
  await assertSoundRecording(path);
  assertEquals((await judgeFile(path)).length >= 10, true);
  const { uid, mode } = await Deno.lstat(path);
  assertEquals([uid, (mode ?? 0) & 0o777], [0, 0o600]);
});

liveTest("with sudo it becomes the user who called, whose the recording is; a kill leaves nothing", {
  rights: "root",
  needs: ["nft", ...RECORDING_PROGRAMS],
}, async (lab) => {
  await using folder = await scratchFolder(DAEMON);
  await Deno.chmod(folder.path, 0o755);
  const path = `${folder.path}/x.pcapng`;
  const args = ["--ip", lab.plan.addresses.server, ...GUARD, "--write", path];
  const server = await ServeProcess.start(lab, { args, program: [...BY_SUDO, ...selfCommand()] });
  await assertNoRights(lab, DAEMON);
  assertEquals(await shell(lab, "stat -c '%u %a' /run/tcplab/*.sock"), `${DAEMON} 600`);
  await talk(lab, server);
  const { uid, gid, mode } = await Deno.lstat(path);
  assertEquals([uid, gid, (mode ?? 0) & 0o777], [DAEMON, DAEMON, 0o600]);
  await server.signal("SIGKILL");
  await server.stop();
  // What removes the socket file outlives the server by a moment.
  await waitFor(async () => await shell(lab, "ls /run/tcplab") === "", { what: "the socket file gone" });
  await assertNothingLeft(lab);
  // What was written is whole, whatever else was to come.
  await assertSoundRecording(path);
});

liveTest("a recording that rotates goes on with the rights that are left, or is refused before it begins", {
  rights: "root",
  needs: ["python3", ...RECORDING_PROGRAMS],
}, async (lab) => {
  // The files are of who called sudo, whoever writes them.
  for (const user of [[], ["--user", "root"]]) {
    await using folder = await scratchFolder(DAEMON);
    const path = `${folder.path}/x.pcapng`;
    const args = ["--app", "discard", "--write", path, "--write-limit", "1Mx3", ...user];
    const server = await ServeProcess.start(lab, { args, program: [...BY_SUDO, ...selfCommand()] });
    const sends = ["python3", "-c", SENDS, lab.plan.tcplabAddress];
    assertEquals((await lab.run({ side: "client", words: sends })).code, 0);
    assertEquals((await server.event("closed")).reason, "normal");
    const { code, stderr } = await server.stop();
    assertEquals([code, stderr.includes("rotated")], [0, false], stderr);
    const files = (await Array.fromAsync(Deno.readDir(folder.path))).map(({ name }) => name).sort();
    assertEquals(files, ["x.pcapng", "x.pcapng.1", "x.pcapng.2"]);
    for (const name of files) {
      const { uid, gid, mode } = await Deno.lstat(`${folder.path}/${name}`);
      assertEquals([uid, gid, (mode ?? 0) & 0o777], [DAEMON, DAEMON, 0o600], name);
      await assertSoundRecording(`${folder.path}/${name}`);
    }
  }
  // Nobody may make a file beside root's; in a sticky directory nobody may, but not move root's away.
  await using roots = await scratchFolder(0);
  for (const mode of [0o755, 0o1777]) {
    await Deno.chmod(roots.path, mode);
    const limits = ["--write", `${roots.path}/x.pcapng`, "--write-limit", "1Mx3"];
    const words = [
      ...selfCommand(),
      "serve",
      "--iface",
      lab.plan.devices.server,
      "--ip",
      lab.plan.tcplabAddress,
    ];
    const refused = await lab.run({ side: "server", words: [...words, ...limits] });
    assertEquals(refused.code, 1, refused.stderr);
    assertMatch(
      refused.stderr,
      /^tcplab serve: .*x\.pcapng cannot be rotated by the user who serves \([^\n]*\n$/,
    );
    assertEquals((await Array.fromAsync(Deno.readDir(roots.path))).map(({ name }) => name), ["x.pcapng"]);
  }
  assertEquals(await shell(lab, "ls /run/tcplab"), "");
});

liveTest("--user root keeps all rights, --user NAME takes that user", { rights: "root" }, async (lab) => {
  const kept = await ServeProcess.start(lab, { args: ["--user", "root"] });
  assertMatch(await shell(lab, STATUS), /^Uid: 0 0 0 0 .*CapEff: 0*[1-9a-f][0-9a-f]* .*NoNewPrivs: 0/);
  assertEquals((await kept.stop()).code, 0);
  const named = await ServeProcess.start(lab, { args: ["--user", "daemon"] });
  await assertNoRights(lab, DAEMON);
  assertEquals((await named.stop()).code, 0);
  assertEquals(await shell(lab, "ls /run/tcplab"), "");
});

liveTest("what stays behind for the socket file has no capability and no device", {
  rights: "root",
  needs: ["setpriv"],
}, async (lab) => {
  const server = await ServeProcess.start(lab, { args: ["--user", "daemon"] });
  // Of its children only the remover is there; none of its descriptors is a socket.
  let remover = "";
  await waitFor(async () => {
    remover = await shell(lab, REMOVER);
    // It is there before what takes its rights away has begun to run.
    return /CapEff:\s0{16}/.test(remover);
  }, { what: "no capability" });
  assert(/ -> pipe:/.test(remover) && !/ -> socket:/.test(remover), remover);
  assertEquals((await server.stop()).code, 0);
});

liveTest("a stranger's directory of root's old name is not believed, and shows others what is not theirs", {
  rights: "root",
  pcap: true,
  needs: ["nc", "setpriv"],
}, async (lab) => {
  await using folder = await scratchFolder(DAEMON);
  await Deno.chmod(folder.path, 0o1777);
  const as = `setpriv --reuid=${DAEMON} --regid=${DAEMON} --clear-groups`;
  const trap = lab.spawn({
    side: "server",
    words: [
      "sh",
      "-c",
      `${as} mkdir ${folder.path}/tcplab-0 && exec ${as} nc -lU ${folder.path}/tcplab-0/1.sock`,
    ],
  });
  const socket = `${folder.path}/tcplab-0/1.sock`;
  await waitFor(async () => await shell(lab, `test -S ${socket} && echo there || :`) === "there", {
    what: "the trap's socket",
  });
  const netstat = await lab.run({
    side: "server",
    words: ["env", "-u", "TCPLAB_RUN_DIR", `TMPDIR=${folder.path}`, ...selfCommand(), "netstat"],
  });
  assertEquals([netstat.code, netstat.stdout], [0, "No tcplab server is running on this host.\n"]);
  // Nobody has knocked: it would have been told the request.
  assertEquals(trap.stdout, "");
  await trap.stop();
});

/** Local choice: who has not answered five times does not answer. */
const MOST_TIMES = 5;

/** A server of another user that tells root's terminal what to do, and would be an end of all processes. */
const LIAR = `
import json, os, socket
os.makedirs("/run/user/1/tcplab", 0o700)
os.chown("/run/user/1", 1, 1); os.chown("/run/user/1/tcplab", 1, 1)
os.setgroups([]); os.setgid(1); os.setuid(1); os.umask(0o077)
def listen(name):
    s = socket.socket(socket.AF_UNIX); s.bind("/run/user/1/tcplab/" + name); s.listen(); return s
honest, endless = listen("5.sock"), listen("6.sock")
print("ready", flush=True)
while True:
    client = honest.accept()[0]; client.recv(999)
    client.send((json.dumps({"pid": 4711, "device": "\\x1b[2Jevil", "ip": ["10.33.0.3"], "mac": "x", "startedAt": 0,
      "listeners": [], "counters": {}, "figures": {}, "networkNamespace": "\\x9b2J"}) + '\\n{"end": 1}\\n').encode())
    client.close()
`;

liveTest(
  "root's netstat asks another user's server with that user's rights, and shows what it says harmlessly",
  {
    rights: "root",
    needs: ["python3"],
  },
  async (lab) => {
    const liar = lab.spawn({ side: "server", words: ["python3", "-c", LIAR] });
    await waitFor(() => liar.stdout.includes("ready"), { what: "the liar listening" });
    const binary = compiledBinary();
    const program = binary === null ? selfCommand() : [binary];
    /** `told`: whether something has to be told on stderr, beside the value. */
    const netstat = async (args: readonly string[] = [], told = false) => {
      const words = ["env", "-u", "TCPLAB_RUN_DIR", ...program, "netstat", ...args];
      const { code, stdout, stderr } = await lab.run({ side: "server", words });
      assertEquals(code, 0, stderr);
      const rest = stderr.replace(/^Servers of user 1 cannot be asked from here: .*\n$/, "");
      assertEquals([rest, stderr !== ""], ["", told]);
      // deno-lint-ignore no-control-regex
      assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(stdout), stdout);
      return stdout;
    };
    // Deno may lie where only root may run it; then root is told so, and does not ask itself.
    const shown = /^tcplab 4711 on \?\[2Jevil|^Servers of user 1 cannot be asked from here/m;
    // Asked again where the machine was too busy for an answer within two seconds.
    let text = await netstat();
    for (let times = 1; times < MOST_TIMES && !shown.test(text); times++) text = await netstat();
    assertMatch(text, shown);
    // Beside JSON it is told on stderr who could not be asked, and nothing else.
    const unasked = /^Servers of user 1/m.test(text);
    const asJson = async (): Promise<unknown[]> => JSON.parse(await netstat(["--json"], unasked));
    let servers = await asJson();
    for (let times = 1; times < MOST_TIMES && !unasked && servers.length === 0; times++) {
      servers = await asJson();
    }
    assertEquals(servers.length, unasked ? 0 : 1);
    // What it says of an address is in nobody's way.
    const server = await ServeProcess.start(lab);
    assertEquals((await server.stop()).code, 0);
    await liar.stop();
  },
);

liveTest("the compiled binary gives its rights up as well, and netstat shows each user what is theirs", {
  rights: "root",
  needs: ["nft", "setpriv", ...RECORDING_PROGRAMS],
  missing: compiledBinary() === null ? "no compiled binary" : null,
}, async (lab) => {
  await using folder = await scratchFolder(DAEMON);
  await Deno.chmod(folder.path, 0o755);
  const binary = compiledBinary() ?? "";
  const path = `${folder.path}/x.pcapng`;
  const args = ["--ip", lab.plan.addresses.server, ...GUARD, "--write", path];
  const usual = ["env", "-u", "TCPLAB_RUN_DIR"];
  const server = await ServeProcess.start(lab, { args, program: [...usual, ...BY_SUDO.slice(1), binary] });
  await assertNoRights(lab, DAEMON);
  await talk(lab, server);
  assertEquals((await Deno.lstat(path)).uid, DAEMON);
  const netstatOf = async (uid: number) => {
    const as = ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
    return (await askNetstat(lab, { words: [...usual, ...as, binary, "netstat"] })).stdout;
  };
  assertMatch(await netstatOf(0), /LISTEN +echo/);
  // The socket is of who called sudo; who it is not sees only that there is one.
  assertMatch(await netstatOf(DAEMON), /LISTEN +echo/);
  assertMatch(
    await netstatOf(DAEMON + 1),
    /^No tcplab server that can be asked from here\.\n\n1 server of another user: sudo tcplab netstat\n$/,
  );
  const { code, stderr } = await server.stop();
  assertEquals(code, 0, stderr);
  assertEquals(stderr.trim().split("\n").length, 1, stderr);
  await assertNothingLeft(lab);
  await assertSoundRecording(path);
});
