/**
 * How a connection ended, in one word.
 *
 * Owns: the words. Must not know: findings.
 */
import type { ConnectionStory } from "./connection_story.ts";
import { END_NAMES, type EndName } from "./story_segment.ts";

/** The words of `explain --json`. */
export type Outcome = "closed" | "reset" | "refused" | "unanswered" | "half-open" | "open" | "midstream";

/** A RST came to it, and nothing shows that it has not taken that. */
function hasTaken(story: ConnectionStory, end: EndName): boolean {
  const state = story.stateOf(end);
  return story.factsOf(end).peerReset !== null &&
    (state === null || state === "CLOSED" || state === "LISTEN");
}

/**
 * `closed`: both FINs were seen; `reset`: one end gave it up before that; `refused`: a RST was the answer to the SYN;
 * `unanswered`: nothing was; `half-open`: the SYN was answered, and that is all; `open`: it goes on; `midstream`: it goes
 * on, and its beginning was not seen.
 */
export function outcomeOf(story: ConnectionStory): Outcome {
  const [client, server] = END_NAMES.map((name) => story.factsOf(name));
  if (client.reset?.isRefusal || server.reset?.isRefusal) return "refused";
  if (client.fin !== null && server.fin !== null) return "closed";
  const isOpened = client.opened !== null || server.opened !== null;
  // What answers a call is a SYN, with an ACK or without; where the way back was not captured, what is said afterwards tells.
  const isAnswered = isOpened || server.synAck !== null || server.syn !== null;
  // Who answers with something else speaks of an older connection, and it is that one which a RST of the caller ends.
  const isOfOther = !isAnswered && server.first !== null;
  const isReset = client.reset !== null || server.reset !== null || hasTaken(story, "client") ||
    !isOfOther && hasTaken(story, "server");
  if (!isAnswered && client.syn !== null) return isReset ? "reset" : "unanswered";
  if (isReset) return "reset";
  if (story.isMidstream) return "midstream";
  return isOpened ? "open" : "half-open";
}
