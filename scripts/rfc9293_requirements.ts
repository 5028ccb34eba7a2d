/**
 * The 119 numbered requirements of RFC 9293 (its Appendix B), in our own short words.
 *
 * Owns: number, whom it concerns, what it asks. Must not know: whether tcplab meets it; that is gathered from the
 * code and the tests by check_rfc.ts. Where the RFC's Table 8 and its text give a requirement different weights
 * (MAY-5, MAY-10, MAY-11, SHLD-25), the text holds.
 */

/**
 * Whom a requirement concerns: S the passive end, A the active end, E any end, U the interface to applications,
 * I services of the IP layer.
 */
type Concern = "S" | "A" | "E" | "U" | "I";

/** One requirement. */
export interface Requirement {
  /** `MUST-10`, `SHLD-3`, `MAY-1`, `REC-1`. */
  readonly id: string;
  readonly group: string;
  readonly concerns: readonly Concern[];
  /** Whether it can be checked from the wire. */
  readonly onWire: boolean;
  readonly text: string;
  /** Folder of a layer that has a part of its own in it: without a label there it is met in part only. */
  readonly alsoIn?: string;
}

/** Id; letters of whom it concerns, with W for the wire; text; and the other layer that has a part in it, if any. */
type Row = readonly [id: string, letters: string, text: string, alsoIn?: string];

