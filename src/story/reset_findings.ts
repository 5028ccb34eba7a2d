/**
 * Findings about RSTs: who sent one, when, and whether it is who it says.
 *
 * Owns: these findings. Must not know: how they are shown.
 */
import { capital, endText, type Finder, type Finding, type Looked } from "./finding.ts";
import { secondsText } from "./mark_finder.ts";
import { END_NAMES, otherEnd } from "./story_segment.ts";

/** Local choice: two ways between the same hosts may differ by so many routers. */
const MOST_ROUTE_HOPS = 2;
/** Local choice: a firewall, a NAT or a load balancer forgets after a minute at the least. */
const IDLE_SECONDS = 60;

/** All findings of this file. */
export function resetFindings(looked: Looked): Finding[] {
  return [resets, forgedResets].flatMap((find) => find(looked) ?? []);
}

/** A RST, by who sent it and when. */
const resets: Finder = ({ story }) =>
  END_NAMES.flatMap((end): Finding[] => {
    const facts = story.factsOf(end);
    const other = story.factsOf(otherEnd(end));
    const { reset } = facts;
    if (reset === null || reset.isRefusal) return [];
    const who = capital(endText(story, end));
    const found = { frames: [reset.number], rfc: "RFC 9293 §3.10.5" };
    if (facts.opened === null && facts.openable !== null && facts.synAck === null) {
      return [{
        ...found,
        kind: "reset-handshake",
        confidence: "likely",
        text:
          `${who} answered the SYN, ACK with RST: it has no such connection any more, or only wanted to know ` +
          `whether the port is open (a SYN scan).`,
      }];
    }
    if (story.isMidstream && facts.first?.number === reset.number) {
      return [{
        ...found,
        kind: "reset-no-connection",
        confidence: "likely",
        text:
          `The RST is the first that was seen of ${
            endText(story, end)
          }: it knows of no such connection (a scan, a ` +
          `restart), or it gave one up that began before the capture.`,
        rfc: "RFC 9293 §3.5.2",
      }];
    }
    const hasClosed = facts.fin !== null && facts.fin.number < reset.number;
    if (hasClosed && other.fin !== null && other.fin.number < reset.number) {
      return [{
        ...found,
        kind: "reset-after-close",
        confidence: "likely",
        text: `${who} sent RST after both ends had closed: nothing is lost.`,
      }];
    }
    if (hasClosed && facts.fin !== null) {
      return [{
        ...found,
        kind: "reset-data-after-close",
        frames: [facts.fin.number, reset.number],
        confidence: "likely",
        text:
          `${who} had closed and sent RST when something still came: it does not read any more, what came is lost.`,
        rfc: "RFC 1122 §4.2.2.13, RFC 2525 §2.17",
      }];
    }
    const idle = reset.time - (story.notes.lastBeforeReset ?? reset.time);
    if (idle >= IDLE_SECONDS) {
      return [{
        ...found,
        kind: "reset-idle",
        confidence: "likely",
        text:
          `RST of ${endText(story, end)} after ${
            secondsText(idle)
          } of silence: a timer for idle connections, its own ` +
          `or one of a device on the way.`,
        rfc: "RFC 5382 §5",
      }];
    }
    const { ttl } = story.shadowOf(end);
    if (ttl !== null && reset.ttl !== null && Math.abs(ttl - reset.ttl) > MOST_ROUTE_HOPS) {
      return [{
        ...found,
        kind: "reset-elsewhere",
        confidence: "likely",
        text:
          `The RST in the name of ${
            endText(story, end)
          } came with TTL ${reset.ttl}, its first segment with ${ttl}: ` +
          `a device on the way has sent it.`,
        rfc: "RFC 3360 §1",
      }];
    }
    return [{
      ...found,
      kind: "reset-abort",
      confidence: "certain",
      text:
        `${who} gave the connection up with RST, without FIN: an abort, a process that was killed, or a close with ` +
        `data unread.`,
      rfc: "RFC 9293 §3.10.5, RFC 2525 §2.17",
    }];
  });

const forgedResets: Finder = ({ story }) =>
  END_NAMES.flatMap((end) => {
    const { forgedReset } = story.factsOf(end);
    if (forgedReset === null) return [];
    return [{
      kind: "reset-forged",
      frames: [forgedReset.reset.number, forgedReset.by.number],
      confidence: "likely",
      text: `The RST in the name of ${
        endText(story, end)
      } is not its own: it went on sending. Somebody on the way has forged it, or it is of an older connection.`,
      rfc: "RFC 5961 §3",
    }];
  });
