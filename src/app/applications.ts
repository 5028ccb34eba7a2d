/**
 * The applications that `serve` offers, by name.
 *
 * Owns: the list. Must not know: ports, options, hosts.
 */
import type { Application, ApplicationName } from "./application.ts";
import { chargen } from "./chargen.ts";
import { close } from "./close.ts";
import { daytime } from "./daytime.ts";
import { discard } from "./discard.ts";
import { echo } from "./echo.ts";
import { hold } from "./hold.ts";
import { http } from "./http.ts";

/** In the order in which help shows them; the first is the default. */
export const APPLICATIONS: readonly Application[] = [echo, discard, chargen, daytime, hold, close];

/** All that can be asked for, those that need more than a connection included. */
export const OFFERED_APPLICATIONS: readonly ApplicationName[] = [...APPLICATIONS, http];

/**
 * The application called `name`, or null.
 *
 * ```ts
 * import { createStack, findApplication, memoryPair } from "@tcplab/tcplab";
 *
 * const echo = findApplication("echo");
 * if (echo === null) throw new Error("no such application");
 * const [link] = memoryPair();
 * using stack = createStack({ link, addresses: "10.0.0.1/24" });
 * stack.host.listen({ port: 7, accept: echo.create({ nowEpochUs: () => Date.now() * 1000 }) });
 * ```
 */
export function findApplication(name: string): Application | null {
  return APPLICATIONS.find((application) => application.name === name) ?? null;
}
