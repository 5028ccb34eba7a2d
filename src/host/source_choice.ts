/**
 * Source choice: from which of our addresses, and to which of a peer's, a packet goes when nobody has said (RFC 6724).
 *
 * Owns: the rules of §5 and §6 as far as they apply to one interface without mobility, and the default policy table. Must not
 * know: routes, connections, whose addresses they are.
 *
 * Of §5: rules 1 (same address), 2 (scope), 3 (deprecated), 6 (label), 8 (longest prefix); 4 and 7 need home and temporary
 * addresses, which we have not, 5 a second interface. IPv4 goes by the next hop's network instead (MUST-44). Of §6: rules 1
 * (unusable), 2 (scope), 3 (deprecated), 5 (label), 6 (precedence), 8 (smaller scope), 9 (longest prefix), 10 (as they came).
 */
import { inPrefix, sameAddress } from "../wire/address.ts";
import { scopeOf } from "../wire/address_scope.ts";
import { IPV4 } from "../wire/ipv4.ts";
import { IPV6 } from "../wire/ipv6.ts";

/** An address that packets may come from. */
export interface SourceCandidate {
  readonly address: Uint8Array;
  readonly prefixLength: number;
  /** Only `deprecated` makes a difference here. */
  readonly state?: string;
}

interface Policy {
  readonly prefix: Uint8Array;
  readonly prefixLength: number;
  readonly precedence: number;
  readonly label: number;
}

/** RFC 6724 §2.1, the narrowest prefix first. */
const POLICIES: readonly Policy[] = [
  policy([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], { prefixLength: 128, precedence: 50, label: 0 }),
  policy([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff], { prefixLength: 96, precedence: 35, label: 4 }),
  policy([], { prefixLength: 96, precedence: 1, label: 3 }),
  policy([0x20, 0x01, 0, 0], { prefixLength: 32, precedence: 5, label: 5 }),
  policy([0x20, 0x02], { prefixLength: 16, precedence: 30, label: 2 }),
  policy([0x3f, 0xfe], { prefixLength: 16, precedence: 1, label: 12 }),
  policy([0xfe, 0xc0], { prefixLength: 10, precedence: 1, label: 11 }),
  policy([0xfc], { prefixLength: 7, precedence: 3, label: 13 }),
  policy([], { prefixLength: 0, precedence: 40, label: 1 }),
];

function policy(start: readonly number[], about: Omit<Policy, "prefix">): Policy {
  const prefix = new Uint8Array(IPV6.ADDRESS_BYTES);
  prefix.set(start);
  return { prefix, ...about };
}

/** The policy of an address; that of an IPv4 one is that of its mapped form (§2.1). */
export function policyOf(address: Uint8Array): Readonly<Pick<Policy, "precedence" | "label">> {
  const mapped = address.length === IPV4.ADDRESS_BYTES ? asMapped(address) : address;
  const found = POLICIES.find(({ prefix, prefixLength }) => inPrefix(mapped, prefix, prefixLength));
  return found ?? POLICIES[POLICIES.length - 1];
}

function asMapped(address: Uint8Array): Uint8Array {
  return Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...address);
}

/** With how many bits both begin, of the source's prefix alone (§2.2); 0 for two families. */
function commonPrefixLength(source: SourceCandidate, destination: Uint8Array): number {
  const { address, prefixLength } = source;
  if (address.length !== destination.length) return 0;
  for (let at = 0; at < address.length; at++) {
    const difference = address[at] ^ destination[at];
    if (difference !== 0) return Math.min(at * 8 + Math.clz32(difference) - 24, prefixLength);
  }
  return prefixLength;
}

/**
 * From which of the candidates a packet goes to `destination` by way of `hop`; null where none is of its family. Of equal ones
 * the first.
 */
export function chooseSource<Candidate extends SourceCandidate>(
  destination: Uint8Array,
  { candidates, hop }: { readonly candidates: readonly Candidate[]; readonly hop: Uint8Array },
): Candidate | null {
  const isBetter = destination.length === IPV4.ADDRESS_BYTES
    ? (a: Candidate, b: Candidate) => closeness(a, hop) > closeness(b, hop)
    : (a: Candidate, b: Candidate) => compareSources(a, b, destination) < 0;
  let best: Candidate | null = null;
  for (const candidate of candidates) {
    if (candidate.address.length !== destination.length) continue;
    if (best === null || isBetter(candidate, best)) best = candidate;
  }
  return best;
}

/** MUST-44: how closely its prefix names the network of the next hop, -1 when it is on another one. */
function closeness({ address, prefixLength }: SourceCandidate, hop: Uint8Array): number {
  return inPrefix(hop, address, prefixLength) ? prefixLength : -1;
}

/** §5: below 0 when `a` is the better one, 0 when no rule tells them apart. */
function compareSources(a: SourceCandidate, b: SourceCandidate, destination: Uint8Array): number {
  const isSame = order(sameAddress(a.address, destination), sameAddress(b.address, destination));
  if (isSame !== 0) return isSame;
  const [scopeA, scopeB] = [scopeOf(a.address), scopeOf(b.address)];
  if (scopeA !== scopeB) {
    const isSmallerEnough = Math.min(scopeA, scopeB) >= scopeOf(destination);
    return (scopeA < scopeB) === isSmallerEnough ? -1 : 1;
  }
  const isPreferred = order(a.state !== "deprecated", b.state !== "deprecated");
  if (isPreferred !== 0) return isPreferred;
  const { label } = policyOf(destination);
  const isLabelled = order(policyOf(a.address).label === label, policyOf(b.address).label === label);
  if (isLabelled !== 0) return isLabelled;
  return commonPrefixLength(b, destination) - commonPrefixLength(a, destination);
}

/** Whoever has what is wanted goes first. */
function order(a: boolean, b: boolean): number {
  return Number(b) - Number(a);
}

/** A destination with what the rules of §6 look at. */
interface Ranked {
  readonly address: Uint8Array;
  readonly source: SourceCandidate | null;
}

/** The addresses of one peer in the order in which they are to be tried (§6); `sourceFor` is null where there is no way. */
export function sortDestinations(
  addresses: readonly Uint8Array[],
  { sourceFor }: { sourceFor(destination: Uint8Array): SourceCandidate | null },
): Uint8Array[] {
  const ranked = addresses.map((address): Ranked => ({ address, source: sourceFor(address) }));
  return ranked.sort(compareDestinations).map(({ address }) => address);
}

function compareDestinations(a: Ranked, b: Ranked): number {
  if (a.source === null || b.source === null) return order(a.source !== null, b.source !== null);
  const [scopeA, scopeB] = [scopeOf(a.address), scopeOf(b.address)];
  const isScope = order(scopeOf(a.source.address) === scopeA, scopeOf(b.source.address) === scopeB);
  if (isScope !== 0) return isScope;
  const isPreferred = order(a.source.state !== "deprecated", b.source.state !== "deprecated");
  if (isPreferred !== 0) return isPreferred;
  const [policyA, policyB] = [policyOf(a.address), policyOf(b.address)];
  const isLabelled = order(
    policyOf(a.source.address).label === policyA.label,
    policyOf(b.source.address).label === policyB.label,
  );
  if (isLabelled !== 0) return isLabelled;
  if (policyA.precedence !== policyB.precedence) return policyB.precedence - policyA.precedence;
  if (scopeA !== scopeB) return scopeA - scopeB;
  if (a.address.length !== b.address.length) return 0;
  return commonPrefixLength(b.source, b.address) - commonPrefixLength(a.source, a.address);
}
