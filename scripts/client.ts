/**
 * The seed's client as a script of its own: `deno task client HOST PORT` connects, sleeps 5 s, closes.
 *
 * Owns: nothing but the exit status; the client itself is in src/cli/kernel_client.ts.
 */
import { runKernelClient } from "../src/cli/kernel_client.ts";

if (import.meta.main) Deno.exit(await runKernelClient(Deno.args));
