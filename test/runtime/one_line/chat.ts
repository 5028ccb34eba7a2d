/** A chat of lines as one writes it for Deno: what one says, all others hear. */
const listen = Deno.listen;

/** Serves until the listener is closed. */
export function serve(options: { hostname: string; port: number }): Deno.TcpListener {
  const listener = listen(options);
  const guests = new Map<string, Deno.Conn>();
  (async () => {
    for await (const connection of listener) guest(connection, guests).catch(() => {});
  })();
  return listener;
}

async function guest(connection: Deno.Conn, guests: Map<string, Deno.Conn>): Promise<void> {
  const name = JSON.stringify(connection.remoteAddr);
  await say(connection, `welcome, ${guests.size} here`);
  guests.set(name, connection);
  try {
    const lines = connection.readable.pipeThrough(new TextDecoderStream());
    let rest = "";
    for await (const text of lines) {
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) {
        for (const [other, to] of guests) {
          if (other !== name) await say(to, line).catch(() => guests.delete(other));
        }
      }
    }
  } finally {
    guests.delete(name);
    for (const to of guests.values()) await say(to, "one has left").catch(() => {});
  }
}

async function say(to: Deno.Conn, line: string): Promise<void> {
  const bytes = new TextEncoder().encode(`${line}\n`);
  for (let sent = 0; sent < bytes.length;) sent += await to.write(bytes.subarray(sent));
}
