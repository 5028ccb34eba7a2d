/** Multicast listener discovery: queries of both versions, reports (RFC 3810 §5, §6.2, §8; RFC 2710 §3). */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { readU16 } from "../../src/wire/bytes.ts";
import { IcmpMessage } from "../../src/wire/icmp.ts";
import { ICMPV6_TYPE, parseIcmpv6 } from "../../src/wire/icmpv6.ts";
import {
  emitListenerReport,
  emitListenerV1,
  LISTENER_RECORD,
  LISTENER_V1_BYTES,
  ListenerQuery,
  listenerQueryFault,
  listenerReportLength,
  parseListenerQuery,
} from "../../src/wire/multicast_listener.ts";
import { ip, messageOf } from "./neighbor_messages.ts";

const QUERY = { source: "fe80::9", destination: "ff02::1", type: 130, hopLimit: 1, routerAlert: true };
const GROUP = [...ip("ff02::1:ff00:2")];
const ALL = new Array(16).fill(0);

/** A query with this second word, group and rest. */
function queryOf(code: number, payload: readonly number[], bent: Partial<typeof QUERY> = {}) {
  const { frame, packet, message } = messageOf({ ...QUERY, ...bent, restOfHeader: code * 0x10000, payload });
  const query = new ListenerQuery();
  return { reason: parseListenerQuery(frame, message, query), query, frame, packet, message };
}

Deno.test("a query of version 1 is 24 bytes long (RFC 3810 §8.1), its delay a number (RFC 2710 §3.4)", () => {
  const { reason, query, message } = queryOf(0xfffe, ALL);
  assertEquals([reason, query.version, query.maxResponseMs], [null, 1, 65_534]);
  assertEquals([query.isGeneral, query.sourceCount, query.groupOffset], [true, 0, message.payloadOffset]);
  assertEquals(queryOf(1, GROUP).query.isGeneral, false);
});

Deno.test("a query of version 2, general, about a group, about sources (RFC 3810 §5.1)", () => {
  const general = queryOf(10_000, [...ALL, 2, 125, 0, 0]);
  assertEquals([general.reason, general.query.version, general.query.maxResponseMs], [null, 2, 10_000]);
  assertEquals([general.query.isGeneral, general.query.suppressesRouters], [true, false]);
  const sources = [...ip("fd00::1"), ...ip("fd00::2")];
  const { reason, query, frame, message } = queryOf(1000, [...GROUP, 0x0a, 125, 0, 2, ...sources]);
  assertEquals([reason, query.isGeneral, query.suppressesRouters, query.sourceCount], [null, false, true, 2]);
  assertEquals(query.sourcesOffset, message.payloadOffset + 20);
  assertEquals([...frame.slice(query.sourcesOffset, query.sourcesOffset + 32)], sources);
  // What lies behind is for versions to come (§5.1.12).
  assertEquals(queryOf(0, [...ALL, 0, 0, 0, 0, 1, 2, 3]).reason, null);
});

Deno.test("the maximum response code (RFC 3810 §5.1.3)", () => {
  const table: [number, number][] = [
    [0, 0],
    [1, 1],
    [0x7fff, 32_767],
    [0x8000, 0x1000 << 3],
    [0x8fff, 0x1fff << 3],
    [0x9000, 0x1000 << 4],
    [0xffff, 0x1fff << 10],
  ];
  for (const [code, milliseconds] of table) {
    assertEquals(queryOf(code, [...ALL, 2, 125, 0, 0]).query.maxResponseMs, milliseconds, `${code}`);
  }
});

Deno.test("a query of any other length, or with fewer sources than it says, is malformed", () => {
  const whole = [...GROUP, 2, 125, 0, 1, ...ip("fd00::1")];
  for (let length = 0; length < whole.length; length++) {
    const expected = length === 16 ? null : "malformed-icmp";
    assertEquals(queryOf(1, whole.slice(0, length)).reason, expected, `${length}`);
  }
  assertEquals(queryOf(1, whole).reason, null);
  assertEquals(queryOf(1, [...GROUP, 2, 125, 0xff, 0xff, ...ip("fd00::1")]).reason, "malformed-icmp");
});

