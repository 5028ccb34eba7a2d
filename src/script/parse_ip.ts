/**
 * What a script says about IP headers: `[ect0]`, `(tos 0x28)`, `[ttl 64, dscp ef]`, and the headers around a packet.
 *
 * Owns: the grammar of both, and the words for code points (RFC 2474 §4.2.2.2, RFC 2597 §6, RFC 3246, RFC 5865, RFC 8622). Must
 * not know: what a packet holds.
 */
import { MOST_U16, MOST_U20, MOST_U8, placeOf, type TokenReader } from "./token_reader.ts";
import type { IpAnnotation, WrappingHeader } from "./values.ts";

/** Nothing is said. */
export const NO_ANNOTATION: IpAnnotation = {
  ecn: null,
  tos: null,
  dscp: null,
  ttl: null,
  flowLabel: null,
  id: null,
  place: null,
};

const ECN_WORDS = ["noecn", "ect0", "ect1", "ect01", "ce"] as const;
type EcnWord = typeof ECN_WORDS[number];

/** RFC 2474 §4.1: six bits. */
const MOST_DSCP = 0x3f;

/** Per-hop behaviors by name: cs RFC 2474, af RFC 2597, ef RFC 3246, voice-admit RFC 5865, le RFC 8622. */
const DSCP_WORDS: ReadonlyMap<string, number> = new Map([
  ...[0, 1, 2, 3, 4, 5, 6, 7].map((n): [string, number] => [`cs${n}`, n << 3]),
  ...[1, 2, 3, 4].flatMap((group) =>
    [1, 2, 3].map((drop): [string, number] => [`af${group}${drop}`, group << 3 | drop << 1])
  ),
  ["ef", 0x2e],
  ["voice-admit", 0x2c],
  ["le", 0x01],
]);

