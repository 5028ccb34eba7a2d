/** `tcplab play` as a process: a file, standard output, a served page, and what cannot be. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { selfCommand } from "../../src/cli/self_command.ts";

const [PROGRAM, ...WORDS] = selfCommand();
const decoder = new TextDecoder();

async function play(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const { code, stdout, stderr } = await new Deno.Command(PROGRAM, {
    args: [...WORDS, "play", ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
}

Deno.test("play --output writes one file, the same as it sends to standard output, and says how to open it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "play.html");
    const written = await play("--output", path, "--scenario", "loss");
    assertEquals([written.code, written.out], [0, ""]);
    assert(
      /^\S+play\.html is written \(\d+ kB\): open it in a browser, with #s=loss behind its name\n$/.test(
        written.error,
      ),
      written.error,
    );
    const text = await Deno.readTextFile(path);
    assertStringIncludes(text, "<!doctype html>");
    // The file as it is written, not packed by anybody; and readable by whoever serves it.
    const { size, mode } = await Deno.stat(path);
    assert(size < 400_000, `${size}`);
    assertEquals((mode ?? 0) & 0o777, 0o666 & ~Deno.umask());
    const sent = await play("-o", "-");
    assertEquals([sent.code, sent.error, sent.out === text], [0, "", true]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("play serves the page until a signal, and prints its address with the scenario", async () => {
  const child = new Deno.Command(PROGRAM, {
    args: [...WORDS, "play", "--address", "127.0.0.1:0", "--scenario", "zero-window"],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  let said = "";
  while (!said.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) break;
    said += decoder.decode(value);
  }
  const address = /^Playground: (http:\/\/127\.0\.0\.1:\d+\/)#s=zero-window\n$/.exec(said)?.[1];
  assert(address !== undefined, said);
  const response = await fetch(address);
  assertStringIncludes(await response.text(), "<!doctype html>");
  child.kill("SIGTERM");
  assertEquals((await child.status).code, 0);
  assertEquals((await reader.read()).done, true);
  await reader.cancel();
});

Deno.test("what cannot be is one line with what next, and status 2 or 1", async () => {
  const cases: readonly (readonly [args: string[], code: number, line: string])[] = [
    [
      ["--scenario", "zero-windw"],
      2,
      'tcplab play: There is no scenario "zero-windw": did you mean zero-window?',
    ],
    [
      ["--output", "x.html", "--address", "127.0.0.1:1"],
      2,
      "tcplab play: --output writes a file and --address serves the page: give one of them",
    ],
    [
      ["--address", "0.0.0.0:80"],
      2,
      "tcplab play: --address 0.0.0.0:80: the page is for this machine only, at 127.0.0.1, localhost or [::1]; from another machine come by ssh -L 80:127.0.0.1:80",
    ],
    [
      ["--output", "/nowhere/x.html"],
      1,
      "tcplab play: /nowhere/x.html cannot be written (no such file or directory): give --output a file in a directory that is yours",
    ],
  ];
  for (const [args, code, line] of cases) {
    const { code: status, out, error } = await play(...args);
    assertEquals([status, out, error.split("\n")[0]], [code, "", line]);
  }
});

Deno.test("play without a descriptor left: one line, and status 1", async () => {
  const line = `ulimit -n 64; exec "$@"`;
  const child = new Deno.Command("sh", {
    args: ["-c", line, "sh", PROGRAM, ...WORDS, "play", "--address", "127.0.0.1:0"],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  let said = "";
  while (!said.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) break;
    said += decoder.decode(value);
  }
  const port = Number(/:(\d+)\/\n$/.exec(said)?.[1]);
  const strangers: Deno.Conn[] = [];
  try {
    // The last of them come when it has ended.
    while (strangers.length < 80) {
      const stranger = await Deno.connect({ port, hostname: "127.0.0.1" }).catch(() => null);
      if (stranger === null) break;
      strangers.push(stranger);
    }
    const error = await new Response(child.stderr).text();
    assertEquals(
      error.split("\n").slice(1),
      [
        "tcplab play: The playground's server has ended (Too many open files (os error 24)): " +
        "an open page goes on without it. Start again for another one",
        "",
      ],
    );
    assertEquals((await child.status).code, 1);
  } finally {
    for (const stranger of strangers) stranger.close();
    await reader.cancel();
  }
});
