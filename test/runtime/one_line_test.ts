/**
 * Servers that are written for Deno.listen run on a stack of ours with one changed line: the line that says where `listen` comes
 * from. The same client code talks to both.
 */
import { assert, assertEquals } from "@std/assert";
import { connect as ourConnect, SERVER } from "./one_line/our_net.ts";

/** The line of each program that is changed, and what it becomes. */
const THEIR_LINE = "const listen = Deno.listen;";
const OUR_LINE = `import { listen } from "${new URL("one_line/our_net.ts", import.meta.url)}";`;

const KERNEL = "127.0.0.1";
/** Bytes that pass no window in one go. */
const BULK = 300_000;

interface Program {
  serve(options: { hostname: string; port: number }): Deno.TcpListener;
}

/** The program as it stands, and with the one line changed. */
async function bothWays(name: string): Promise<{ theirs: Program; ours: Program }> {
  const url = new URL(`one_line/${name}.ts`, import.meta.url);
  const text = await Deno.readTextFile(url);
  const lines = text.split("\n");
  assertEquals(lines.filter((line) => line === THEIR_LINE).length, 1);
  assertEquals(text.match(/\b(Deno\.listen|Deno\.connect)\b/g)?.length, 1);
  const changed = lines.map((line) => line === THEIR_LINE ? OUR_LINE : line);
  assertEquals(changed.filter((line, at) => line !== lines[at]).length, 1);
  const encoded = btoa(String.fromCharCode(...new TextEncoder().encode(changed.join("\n"))));
  const [theirs, ours] = await Promise.all([
    import(url.href),
    import(`data:application/typescript;base64,${encoded}`),
  ]);
  return { theirs, ours };
}

/** Runs `talk` against the program on either TCP. */
function onEither(name: string, talk: (connect: () => Promise<Deno.TcpConn>) => Promise<void>): void {
  for (const whose of ["theirs", "ours"] as const) {
    Deno.test(`${name} written for Deno.listen serves on ${whose === "ours" ? "our TCP, one line changed" : "the kernel's"}`, async () => {
      const program = (await bothWays(name))[whose];
      const isOurs = whose === "ours";
      const listener = program.serve({ hostname: isOurs ? SERVER : KERNEL, port: 0 });
      const { port } = listener.addr;
      try {
        await talk(() =>
          isOurs ? ourConnect({ hostname: SERVER, port }) : Deno.connect({ hostname: KERNEL, port })
        );
      } finally {
        listener.close();
      }
    });
  }
}

/** Reads text until it ends as said, or the stream does. */
function reader(connection: Deno.TcpConn) {
  const chunk = new Uint8Array(4096);
  let text = "";
  return async (until: string): Promise<string> => {
    while (!text.includes(until)) {
      const count = await connection.read(chunk);
      if (count === null) throw new Error(`the end came before ${JSON.stringify(until)}: ${text}`);
      text += new TextDecoder().decode(chunk.subarray(0, count));
    }
    const end = text.indexOf(until) + until.length;
    const taken = text.slice(0, end);
    text = text.slice(end);
    return taken;
  };
}

async function write(connection: Deno.TcpConn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

onEither("echo", async (connect) => {
  const connection = await connect();
  const bytes = Uint8Array.from({ length: BULK }, (_, at) => (at * 7 + (at >> 8)) & 0xff);
  const writer = connection.writable.getWriter();
  const writing = writer.write(bytes).then(() => connection.closeWrite());
  const back = new Uint8Array(await new Response(connection.readable).arrayBuffer());
  await writing;
  assertEquals(back.length, BULK);
  assert(back.every((byte, at) => byte === bytes[at]));
});

onEither("chat", async (connect) => {
  const guests = [];
  for (let nth = 0; nth < 3; nth++) {
    const connection = await connect();
    const read = reader(connection);
    assertEquals(await read("\n"), `welcome, ${nth} here\n`);
    guests.push({ connection, read });
  }
  const [first, second, third] = guests;
  await write(first.connection, "hel");
  await write(first.connection, "lo\nall\n");
  for (const { read } of [second, third]) {
    assertEquals([await read("\n"), await read("\n")], ["hello\n", "all\n"]);
  }
  second.connection.close();
  for (const { read } of [first, third]) assertEquals(await read("\n"), "one has left\n");
  await write(third.connection, "äöü\n");
  assertEquals(await first.read("\n"), "äöü\n");
  first.connection.close();
  third.connection.close();
});

onEither("http", async (connect) => {
  const connection = await connect();
  const read = reader(connection);
  const answer = async () => {
    const head = await read("\r\n\r\n");
    assert(head.startsWith("HTTP/1.1 200 OK\r\n"), head);
    return head;
  };
  await write(connection, "GET /one HTTP/1.1\r\nHost: x\r\n\r\n");
  assert((await answer()).includes("Connection: keep-alive"));
  await read("GET /one ");
  // Two at once, one with a body that comes late.
  await write(connection, "POST /two HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello");
  await write(connection, " worldGET /three HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  await answer();
  await read("POST /two hello world");
  assert((await answer()).includes("Connection: close"));
  await read("GET /three ");
  assertEquals(await connection.read(new Uint8Array(1)), null);
  connection.close();
});
