/**
 * Segments that bring no connection forward, from a stranger who knows its ports: what no next hop may be learnt of.
 *
 * Owns: the list. Must not know: families, hardware addresses.
 */
const [FIN, SYN, RST, ACK] = [0x01, 0x02, 0x04, 0x10];

/** From another hardware address, with the right ports; `ackIs` counts from the host's initial sequence number. */
export const NONSENSE = [
  { what: "an ACK of what was never sent", segment: { seq: 1001, ack: 0x70000000, flags: ACK } },
  { what: "data far outside the window", segment: { seq: 0x70000000, flags: ACK }, data: "x" },
  { what: "data behind the window", segment: { seq: 500, flags: ACK }, data: "x" },
  { what: "a bare SYN", segment: { seq: 77, flags: SYN } },
  { what: "a RST that is not exact", segment: { seq: 5000, flags: RST } },
  { what: "a FIN out of order", segment: { seq: 5000, flags: ACK | FIN } },
  { what: "no flag at all", segment: { seq: 1001, flags: 0 } },
  { what: "an ACK that says nothing new", segment: { seq: 1001, flags: ACK }, ackIs: 1 },
  { what: "in-window data that is not next", segment: { seq: 1050, flags: ACK }, data: "x", ackIs: 1 },
];