const GROUPS: readonly (readonly [group: string, rows: readonly Row[]])[] = [
  ["Push", [
    ["MAY-16", "E", "Data sent without PUSH may be collected into larger segments"],
    ["SHLD-27", "EW", "Successive PSH flags are merged when data is packed into segments"],
    ["MAY-15", "U", "SEND may offer a PUSH flag"],
    ["MUST-60", "EW", "Without a PUSH flag in SEND, data is not held back for ever"],
    ["MUST-61", "EW", "Without a PUSH flag in SEND, the last queued segment carries PSH"],
    ["MAY-17", "U", "A received PSH may be made known to the application"],
    ["SHLD-28", "EW", "Segments are of the maximum size where that is possible"],
  ]],
  ["Window", [
    ["MUST-1", "EW", "The window field is an unsigned number"],
    ["REC-1", "E", "Windows are kept as 32-bit numbers in the connection's record"],
    ["SHLD-14", "EW", "The right edge of the own window is never moved left"],
    ["SHLD-15", "EW", "When the peer moved its edge left, no new data is sent beyond it"],
    ["SHLD-16", "EW", "Old data inside the shrunken window is retransmitted as usual"],
    ["SHLD-17", "EW", "The connection does not time out for data beyond the shrunken edge"],
    ["MUST-34", "EW", "A shrinking window is survived, also when the usable window turns negative"],
    ["MUST-35", "EW", "A window that shrank to zero is probed like any other zero window"],
    ["MUST-36", "EW", "Zero windows are probed"],
    ["SHLD-29", "EW", "The first probe waits for one retransmission timeout"],
    ["SHLD-30", "EW", "The interval between probes grows exponentially"],
    ["MUST-37", "EW", "While the peer acknowledges probes the connection stays open"],
    ["MAY-8", "E", "The own window may stay closed as long as the application likes"],
    ["MAY-7", "E", "Data beyond SND.UNA+SND.WND may be retransmitted"],
    ["MUST-66", "EW", "RST and URG of acceptable segments count even while the own window is zero"],
  ]],
  ["Urgent data", [
    ["MUST-30", "E", "Urgent data is supported"],
    ["MUST-62", "EW", "The urgent pointer names the octet that follows the urgent data"],
    ["MUST-31", "EW", "Urgent data may be of any length"],
    ["MUST-32", "U", "The application is told without asking when urgent data is announced or extended"],
    ["MUST-33", "U", "The application can learn how much urgent data is left to read"],
    ["SHLD-13", "U", "New applications do not use urgent data"],
  ]],
  ["Options", [
    ["MUST-4", "EW", "End-of-list, no-operation and maximum segment size are supported"],
    ["MUST-5", "EW", "Options are accepted in any segment"],
    ["MUST-6", "EW", "Unknown options are skipped"],
    ["MUST-68", "EW", "Every option but end-of-list and no-operation has a length field"],
    ["MUST-7", "EW", "An impossible option length, zero for one, does no harm"],
    ["MUST-64", "EW", "Options are read at any alignment"],
    ["MUST-14", "EW", "The maximum segment size is sent and understood"],
    ["SHLD-5", "EW", "It is sent in a SYN when it differs from 536 (IPv4) or 1220 (IPv6)"],
    ["MAY-3", "E", "It may be sent always"],
    ["MUST-15", "EW", "Without the option the peer takes 536 (IPv4) or 1220 (IPv6) bytes"],
    ["MUST-16", "EW", "What is sent fits the peer's limit, the path's, and the room that options take"],
    [
      "SHLD-6",
      "E",
      "Where the path limit varies, the value sent is that of the largest packet that can be received",
    ],
    ["MUST-65", "EW", "The option stands in SYN segments only"],
    ["MUST-67", "EW", "The value sent does not exceed the largest packet that can be received, less 20"],
    ["MUST-69", "EW", "After end-of-list the header is filled with zeros"],
  ]],
  ["Checksum", [
    ["MUST-2", "EW", "The sender computes it"],
    ["MUST-3", "EW", "The receiver checks it"],
  ]],
  ["Initial sequence number", [
    ["MUST-8", "EW", "It follows a clock that ticks about every 4 us"],
    ["SHLD-1", "EW", "It is that clock plus a secret function of addresses and ports"],
    ["MUST-9", "EW", "Nobody outside can compute that function"],
  ]],
  ["Opening", [
    ["MUST-10", "AW", "Both ends may open at once"],
    ["MUST-11", "SW", "SYN-RECEIVED remembers whether it came from a passive or an active open"],
    ["MUST-41", "SU", "A passive open does not disturb connections that exist"],
    ["MUST-42", "SW", "A port can be listened on while connections of it are being opened"],
    [
      "MUST-44",
      "A",
      "The source address of an active open is the IP layer's choice where the caller names none",
    ],
    ["MUST-45", "EW", "A connection keeps its local address"],
    ["MUST-46", "AU", "An active open to a broadcast or multicast address is refused"],
    ["MUST-57", "SW", "A SYN to a broadcast or multicast address is dropped silently"],
    ["MUST-63", "SW", "A SYN from an impossible source address is ignored"],
  ]],
  ["Closing", [
    ["SHLD-2", "EW", "An RST that carries data is accepted"],
    ["MUST-12", "U", "The application can tell a normal close from an abort"],
    ["MAY-1", "E", "CLOSE may also end reading"],
    ["SHLD-3", "EW", "Then an RST tells the peer of data that was left unread, or that still comes"],
    ["MUST-13", "EW", "The end that closed first stays in TIME-WAIT for twice the segment lifetime"],
    ["MAY-2", "SW", "A new SYN may reopen a connection in TIME-WAIT"],
    ["SHLD-4", "SW", "Timestamps shorten TIME-WAIT (RFC 6191)"],
  ]],
  ["Retransmission", [
    ["MUST-19", "EW", "Slow start, congestion avoidance and exponential backoff (RFC 5681)"],
    ["MAY-4", "E", "A retransmission may carry the same IP identification"],
    ["MUST-18", "EW", "The timeout follows RFC 6298, with Karn's rule"],
  ]],
  ["Acknowledgements", [
    ["MUST-58", "EW", "Several segments share one acknowledgement where that is possible"],
    [
      "SHLD-31",
      "EW",
      "Segments out of order are kept (where copies differ, the first counts, octet by octet)",
    ],
    ["MUST-59", "EW", "All segments that wait are processed before an acknowledgement is sent"],
    ["MAY-13", "EW", "A segment out of order may be acknowledged at once"],
    ["SHLD-18", "EW", "Acknowledgements are delayed"],
    ["MUST-40", "EW", "The delay is below half a second"],
    ["SHLD-19", "EW", "At least every second full segment is acknowledged"],
    ["MUST-39", "EW", "The receiver avoids silly windows"],
  ]],
  ["Sending", [
    ["MUST-49", "EW", "The time to live can be configured"],
    ["MUST-38", "EW", "The sender avoids silly windows"],
    ["SHLD-7", "EW", "Nagle's algorithm collects small segments"],
    ["MUST-17", "UW", "The application can switch that off for a connection"],
  ]],
  ["Connection failures", [
    ["MUST-20", "EW", "At threshold R1 the IP layer is advised, at R2 the connection is closed", "src/host/"],
    ["MUST-21", "U", "The application sets R2"],
    ["SHLD-9", "U", "The application is told between R1 and R2"],
    ["SHLD-10", "EW", "R1 is at least 3 retransmissions"],
    ["SHLD-11", "EW", "R2 is at least 100 s"],
    ["MUST-22", "SAW", "SYN segments are handled in the same way"],
    ["MUST-23", "A", "For a SYN, R2 is at least 3 minutes"],
  ]],
  ["Keep-alive", [
    ["MAY-5", "E", "Keep-alives may be offered"],
    ["MUST-24", "U", "The application switches them for a connection"],
    ["MUST-25", "EW", "They are off unless asked for"],
    ["MUST-26", "EW", "They are sent only while nothing is in flight and nothing came for an interval"],
    ["MUST-27", "U", "The interval can be configured"],
    ["MUST-28", "E", "It is at least 2 hours unless configured"],
    ["MUST-29", "EW", "One probe without an answer does not end the connection"],
    ["SHLD-12", "EW", "A probe carries no data"],
    ["MAY-6", "E", "It may carry one octet of garbage"],
  ]],
  ["IP options", [
    ["MUST-50", "EW", "Options that are not understood are ignored"],
    ["MAY-10", "I", "The timestamp option may be supported"],
    ["MAY-11", "I", "The record-route option may be supported"],
    ["MUST-51", "AI", "An active open may name a source route"],
    ["MUST-52", "AI", "It goes before a route that is received"],
    ["MUST-53", "SIW", "A passive end keeps the route of a received segment and answers along it"],
    ["SHLD-24", "SIW", "A later route replaces it"],
  ]],
  ["ICMP", [
    ["MUST-54", "EW", "ICMP errors act on the connection that they quote"],
    ["SHLD-25", "U", "Soft errors are made known to the application"],
    ["MUST-56", "EW", "Soft errors do not abort"],
    ["SHLD-26", "EW", "Hard errors abort"],
    ["MUST-55", "EW", "Source quench is dropped silently"],
  ]],
  ["Application interface", [
    ["MUST-47", "U", "Soft errors have a way to the application"],
    ["SHLD-20", "U", "The application can decline to hear of them"],
    ["MUST-48", "UW", "The application sets the differentiated-services field"],
    ["SHLD-22", "EW", "The field reaches the IP layer unchanged"],
    ["SHLD-21", "UW", "It can be changed while the connection lives"],
    ["SHLD-23", "U", "Applications do not change it without need"],
    ["MAY-9", "U", "The received field may be made known to the application"],
    ["MAY-14", "U", "FLUSH may be offered"],
    ["MUST-43", "US", "A passive open may name one of several local addresses"],
  ]],
  ["Security, ECN, congestion control", [
    ["MAY-12", "EW", "The acknowledgement check of RFC 5961 section 5 may be applied"],
    ["SHLD-8", "EW", "Explicit congestion notification (RFC 3168)"],
    ["MAY-18", "E", "Other standard congestion control may take the place of RFC 5681's"],
  ]],
];

function requirement(group: string, [id, letters, text, alsoIn]: Row): Requirement {
  const concerns = (["S", "A", "E", "U", "I"] as const).filter((letter) => letters.includes(letter));
  const base = { id, group, concerns, onWire: letters.includes("W"), text };
  return alsoIn === undefined ? base : { ...base, alsoIn };
}

/** All requirements, by group, in the order of Appendix B as far as that makes sense to a reader. */
export const REQUIREMENTS: readonly Requirement[] = GROUPS.flatMap(([group, rows]) =>
  rows.map((row) => requirement(group, row))
);
