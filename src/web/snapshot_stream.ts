/**
 * A server's snapshot as JSON, a piece at a time.
 *
 * Owns: that a hundred thousand connections are told without a pause in which no frame is taken. Must not know: HTTP.
 */
import { connectionSnapshots, headingOf, type ServerSpeaker } from "../observe/server_answers.ts";
import { TRANSITIONS } from "../tcp/transitions.ts";

/** Local choice: as for netstat's answers: not felt by a person, nor by a peer. */
const TURN_MS = 2;
/** Local choice: some network buffers. */
const TURN_LETTERS = 0x10000;

/** The pieces: `{"servers":[{..., "connections":[...]}],"table":[...]}`. */
export function snapshotStream(speaker: ServerSpeaker): ReadableStream<Uint8Array<ArrayBuffer>> {
  const pieces = snapshotPieces(speaker);
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      // The server has its turn before each of ours.
      await new Promise((resolve) => setTimeout(resolve, 0));
      const endMs = performance.now() + TURN_MS;
      let text = "";
      do {
        const { done, value } = pieces.next();
        if (done === true) {
          if (text !== "") controller.enqueue(encoder.encode(text));
          controller.close();
          return;
        }
        text += value;
      } while (text.length < TURN_LETTERS && performance.now() < endMs);
      controller.enqueue(encoder.encode(text));
    },
    cancel() {
      pieces.return();
    },
  });
}

function* snapshotPieces(speaker: ServerSpeaker): Generator<string, void, void> {
  const heading = JSON.stringify(headingOf(speaker));
  yield `{"servers":[${heading.slice(0, -1)},"connections":[`;
  let separator = "";
  for (const connection of connectionSnapshots(speaker, speaker.host.connectionCount)) {
    yield separator + JSON.stringify(connection);
    separator = ",";
  }
  yield `]}],"table":${JSON.stringify(TRANSITIONS)}}`;
}
