/** A small HTTP server as one writes it for Deno by hand: GET and POST, Content-Length, connections that are kept alive. */
const listen = Deno.listen;

/** Serves until the listener is closed. */
export function serve(options: { hostname: string; port: number }): Deno.TcpListener {
  const listener = listen(options);
  (async () => {
    for await (const connection of listener) converse(connection).catch(() => connection.close());
  })();
  return listener;
}

async function converse(connection: Deno.Conn): Promise<void> {
  let buffer = new Uint8Array(0);
  const more = async () => {
    const chunk = new Uint8Array(4096);
    const count = await connection.read(chunk);
    if (count === null) return false;
    buffer = new Uint8Array([...buffer, ...chunk.subarray(0, count)]);
    return true;
  };
  for (;;) {
    let end = -1;
    while ((end = new TextDecoder("latin1").decode(buffer).indexOf("\r\n\r\n")) < 0) {
      if (!await more()) return connection.close();
    }
    const [first, ...lines] = new TextDecoder().decode(buffer.subarray(0, end)).split("\r\n");
    const [method, path] = first.split(" ");
    const headers = new Headers();
    for (const line of lines) {
      const colon = line.indexOf(":");
      headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
    }
    buffer = buffer.slice(end + 4);
    const length = Number(headers.get("content-length") ?? 0);
    while (buffer.length < length) if (!await more()) return connection.close();
    const body = new TextDecoder().decode(buffer.subarray(0, length));
    buffer = buffer.slice(length);
    const isKept = headers.get("connection") !== "close";
    const text = `${method} ${path} ${body}`;
    await writeAll(
      connection,
      `HTTP/1.1 200 OK\r\nContent-Length: ${new TextEncoder().encode(text).length}\r\nConnection: ${
        isKept ? "keep-alive" : "close"
      }\r\n\r\n${text}`,
    );
    if (!isKept) return connection.close();
  }
}

async function writeAll(to: Deno.Conn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let sent = 0; sent < bytes.length;) sent += await to.write(bytes.subarray(sent));
}
