/**
 * Two stacks in memory by the machine's own clock, since Node's servers know no other: one listens, the other connects.
 *
 * Owns: the stacks. Must not know: what runs on them.
 */
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { memoryPair } from "../../src/link/memory_link.ts";
import type { Connection } from "../../src/runtime/connection.ts";
import { createStack } from "../../src/runtime/create_stack.ts";
import type { Stack } from "../../src/runtime/stack.ts";
import { type ConnectionDuplex, toDuplex, type ToDuplexOptions } from "../../node.ts";

const ADDRESS = "10.0.0.1";

/** See the head of this file. */
export class NodeStacks implements AsyncDisposable {
  readonly server: Stack;
  readonly client: Stack;

  constructor() {
    const [a, b] = memoryPair();
    this.server = createStack({ link: a, addresses: `${ADDRESS}/24`, announce: false });
    this.client = createStack({ link: b, addresses: "10.0.0.2/24", announce: false });
  }

  /** Gives each connection to a port to `take`, as a socket. */
  listen(port: number, take: (socket: ConnectionDuplex) => void, options?: ToDuplexOptions): void {
    const listener = this.server.listen({ port });
    void (async () => {
      for await (const connection of listener) take(toDuplex(connection, options));
    })().catch(() => {});
  }

  connect(port: number): Promise<Connection> {
    return this.client.connect({ hostname: ADDRESS, port });
  }

  /** Both ends of one connection, the server's as a socket. */
  async pair(options?: ToDuplexOptions): Promise<{ socket: ConnectionDuplex; peer: Connection }> {
    const listener = this.server.listen({ port: 9 });
    const [connection, peer] = await Promise.all([listener.accept(), this.connect(9)]);
    listener.close();
    return { socket: toDuplex(connection, options), peer };
  }

  /** Sends octets on a connection of their own; gives what comes until the end. */
  async ask(port: number, text: string): Promise<string> {
    const connection = await this.connect(port);
    await connection.write(new TextEncoder().encode(text));
    const answer = await new Response(connection.readable).text();
    connection.close();
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.close();
    this.client.close();
    await Promise.allSettled([this.server.done, this.client.done]);
  }
}

/** The arguments of the next event of a name. */
export function once(from: Duplex, event: string): Promise<unknown[]> {
  return new Promise((resolve) => from.once(event, (...args: unknown[]) => resolve(args)));
}

/** All that a socket reads until its end. */
export async function textOf(socket: Duplex): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of socket) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}
