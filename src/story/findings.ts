/**
 * Findings: what there is to say about a connection in plain words, each with its frames, its confidence and its clause.
 *
 * Owns: the list, and the findings about how a connection began and ended. Those about what lay between are in
 * transfer_findings.ts, those about RSTs in reset_findings.ts. Must not know: how they are shown.
 */
import type { ConnectionStory } from "./connection_story.ts";
import { capital, endText, type Finder, type Finding } from "./finding.ts";
import { secondsText } from "./mark_finder.ts";
import { outcomeOf } from "./outcome.ts";
import { resetFindings } from "./reset_findings.ts";
import { END_NAMES, otherEnd } from "./story_segment.ts";
import { transferFindings } from "./transfer_findings.ts";

/** All findings, in the order of a connection's life. */
export function findingsOf(story: ConnectionStory): Finding[] {
  const looked = { story };
  return [...OPENING, transferFindings, ...ENDING].flatMap((find) => find(looked) ?? []);
}

const refused: Finder = ({ story }) => {
  const server = story.factsOf("server");
  const client = story.factsOf("client");
  if (server.reset === null || !server.reset.isRefusal || client.syn === null) return null;
  return {
    kind: "refused",
    frames: [client.syn.number, server.reset.number],
    confidence: "certain",
    text:
      `${
        capital(endText(story, "server"))
      } refused: it answered the SYN with RST, so nobody listens on that port, ` +
      `or a firewall says so.`,
    rfc: "RFC 9293 §3.10.7.1",
  };
};

const unanswered: Finder = ({ story }) => {
  if (outcomeOf(story) !== "unanswered") return null;
  const { numbers: frames = [], count = 0 } = story.notes.get("syn") ?? {};
  const answer = story.factsOf("server").first;
  if (answer !== null) {
    return {
      kind: "unanswered",
      frames: [...frames, answer.number],
      confidence: "likely",
      text:
        "What came back was no answer to the SYN: of an older connection on these ports, which the other end still " +
        "has, or forged.",
      rfc: "RFC 9293 §3.5.1, RFC 5961 §4",
    };
  }
  const times = count === 1 ? "The SYN was" : `${count} SYNs were`;
  return {
    kind: "unanswered",
    frames,
    confidence: "likely",
    text: `${times} never answered: the host is not there, or something on the way drops it without a word.`,
    rfc: "RFC 9293 §3.8.3",
  };
};

const synResent: Finder = ({ story }) =>
  END_NAMES.flatMap((end) => {
    const syns = story.notes.syns[end];
    if (syns.length < 2) return [];
    const waits = syns.slice(1).map(({ time }, index) => secondsText(time - syns[index].time)).join(", ");
    return [{
      kind: "syn-resent",
      frames: syns.map(({ number }) => number),
      confidence: "certain",
      text: `${
        capital(endText(story, end))
      } sent its SYN ${syns.length} times; it waited ${waits} in between.`,
      rfc: "RFC 6298 §5.7, RFC 9293 §3.8.3",
    }];
  });

const halfOpen: Finder = ({ story }) => {
  if (outcomeOf(story) !== "half-open") return null;
  const { synAck } = story.factsOf("server");
  return {
    kind: "half-open",
    frames: synAck === null ? [] : [synAck.number],
    confidence: "likely",
    text:
      "The SYN was answered, but the handshake was not finished: the client never acknowledged the SYN, ACK. " +
      "So a scan or a flood looks, and a SYN, ACK that was lost.",
    rfc: "RFC 9293 §3.5",
  };
};

const simultaneousOpen: Finder = ({ story }) => {
  const [client, server] = END_NAMES.map((name) => story.factsOf(name).syn);
  if (client === null || server === null) return null;
  return {
    kind: "simultaneous-open",
    frames: [client.number, server.number],
    confidence: "certain",
    text: "Both ends called each other at the same time; one connection came of it.",
    rfc: "RFC 9293 §3.5",
  };
};

const midstream: Finder = ({ story }) => {
  const { span } = story;
  if (!story.isMidstream || span === null) return null;
  return {
    kind: "midstream",
    frames: [span.first.number],
    confidence: "certain",
    text:
      "The beginning was not captured: no SYN was seen, so window scales are unknown and the states are a guess.",
    rfc: "RFC 9293 §3.3.2",
  };
};

function isWithItself({ endpoints: { client, server } }: ConnectionStory): boolean {
  return client === server;
}

/** A program that binds a port and calls it reaches itself, by a simultaneous open of one end. */
const withItself: Finder = ({ story }) => {
  const { span } = story;
  if (!isWithItself(story) || span === null) return null;
  return {
    kind: "with-itself",
    frames: [span.first.number],
    confidence: "certain",
    text:
      "Both ends are one address and port: a program that has called its own port, or a forged SYN (LAND). Who sent what " +
      "cannot be told; all of it stands with the client.",
    rfc: "RFC 9293 §3.5",
  };
};

