/** `tcplab play` comes to its end whatever those do who have asked it for something. */
import { assertEquals } from "@std/assert";
import { selfCommand } from "../../src/cli/self_command.ts";

const [PROGRAM, ...WORDS] = selfCommand();
const decoder = new TextDecoder();

Deno.test("play ends at its signal, whoever has asked for the page and does not read it", async () => {
  const child = new Deno.Command(PROGRAM, {
    args: [...WORDS, "play", "--address", "127.0.0.1:0"],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const port = Number(/:(\d+)\/\n$/.exec(decoder.decode(value))?.[1]);
  using stranger = await Deno.connect({ port, hostname: "127.0.0.1" });
  // Together far more than the buffers of both ends.
  const request = `GET / HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`;
  await stranger.write(new TextEncoder().encode(request.repeat(200)));
  await stranger.read(new Uint8Array(1));
  child.kill("SIGINT");
  // What hangs would hang for ever.
  const end = setTimeout(() => child.kill("SIGKILL"), 60_000);
  assertEquals((await child.status).code, 0);
  clearTimeout(end);
  await reader.cancel();
});
