/**
 * Whether a machine was held up while something was recorded: what was late is sent again by whoever waited for it.
 *
 * Owns: counting that, in a file. Must not know: what a test does about it.
 *
 * Nothing is lost in a lab, and yet Linux sends a SYN again after a second, and text or a FIN after 0.2 s: a test that demands certain
 * segments and no others makes its recording again then, a few times. Who sends again without need does so each time.
 */
import { assertEquals } from "@std/assert";
import { selfCommand } from "../../src/cli/self_command.ts";
import type { Explained } from "../../src/story/explain_json.ts";

/** Local choice: where one recording of three suffers, which is a machine with ten programs for each core, one test of 240 fails. */
const MOST_TIMES = 5;

/** Segments in a capture file that were sent once more, of both ends of all connections. */
async function sentAgain(path: string): Promise<number> {
  const [program, ...args] = [...selfCommand(), "explain", path, "--json"];
  const { code, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  const text = new TextDecoder();
  assertEquals(code, 0, text.decode(stderr));
  const { connections }: Explained = JSON.parse(text.decode(stdout));
  return connections.reduce(
    (sum, { ends }) => sum + ends.client.retransmissions + ends.server.retransmissions,
    0,
  );
}

/** Records until nothing was sent again, or for the last time; gives what came of the last. */
export async function undisturbed<Result>(path: string, record: () => Promise<Result>): Promise<Result> {
  for (let times = 1;; times++) {
    const result = await record();
    if (times === MOST_TIMES || await sentAgain(path) === 0) return result;
  }
}
