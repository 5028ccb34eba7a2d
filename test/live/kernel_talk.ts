/**
 * A line there and back by the kernel's TCP: the client closes when it has it, however long that takes.
 *
 * Owns: the client's process. Must not know: what a test expects of the server.
 */
import { assert, assertEquals } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { kernelClientCommand } from "../../src/cli/self_command.ts";
import { waitFor } from "./wait_for.ts";

/** Sends `text` to an echo server on port 3333, and demands that it comes back and that the end is in order. */
export async function talkByKernel(lab: PrivateLab, address: string, text: string): Promise<void> {
  const words = [...kernelClientCommand(), address, "3333", "--until-input-ends", "--send", text];
  const client = lab.spawn({ side: "client", words, stdin: true });
  await waitFor(() => client.stdout !== "" || client.ended, { what: `${address} sends the line back` });
  assert(!client.ended, client.stderr);
  await client.closeInput();
  const { code, stdout, stderr } = await client.result;
  assertEquals([code, stdout], [0, `${text}\n`], stderr);
}
