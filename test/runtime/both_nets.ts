/**
 * The same test on the kernel's TCP, through Deno, and on two stacks of ours on a link in memory.
 *
 * Owns: how each of the two listens and connects. Must not know: what a test demands.
 */
import { createStack, memoryPair } from "../../mod.ts";
import { inTime } from "./in_time.ts";

/** What a test may use of either. */
export interface BothNets {
  readonly net: {
    /** Where servers listen. */
    readonly server: string;
    /** `port`: also what the compiler would not let through. */
    listen(options: { hostname?: string | undefined; port?: unknown }): Deno.TcpListener;
    /** To the server's address. */
    connect(options: { port: number; signal?: AbortSignal }): Promise<Deno.TcpConn>;
  };
}

const KERNEL = "127.0.0.1";
const OURS = "10.0.0.1";

/** Runs `body` twice. It waits for real time only where the kernel makes it. */
export function onBoth(name: string, body: (on: BothNets) => void | Promise<void>): void {
  inTime(`${name} [kernel]`, () =>
    body({
      net: {
        server: KERNEL,
        listen: (options) => Reflect.apply(Deno.listen, Deno, [options]),
        connect: (options) => Deno.connect({ ...options, hostname: KERNEL }),
      },
    }));
  inTime(`${name} [ours]`, async () => {
    const [near, far] = memoryPair();
    const server = createStack({ link: near, addresses: `${OURS}/24`, seed: 1 });
    const client = createStack({ link: far, addresses: "10.0.0.2/24", seed: 2 });
    try {
      await body({
        net: {
          server: OURS,
          listen: (options) => Reflect.apply(server.listen, server, [options]),
          connect: (options) => client.connect({ ...options, hostname: OURS }),
        },
      });
    } finally {
      server.close();
      client.close();
      await Promise.all([server.done, client.done]);
    }
  });
}
