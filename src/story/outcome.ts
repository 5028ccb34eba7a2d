/**
 * How a connection ended, in one word.
 *
 * Owns: the words. Must not know: findings.
 */
import type { ConnectionStory } from "./connection_story.ts";
import { END_NAMES } from "./story_segment.ts";

/** The words of `explain --json`. */
export type Outcome = "closed" | "reset" | "refused" | "unanswered" | "half-open" | "open" | "midstream";

/**
 * `closed`: both FINs were seen; `reset`: one end gave it up before that; `refused`: a RST was the answer to the SYN;
 * `unanswered`: nothing was; `half-open`: the SYN was answered, and that is all; `open`: it goes on; `midstream`: it goes
 * on, and its beginning was not seen.
 */
export function outcomeOf(story: ConnectionStory): Outcome {
  const [client, server] = END_NAMES.map((name) => story.factsOf(name));
  if (client.reset?.isRefusal || server.reset?.isRefusal) return "refused";
  if (client.fin !== null && server.fin !== null) return "closed";
  const isReset = (client.reset ?? server.reset ?? client.peerReset ?? server.peerReset) !== null;
  const isAnswered = client.first !== null && server.first !== null;
  if (!isAnswered && client.syn !== null) return isReset ? "reset" : "unanswered";
  if (isReset) return "reset";
  if (story.isMidstream) return "midstream";
  const isOpened = client.opened !== null || server.opened !== null;
  return isOpened ? "open" : "half-open";
}