Deno.test("a query is believed from a link-local address, with hop limit 1 and a router alert (RFC 3810 §6.2)", () => {
  const fault = (bent: Partial<typeof QUERY>, payload: readonly number[] = ALL) => {
    const { frame, packet, query } = queryOf(1, payload, bent);
    return listenerQueryFault(frame, packet, query);
  };
  assertEquals(fault({}), null);
  assertEquals(fault({ destination: "fe80::1" }), null);
  assertEquals(fault({}, GROUP), null);
  assertEquals(fault({ source: "fd00::9" }), "bad-neighbor-message");
  assertEquals(fault({ source: "::" }), "bad-neighbor-message");
  assertEquals(fault({ hopLimit: 2 }), "bad-neighbor-message");
  assertEquals(fault({ hopLimit: 255 }), "bad-neighbor-message");
  assertEquals(fault({ routerAlert: false }), "bad-neighbor-message");
  assertEquals(fault({}, [...ip("fe80::1")]), "bad-neighbor-message");
});

Deno.test("a report on the wire, byte by byte (RFC 3810 §5.2)", () => {
  const records = [
    { type: LISTENER_RECORD.TO_EXCLUDE, group: ip("ff02::1:ff00:2") },
    { type: LISTENER_RECORD.ALLOW, group: ip("ff05::2"), sources: [ip("fd00::1")] },
  ];
  const bytes = new Uint8Array(70).fill(0xa5);
  const length = emitListenerReport(bytes, 0, records, 5);
  assertEquals([length, listenerReportLength(records)], [64, 64]);
  assertEquals([bytes[0], bytes[1], ...bytes.subarray(4, 8)], [143, 0, 0, 0, 0, 2]);
  assertEquals([...bytes.subarray(8, 28)], [4, 0, 0, 0, ...ip("ff02::1:ff00:2")]);
  assertEquals([...bytes.subarray(28, 64)], [5, 0, 0, 1, ...ip("ff05::2"), ...ip("fd00::1")]);
  assert(bytes.subarray(64).every((byte) => byte === 0xa5), "wrote beyond the message");
  assertEquals(parseIcmpv6(bytes, 0, length, 5, new IcmpMessage()), null);
});

Deno.test("property: the records of a report stand where their lengths say", () => {
  const address = fc.uint8Array({ minLength: 16, maxLength: 16 });
  const record = fc.record({
    type: fc.integer({ min: 1, max: 6 }),
    group: address,
    sources: fc.array(address, { maxLength: 4 }),
  });
  fc.assert(fc.property(fc.array(record, { maxLength: 20 }), fc.nat(0x1ffff), (records, pseudoSum) => {
    const length = listenerReportLength(records);
    const bytes = new Uint8Array(length + 9).fill(0xa5);
    assertEquals(emitListenerReport(bytes, 3, records, pseudoSum), length);
    const message = new IcmpMessage();
    assertEquals(parseIcmpv6(bytes, 3, length, pseudoSum, message), null);
    assertEquals(message.restOfHeader, records.length);
    let at = message.payloadOffset;
    const read = records.map(() => {
      const sources = Array.from(
        { length: readU16(bytes, at + 2) },
        (_, i) => bytes.slice(at + 20 + i * 16, at + 36 + i * 16),
      );
      const found = { type: bytes[at], group: bytes.slice(at + 4, at + 20), sources };
      at += 20 + sources.length * 16;
      return found;
    });
    assertEquals(read, records);
    assertEquals(at, message.payloadOffset + message.payloadLength);
  }));
});

Deno.test("report and done of version 1 (RFC 2710 §3)", () => {
  for (const type of [ICMPV6_TYPE.LISTENER_REPORT_V1, ICMPV6_TYPE.LISTENER_DONE]) {
    const bytes = new Uint8Array(30).fill(0xa5);
    assertEquals(emitListenerV1(bytes, 0, { type, group: Uint8Array.from(GROUP) }, 9), LISTENER_V1_BYTES);
    assertEquals([bytes[0], bytes[1], ...bytes.subarray(4, 24)], [type, 0, 0, 0, 0, 0, ...GROUP]);
    assert(bytes.subarray(24).every((byte) => byte === 0xa5), "wrote beyond the message");
    assertEquals(parseIcmpv6(bytes, 0, 24, 9, new IcmpMessage()), null);
  }
});
