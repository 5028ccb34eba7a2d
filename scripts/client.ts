/**
 * The lab's client as a script of its own, for a machine with Deno and no binary: `deno task client HOST PORT`.
 *
 * Owns: nothing but the exit status; the client itself is in src/cli/kernel_client.ts.
 */
import { runKernelClient } from "../src/cli/kernel_client.ts";

if (import.meta.main) Deno.exit(await runKernelClient(Deno.args));
