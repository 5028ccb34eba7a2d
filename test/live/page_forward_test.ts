/** The page of a server in a lab, for a browser that is not in the lab. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { selfCommand } from "../../src/cli/self_command.ts";
import { liveTest } from "./private_lab.ts";
import { waitFor } from "./wait_for.ts";

/** Ends what never comes; only a defect needs so long. */
const PATIENCE_MS = 60_000;
const ADDRESS = /http:\/\/127\.0\.0\.1:(\d+)\/\?token=[0-9a-f]+(?=\s)/g;

liveTest(
  "a lab's page is reached from outside of the lab, and from within by the same address",
  {},
  async () => {
    const temporary = await Deno.makeTempDir();
    // Two servers, the second on the same port of another side: outside it has to be another one.
    const script = `
    serve() { tcplab lab exec $1 -- tcplab serve --iface veth-$1 --ip $2 --log none --ui 2>&1 & }
    serve server 10.33.0.3; serve client 10.33.0.4
    read go
    for side in server client; do
      address=$(sed -n "/$side/s/.* //p" "$TMPDIR/addresses")
      tcplab lab exec $side -- curl --silent --output /dev/null --write-out "within $side: %{http_code}\\n" "$address"
    done
    read end`;
    const [program, ...args] = [...selfCommand(), "lab", "shell", "--", "sh", "-c", script];
    const child = new Deno.Command(program, {
      args,
      env: { TMPDIR: temporary },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
      signal: AbortSignal.timeout(PATIENCE_MS),
    }).spawn();
    const input = child.stdin.getWriter();
    const say = (line: string) => input.write(new TextEncoder().encode(`${line}\n`));
    const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let said = "";
    const until = async (isThere: () => boolean) => {
      while (!isThere()) {
        const { value, done } = await output.read();
        if (done) throw new Error(`The lab has ended: ${said}`);
        said += value;
      }
    };

    await until(() => [...said.matchAll(ADDRESS)].length === 2);
    const addresses = [...said.matchAll(ADDRESS)].map(([address]) => address);
    const ports = addresses.map((address) => new URL(address).port);
    assertEquals(new Set(ports).size, 2, "each has a port of its own outside");
    let sides = "";
    for (const address of addresses) {
      const answer = await fetch(address);
      assertEquals(answer.status, 200);
      assertStringIncludes(await answer.text(), "<!doctype html>");
      const stream = new URL(address);
      stream.protocol = "ws:";
      stream.pathname = "/api/stream";
      const hello = await firstMessage(stream);
      const served: string = hello.server.device;
      sides += `${served} ${address}\n`;
      const { status } = await fetch(new URL("/", address));
      assertEquals(status, 403, "without the token nobody gets in here either");
    }
    assertMatch(sides, /veth-server/);
    assertMatch(sides, /veth-client/);

    await Deno.writeTextFile(`${temporary}/addresses`, sides);
    await say("go");
    await until(() => said.includes("within client: 200\n"));
    assertStringIncludes(said, "within server: 200\n");
    await say("end");
    await input.close();
    await output.cancel();
    assertEquals((await child.status).success, true);
    // Nothing of it is left: no directory, no address.
    const left = [...Deno.readDirSync(temporary)].map(({ name }) => name).filter((name) =>
      /tcplab/.test(name)
    );
    assertEquals(left, []);
    for (const port of ports) Deno.listen({ hostname: "127.0.0.1", port: Number(port) }).close();
    await Deno.remove(temporary, { recursive: true });
  },
);

liveTest("a lab shell that is killed takes the way for pages with it", { pcap: false }, async () => {
  const temporary = await Deno.makeTempDir();
  const [program, ...args] = [...selfCommand(), "lab", "shell", "--", "sh", "-c", "echo ready; read end"];
  const child = new Deno.Command(program, {
    args,
    env: { TMPDIR: temporary },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const output = child.stdout.getReader();
  assertEquals(new TextDecoder().decode((await output.read()).value), "ready\n");
  assertEquals([...Deno.readDirSync(temporary)].length, 1);
  child.kill("SIGKILL");
  await child.status;
  const isEmpty = () => Promise.resolve([...Deno.readDirSync(temporary)].length === 0);
  await waitFor(isEmpty, { what: "nothing is left" });
  await output.cancel();
  await child.stdin.close().catch(() => {});
  await Deno.remove(temporary, { recursive: true });
});

interface Hello {
  readonly server: { readonly device: string };
}

async function firstMessage(address: URL): Promise<Hello> {
  const socket = new WebSocket(address);
  try {
    return await new Promise<Hello>((resolve, reject) => {
      socket.onmessage = ({ data }) => resolve(JSON.parse(String(data)));
      socket.onerror = () => reject(new Error(`${address.host} has no stream`));
    });
  } finally {
    await new Promise((closed) => {
      socket.onclose = closed;
      socket.close();
    });
  }
}