/** The answers show themselves in acknowledgments alone. */
const oneDirection: Finder = ({ story }) => {
  if (isWithItself(story)) return null;
  const silent = END_NAMES.find((name) => story.factsOf(name).first === null);
  if (silent === undefined) return null;
  const { opened, first } = story.factsOf(otherEnd(silent));
  const isAnswered = opened !== null || story.shadowOf(otherEnd(silent)).lastAck > 1;
  if (first === null || !isAnswered) return null;
  return {
    kind: "one-direction",
    frames: [first.number],
    confidence: "certain",
    text: `Nothing of ${
      endText(story, silent)
    } was captured, though it has answered: one direction alone. What was lost, and the states of that end, cannot be told.`,
    rfc: "RFC 9293 §3.4",
  };
};

const timeBackwards: Finder = ({ story }) => {
  const note = story.notes.get("time-backwards");
  if (note === null) return null;
  return {
    kind: "time-backwards",
    frames: note.numbers,
    confidence: "certain",
    text:
      "Times go backwards in this capture: a clock was set, or frames were put together from several. How long something " +
      "took, and why something was sent again, is as uncertain as these.",
    rfc: "RFC 9293 §3.4",
  };
};

const portReused: Finder = ({ story }) => {
  const note = story.notes.get("port-reused");
  if (note === null) return null;
  return {
    kind: "port-reused",
    frames: note.numbers,
    confidence: "certain",
    text: "The client used the same port for a new connection.",
    rfc: "RFC 9293 §3.6.1, RFC 6191 §2",
    tshark: "tcp.analysis.reused_ports",
  };
};

const synData: Finder = ({ story }) => {
  const note = story.notes.get("syn-data");
  if (note === null) return null;
  return {
    kind: "syn-data",
    frames: note.numbers,
    confidence: "certain",
    text: "A SYN carried data (Fast Open, or nobody forbids it).",
    rfc: "RFC 7413 §4.2.1, RFC 9293 §3.4",
  };
};

const ecn: Finder = ({ story: { notes } }) => {
  const asked = notes.get("ecn-asked");
  if (asked === null) return null;
  const agreed = notes.get("ecn-agreed");
  const echo = notes.get("ecn-echo");
  const marked = echo === null ? "" : ` Congestion was reported by ${echo.count} segments.`;
  return {
    kind: "ecn",
    frames: [...asked.numbers.slice(0, 1), ...(agreed?.numbers.slice(0, 1) ?? []), ...(echo?.numbers ?? [])],
    confidence: "certain",
    text: agreed === null
      ? "The client asked for ECN and the server did not agree."
      : `Both ends use ECN.${marked}`,
    rfc: "RFC 3168 §6.1.1",
  };
};

const OPENING: readonly Finder[] = [
  portReused,
  midstream,
  withItself,
  oneDirection,
  timeBackwards,
  refused,
  unanswered,
  synResent,
  halfOpen,
  simultaneousOpen,
  synData,
  ecn,
];

const simultaneousClose: Finder = ({ story }) => {
  const isClosing = END_NAMES.every((name) => story.pathOf(name).some(({ state }) => state === "CLOSING"));
  const [client, server] = END_NAMES.map((name) => story.factsOf(name).fin);
  if (!isClosing || client === null || server === null) return null;
  return {
    kind: "simultaneous-close",
    frames: [client.number, server.number],
    confidence: "likely",
    text: "Both ends closed before they heard of each other: both went through CLOSING.",
    rfc: "RFC 9293 §3.6",
  };
};

const finUnanswered: Finder = ({ story }) =>
  END_NAMES.flatMap((end) => {
    const { fin } = story.factsOf(end);
    const other = story.factsOf(otherEnd(end));
    if (
      fin === null || other.fin !== null || other.reset !== null || story.factsOf(end).reset !== null ||
      other.first === null
    ) return [];
    const who = endText(story, otherEnd(end));
    return [{
      kind: "fin-unanswered",
      frames: [fin.number, ...(other.peerFinAcked === null ? [] : [other.peerFinAcked.number])],
      confidence: "likely",
      text: other.peerFinAcked === null
        ? `The FIN of ${endText(story, end)} was never acknowledged in this capture.`
        : `${
          capital(who)
        } acknowledged the FIN and had not closed when the capture ended: it is in CLOSE_WAIT. Where it stays there, ` +
          `its program has forgotten to close.`,
      rfc: "RFC 9293 §3.6",
    }];
  });

const timeWait: Finder = ({ story }) =>
  END_NAMES.flatMap((end) => {
    const step = story.pathOf(end).find(({ state }) => state === "TIME_WAIT");
    if (step === undefined || story.stateOf(end) !== "TIME_WAIT") return [];
    return [{
      kind: "time-wait",
      frames: [step.number],
      confidence: step.grade === "proven" ? "certain" : "likely",
      text:
        `${
          capital(endText(story, end))
        } closed first, so it waits in TIME_WAIT: 60 s on Linux, 2 MSL by the RFC ` +
        `(4 min). CLOSED follows by time, no segment shows it.`,
      rfc: "RFC 9293 §3.6.1",
    }];
  });

const ENDING: readonly Finder[] = [resetFindings, simultaneousClose, finUnanswered, timeWait];
