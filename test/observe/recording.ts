/** A recorder, and the frames and events that the tests of it give it. Owns no expectation. */
import { PcapngRecorder } from "../../src/observe/pcapng_recorder.ts";
import type { RetransmitEvent } from "../../src/tcp/events.ts";
import { readPackets } from "./capture_reading.ts";
import { SAMPLE_CONNECTION, SAMPLE_TIME, sampleClose, sampleTransition } from "./sample_events.ts";
import { CLIENT, SERVER, tcpFrame } from "./sample_frames.ts";

/** A recorder with a clock that goes on by a microsecond at each look, and what it has written. */
export function recording(options: Partial<ConstructorParameters<typeof PcapngRecorder>[0]> = {}) {
  const bytes: number[] = [];
  const errors: unknown[] = [];
  const clock = { nowUs: 1_700_000_000_000_000 };
  const recorder = new PcapngRecorder({
    write: (chunk) => {
      for (const byte of chunk) bytes.push(byte);
      return chunk.length;
    },
    onError: (error) => errors.push(error),
    nowEpochUs: () => clock.nowUs++,
    device: "veth0",
    application: "tcplab test",
    ...options,
  });
  /** Direction, flags byte, comments of each packet so far. */
  const packets = () => {
    recorder.flush();
    return readPackets(Uint8Array.from(bytes)).map((
      { direction, frame, comments },
    ) => [direction, frame[47], comments]);
  };
  return { recorder, packets, errors, clock, file: () => Uint8Array.from(bytes) };
}

export const SYN = tcpFrame(CLIENT, SERVER, { flags: ["SYN"] });
export const SYN_ACK = tcpFrame(SERVER, CLIENT, { flags: ["SYN", "ACK"], seq: 5000 });
export const FIN = tcpFrame(CLIENT, SERVER, { flags: ["FIN", "ACK"], seq: 1001 });
export const ACK_OUT = tcpFrame(SERVER, CLIENT, { flags: ["ACK"], seq: 5001 });
export const ACK_IN = tcpFrame(CLIENT, SERVER, { flags: ["ACK"], seq: 1001 });
export const FIN_OUT = tcpFrame(SERVER, CLIENT, { flags: ["FIN", "PSH", "ACK"], seq: 5001, payloadBytes: 3 });

export const OPENING = "LISTEN -> SYN_RCVD (recv SYN, send SYN,ACK) arrives.listen.syn RFC 9293 §3.10.7.2";
export const CLOSE = sampleClose({ segment: 7 });
export const CLOSING = "CLOSE_WAIT -> LAST_ACK (user, send FIN,ACK) user.close RFC 9293 §3.10.4";
export const EXPIRY = sampleTransition({
  from: "TIME_WAIT",
  to: "CLOSED",
  recv: null,
  send: null,
  cause: "deadline",
  rule: "time-wait.timeout",
  rfc: "RFC 9293 §3.10.8",
});
export const EXPIRED = "TIME_WAIT -> CLOSED (deadline) time-wait.timeout RFC 9293 §3.10.8";

/** A retransmission of a FIN, but for `changes`. */
export function repeats(changes: Partial<RetransmitEvent>): RetransmitEvent {
  return {
    event: "retransmit",
    time: SAMPLE_TIME,
    connection: SAMPLE_CONNECTION,
    kind: "fin",
    relSeq: 0,
    seq: 5001,
    length: 0,
    count: 1,
    ...changes,
  };
}
