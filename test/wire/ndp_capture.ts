/**
 * What a capture of fixtures/ndp_capture.sh must hold: each message that the codec knows, and complaints.
 *
 * Owns: these demands. Must not know: where the capture comes from.
 */
import { assert, assertEquals } from "@std/assert";
import { ICMPV6_TYPE } from "../../src/wire/icmpv6.ts";
import { describe } from "./frame_fields.ts";

/** Errors by type and code that the script provokes. */
const ERRORS = ["1.0", "1.1", "1.3", "1.4", "2.0", "3.0", "3.1", "4.0", "4.1", "4.2", "4.3"];

/** Demands that all types and codes are there, and of several messages their variants. */
export function assertSaysAll(frames: readonly Uint8Array[]): void {
  const said = frames.map(describe);
  const types = new Set(said.map((fields) => Number(fields["icmpv6.type"]?.[0])));
  for (const [name, type] of Object.entries(ICMPV6_TYPE)) assert(types.has(type), `no ${name}`);
  const codes = new Set(said.map((fields) => `${fields["icmpv6.type"]?.[0]}.${fields["icmpv6.code"]?.[0]}`));
  for (const code of ERRORS) assert(codes.has(code), `no error ${code}`);
  const has = (field: string, test: (values: readonly string[]) => boolean = () => true) =>
    assert(said.some((fields) => fields[field] !== undefined && test(fields[field])), field);
  has("icmpv6.opt.nonce");
  has("icmpv6.mldr.mar.source_address");
  has("icmpv6.mld.source_address", ({ length }) => length === 2);
  has("icmpv6.mld.maximum_response_delay", ([delay]) => delay !== "0");
  has("icmpv6.opt.prefix", ({ length }) => length === 2);
  has("icmpv6.nd.na.flag.s", ([flag]) => flag === "0");
  has("icmpv6.nd.na.flag.s", ([flag]) => flag === "1");
  has("ipv6.fraghdr.offset", ([offset]) => Number(offset) > 0);
}

/** For each packet that we refuse with a complaint, the next frame is Linux's, with the same code and pointer. */
export function assertLinuxAgrees(frames: readonly Uint8Array[]): void {
  const said = frames.map(describe);
  let complaints = 0;
  said.forEach((fields, i) => {
    const refused = fields["refused?"];
    if (refused === undefined) return;
    const answer = said[i + 1];
    if (refused[0] === "-1") {
      assert(answer["icmpv6.type"]?.[0] !== "4", `frame ${i + 1} is refused in silence`);
      return;
    }
    complaints++;
    const linux = ["icmpv6.type", "icmpv6.code", "icmpv6.pointer"].map((field) => answer[field]?.[0]);
    assertEquals(linux, ["4", ...refused], `frame ${i + 1}`);
  });
  assert(complaints >= 6, `${complaints} complaints`);
}
