/** An echo server as one writes it for Deno. */
const listen = Deno.listen;

/** Serves until the listener is closed. */
export function serve(options: { hostname: string; port: number }): Deno.TcpListener {
  const listener = listen(options);
  (async () => {
    for await (const connection of listener) connection.readable.pipeTo(connection.writable).catch(() => {});
  })();
  return listener;
}