/** What stands behind `gre` (all fields of its header, or nothing) and `mpls` (a stack of labels, RFC 3032 §2.1). */
const GRE =
  /^(?:,? ?flags ?(?:\[[a-z#, ]+\]|\w+) ?,? ?sum \w+ ?,? ?off \w+ ?,? ?key ?=? ?\w+ ?,? ?seq \w+)?$/;
const MPLS = /^(?:\( ?label \d+ ?, ?tc \d+ ?, ?(?:\[S\] ?, ?)?ttl \d+ ?\) ?)*$/;

interface Draft {
  ecn: EcnWord | null;
  tos: number | null;
  dscp: number | null;
  ttl: number | null;
  flowLabel: number | null;
  id: number | null;
}

/** The brackets with what is said about the IP header; {@link NO_ANNOTATION} where there are none. */
export function parseIpAnnotation(reader: TokenReader): IpAnnotation {
  const isRound = reader.isSign("(");
  if (!isRound && !reader.isSign("[")) return NO_ANNOTATION;
  const open = reader.next();
  const close = isRound ? ")" : "]";
  const draft: Draft = { ecn: null, tos: null, dscp: null, ttl: null, flowLabel: null, id: null };
  do parseField(reader, draft); while (reader.take(","));
  if (!reader.isSign(close)) reader.fail(`"," or "${close}"`);
  reader.next();
  return { ...draft, place: placeOf(open) };
}

function parseField(reader: TokenReader, draft: Draft): void {
  const token = reader.peek();
  const word = token.kind === "word" ? token.text : "";
  const ecn = ecnWord(word);
  if (ecn !== null) return setEcn(reader, draft);
  switch (word) {
    case "ecn":
      reader.next();
      return setEcn(reader, draft);
    case "dscp":
      if (draft.dscp !== null || draft.tos !== null) reader.fail("one value for the octet of DSCP and ECN");
      reader.next();
      draft.dscp = parseDscp(reader);
      return;
    case "tos":
    case "class":
      if (draft.dscp !== null || draft.tos !== null || draft.ecn !== null) {
        reader.fail("one value for the octet of DSCP and ECN");
      }
      reader.next();
      draft.tos = reader.hex({ what: `a ${word}`, most: MOST_U8 });
      return;
    case "ttl":
    case "hlim":
      reader.next();
      draft.ttl = reader.integer({ what: `a ${word}`, most: MOST_U8 });
      return;
    case "flowlabel":
      reader.next();
      draft.flowLabel = reader.hex({ what: "a flow label", most: MOST_U20 });
      return;
    case "id":
      reader.next();
      draft.id = reader.integer({ what: "an id", most: MOST_U16 });
      return;
  }
  reader.fail("ect0, ect1, ect01, ce, noecn, tos, class, dscp, ecn, ttl, hlim, id or flowlabel");
}

function ecnWord(word: string): EcnWord | null {
  return ECN_WORDS.find((known) => known === word) ?? null;
}

function setEcn(reader: TokenReader, draft: Draft): void {
  if (draft.ecn !== null || draft.tos !== null) reader.fail("one value for the bits of ECN");
  const token = reader.peek();
  const ecn = token.kind === "word" ? ecnWord(token.text) : null;
  if (ecn === null) reader.fail("ect0, ect1, ect01, ce or noecn");
  reader.next();
  draft.ecn = ecn;
}

function parseDscp(reader: TokenReader): number {
  if (reader.isKind("hex")) return reader.hex({ what: "a DSCP", most: MOST_DSCP });
  const token = reader.peek();
  const known = token.kind === "word" ? DSCP_WORDS.get(token.text) : undefined;
  if (known === undefined) {
    reader.fail("a DSCP: a number like 0x28, or cs0 to cs7, af11 to af43, ef, voice-admit, le");
  }
  reader.next();
  return known;
}

/** The headers around a packet, the outermost first: `ipv4 a > b:`, `ipv6 a > b:`, `gre ...:`, `mpls ...:`. */
export function parseWrapping(reader: TokenReader): WrappingHeader[] {
  const headers: WrappingHeader[] = [];
  for (;;) {
    const token = reader.peek();
    const place = placeOf(token);
    const name = token.kind === "word" ? token.text : "";
    if (name === "ipv4" || name === "ipv6") {
      reader.next();
      headers.push(parseIpHeader(reader, { place, name }));
    } else if (name === "gre" || name === "GREv0" || name === "mpls") {
      reader.next();
      const text = reader.wordsUntil(":");
      if (!(name === "mpls" ? MPLS : GRE).test(text)) reader.fail(`the fields of ${name}`, token);
      reader.next();
      headers.push({ place, name, ip: NO_ANNOTATION, addresses: null, text });
    } else {
      return headers;
    }
  }
}

function parseIpHeader(
  reader: TokenReader,
  { place, name }: Pick<WrappingHeader, "place"> & { name: "ipv4" | "ipv6" },
): WrappingHeader {
  const ip = parseIpAnnotation(reader);
  const source = parseAddress(reader, name);
  reader.expect(">");
  const destination = parseAddress(reader, name);
  reader.expect(":");
  return { place, name, ip, addresses: { source, destination }, text: "" };
}

function parseAddress(reader: TokenReader, family: "ipv4" | "ipv6"): string {
  if (!reader.isKind(family)) reader.fail(`an ${family === "ipv4" ? "IPv4" : "IPv6"} address`);
  return reader.next().text;
}

/** `encap psp spi 0x1` behind the annotation (a header of its own); null where it is not written. */
export function parsePsp(reader: TokenReader): WrappingHeader | null {
  if (!reader.isWord("encap")) return null;
  const place = placeOf(reader.next());
  if (!reader.takeWord("psp")) reader.fail('"psp"');
  if (!reader.takeWord("spi")) reader.fail('"spi"');
  if (!reader.isKind("integer") && !reader.isKind("hex")) reader.fail("a number");
  return { place, name: "psp", ip: NO_ANNOTATION, addresses: null, text: `spi ${reader.next().text}` };
}
