/**
 * MulticastGroups: the IPv6 groups that this host listens to, and that switches and routers are told so (MLD).
 *
 * Owns: who has joined what, what is yet to be told, and which queries are answered when. Must not know: the bytes of a
 * message (listener_reports.ts writes them), why a group is joined.
 *
 * Implements the listener's part of RFC 3810 (§4, §6, §8.2), of RFC 2710 while a querier of version 1 is there, and RFC 3590.
 * We listen to all sources of each group: the state of a group is EXCLUDE of nobody.
 *
 * IPv4 has nothing like it here: TCP needs no IPv4 group, all-hosts (224.0.0.1) is never reported (RFC 3376 §5), so IGMP is
 * not spoken, and frames to IPv4 groups are nobody's.
 *
 * Deviation: RFC 2710 §4 lets a report of somebody else stand for ours; here it does not, because a switch that looks into
 * reports may have to see each listener's, and a stranger could keep us silent.
 *
 * RFC 3810 §8.2.2 allows that.
 */
import { bytesEqual, sameAddress } from "../wire/address.ts";
import { ALL_NODES } from "../wire/derived_address.ts";
import type { DropReason } from "../wire/drop_reason.ts";
import type { IcmpMessage } from "../wire/icmp.ts";
import type { IpPacket } from "../wire/ip_packet.ts";
import { IPV6 } from "../wire/ipv6.ts";
import { ListenerQuery, listenerQueryFault, parseListenerQuery } from "../wire/multicast_listener.ts";
import { ListenerReports } from "./listener_reports.ts";
import { isReported, lastWord, MulticastGroup } from "./multicast_group.ts";
import type { PacketSender } from "./ip_output.ts";

/** What it needs of its host. */
interface MulticastGroupsOptions {
  /** Time, microseconds. */
  readonly clock: { readonly nowUs: number };
  readonly sender: PacketSender;
  /** Our link-local address, null while it is not ours yet (RFC 3590 §4). */
  linkLocal(): Uint8Array | null;
  /** A whole number from 0 to `bound` - 1. */
  random(bound: number): number;
  count(name: string): void;
}

/** RFC 3810 §9.1: the Robustness Variable. Each change is told so often. */
const ROBUSTNESS = 2;
/** RFC 3810 §9.11 and RFC 2710 §7.10: Unsolicited Report Interval. */
const REPORT_INTERVAL_US = 1_000_000;
const OLD_REPORT_INTERVAL_US = 10_000_000;
/** RFC 3810 §9.12: Older Version Querier Present Timeout, with the Query Interval of §9.2, which version 1 does not tell. */
const OLD_QUERIER_US = ROBUSTNESS * 125_000_000;
/** Local choice: sources of one group that a late answer remembers; who asks for more is told of all. */
const MOST_SOURCES = 64;
/** Local choice: a querier asks once in two minutes, and twice when somebody leaves. Each query may cost a report of all groups. */
const QUERY_INTERVAL_US = 100_000;
const QUERY_BURST_US = 32 * QUERY_INTERVAL_US;
/** Random delays are drawn in so many steps. */
const RANDOM_STEPS = 0x10000;

/** The groups of one host. */
export class MulticastGroups {
  readonly #options: MulticastGroupsOptions;
  readonly #reports: ListenerReports;
  /** By their last four bytes, signed; those that share them are linked. */
  readonly #groups = new Map<number, MulticastGroup>();
  /** Whose change is yet to be told, those that were left among them; by the text of their address. */
  readonly #changing = new Map<string, MulticastGroup>();
  /** RFC 3810 §6.2: the Interface Timer, for the answer to a query about all groups. */
  #generalUs = Infinity;
  #nextUs = Infinity;
  /** Up to then a querier of version 1 is there. */
  #oldUntilUs = -Infinity;
  #isOld = false;
  #spentUs = -Infinity;
  #wasNobody = false;
  readonly #query = new ListenerQuery();

  constructor(options: MulticastGroupsOptions) {
    this.#options = options;
    this.#reports = new ListenerReports(options);
    this.join(ALL_NODES);
  }

  // -- Who listens

  /** Listens to a group; once more for each time it was joined before. Throws for an address that is no IPv6 group's. */
  join(address: Uint8Array): void {
    if (address.length !== IPV6.ADDRESS_BYTES || address[0] !== 0xff) {
      throw new Error("Only IPv6 groups can be joined");
    }
    const known = this.#find(address, 0);
    if (known !== null) {
      known.users++;
      return;
    }
    const group = new MulticastGroup(address);
    group.users = 1;
    const word = lastWord(address, 0);
    group.next = this.#groups.get(word) ?? null;
    this.#groups.set(word, group);
    this.#change(group);
  }

  /** Undoes one {@link MulticastGroups.join}; of a group that was not joined, nothing. */
  leave(address: Uint8Array): void {
    const group = this.#find(address, 0);
    if (group === null || --group.users > 0) return;
    const word = lastWord(address, 0);
    const first = this.#groups.get(word) ?? null;
    if (first !== group) {
      for (let before = first; before !== null; before = before.next) {
        if (before.next === group) before.next = group.next;
      }
    } else if (group.next !== null) {
      this.#groups.set(word, group.next);
    } else {
      this.#groups.delete(word);
    }
    group.next = null;
    this.#change(group);
  }

  /** Whether a frame to the hardware address at `offset` may be for a group of ours (RFC 2464 §7); cheap. */
  isJoinedMac(frame: Uint8Array, offset: number): boolean {
    if (frame[offset] !== 0x33 || frame[offset + 1] !== 0x33) return false;
    return this.#groups.has(lastWord(frame, offset - 10));
  }

  /** Whether the 16 bytes at `offset` are a group of ours; cheap. */
  isJoined(bytes: Uint8Array, offset: number): boolean {
    return this.#find(bytes, offset) !== null;
  }

  /**
   * Our link-local address is ours now. What was told from nobody before, which routers do not hear, is told again
   * (RFC 3590 §4).
   */
  linkLocalReady(): void {
    if (!this.#wasNobody) return;
    this.#wasNobody = false;
    for (const group of this.#all()) this.#change(group);
  }

  // -- What is asked

  /**
   * Takes a query: it is answered at some time up to its delay. Returns why it was dropped, null when it was not, or was
   * counted here.
   */
  arrives(frame: Uint8Array, packet: Readonly<IpPacket>, message: Readonly<IcmpMessage>): DropReason | null {
    const { clock, count } = this.#options;
    const query = this.#query;
    const fault = parseListenerQuery(frame, message, query) ?? listenerQueryFault(frame, packet, query);
    if (fault !== null) return fault;
    const spentUs = Math.max(this.#spentUs, clock.nowUs);
    if (spentUs - clock.nowUs >= QUERY_BURST_US) {
      count("mld-limited");
      return null;
    }
    this.#spentUs = spentUs + QUERY_INTERVAL_US;
    count("mld-queries-in");
    const mostUs = query.maxResponseMs * 1000;
    if (query.version === 1) this.#oldUntilUs = clock.nowUs + OLD_QUERIER_US + mostUs;
    this.#followVersion();
    if (query.isGeneral) {
      this.#answerAll(mostUs);
      return null;
    }
    const group = this.#find(frame, query.groupOffset);
    if (group !== null && isReported(group.address)) {
      this.#answerOne(group, { mostUs, sources: sourcesOf(frame, query) });
    }
    return null;
  }

  /** RFC 3810 §6.2, rules 1 and 2; of version 1, each group by itself (RFC 2710 §4). */
  #answerAll(mostUs: number): void {
    if (!this.#isOld) {
      const dueUs = this.#drawn(mostUs);
      if (dueUs < this.#generalUs) this.#generalUs = dueUs;
      this.#note(this.#generalUs);
      return;
    }
    for (const group of this.#all()) if (isReported(group.address)) this.#answerOld(group, mostUs);
  }

  #answerOne(group: MulticastGroup, query: { mostUs: number; sources: readonly Uint8Array[] }): void {
    const { mostUs } = query;
    if (this.#isOld) {
      this.#answerOld(group, mostUs);
      return;
    }
    const dueUs = this.#drawn(mostUs);
    const isPending = group.answerUs !== Infinity;
    const isAll = query.sources.length === 0 || (isPending && group.answerSources.length === 0);
    // RFC 3810 §6.2, rules 3 to 5.
    group.answerSources = isAll ? [] : merged(isPending ? group.answerSources : [], query.sources);
    if (dueUs < group.answerUs) group.answerUs = dueUs;
    this.#note(group.answerUs);
  }

  /** RFC 2710 §4: a timer that runs is set anew only when the delay is less than what is left of it. */
  #answerOld(group: MulticastGroup, mostUs: number): void {
    if (group.answerUs - this.#options.clock.nowUs <= mostUs) return;
    group.answerSources = [];
    group.answerUs = this.#drawn(mostUs);
    this.#note(group.answerUs);
  }

  // -- Deadlines

  /** Whether nothing is due. */
  get isAtRest(): boolean {
    return this.#nextUs === Infinity;
  }

  /** The earliest deadline, Infinity when there is none. */
  get nextDeadlineUs(): number {
    return this.#nextUs;
  }

  /** Tells what has changed, and answers. To be called before anything is sent that counts on a group (RFC 4862 §5.4.2). */
  tick(): void {
    const { nowUs } = this.#options.clock;
    if (nowUs < this.#nextUs) return;
    this.#followVersion();
    this.#tellChanges();
    this.#tellAnswers();
    let nextUs = this.#generalUs;
    for (const { changeUs } of this.#changing.values()) if (changeUs < nextUs) nextUs = changeUs;
    for (const { answerUs } of this.#all()) if (answerUs < nextUs) nextUs = answerUs;
    this.#nextUs = nextUs;
  }

  /** RFC 3810 §6.1: what has changed together is told together, at once and again within a second. */
  #tellChanges(): void {
    const { nowUs } = this.#options.clock;
    const due = [...this.#changing.values()].filter(({ changeUs }) => changeUs <= nowUs);
    if (due.length === 0) return;
    const againUs = this.#drawn(this.#isOld ? OLD_REPORT_INTERVAL_US : REPORT_INTERVAL_US);
    for (const group of due) {
      // RFC 2710 §4: that a group was left is said once.
      group.changesLeft = this.#isOld && group.users === 0 ? 0 : group.changesLeft - 1;
      group.changeUs = againUs;
      if (group.changesLeft === 0) this.#rest(group);
    }
    this.#noteSource();
    this.#reports.changes(due.map(({ address, users }) => ({ address, isJoined: users > 0 })), this.#isOld);
  }

  #tellAnswers(): void {
    const { nowUs } = this.#options.clock;
    const isGeneral = this.#generalUs <= nowUs;
    const answers: { address: Uint8Array; sources: readonly Uint8Array[] }[] = [];
    for (const group of this.#all()) {
      const { address } = group;
      if (isGeneral ? !isReported(address) : group.answerUs > nowUs) continue;
      answers.push({ address, sources: isGeneral ? [] : group.answerSources });
      // Rule 1: what was asked of one, or of a part of it, is answered by then.
      group.answerUs = Infinity;
      group.answerSources = [];
    }
    if (isGeneral) this.#generalUs = Infinity;
    if (answers.length === 0) return;
    this.#noteSource();
    this.#reports.answers(answers, this.#isOld);
  }

  /** RFC 3810 §8.2.1: with another version of the querier, what is pending is dropped; what was never told is not pending. */
  #followVersion(): void {
    const isOld = this.#options.clock.nowUs < this.#oldUntilUs;
    if (isOld === this.#isOld) return;
    this.#isOld = isOld;
    this.#generalUs = Infinity;
    for (const group of this.#all()) group.answerUs = Infinity;
    for (const group of this.#changing.values()) if (group.changesLeft < ROBUSTNESS) this.#rest(group);
  }

  /** Something about a group is to be told, from the beginning. */
  #change(group: MulticastGroup): void {
    if (!isReported(group.address)) return;
    group.changesLeft = ROBUSTNESS;
    group.changeUs = this.#options.clock.nowUs;
    // In the place of what was to be told of the same one before.
    this.#changing.set(String(group.address), group);
    this.#note(group.changeUs);
  }

  #rest(group: MulticastGroup): void {
    this.#changing.delete(String(group.address));
    group.changesLeft = 0;
    group.changeUs = Infinity;
  }

  #noteSource(): void {
    if (this.#options.linkLocal() === null) this.#wasNobody = true;
  }

  #note(dueUs: number): void {
    if (dueUs < this.#nextUs) this.#nextUs = dueUs;
  }

  /** A time from now on, drawn from (0, `mostUs`]. */
  #drawn(mostUs: number): number {
    const { clock, random } = this.#options;
    return clock.nowUs + Math.ceil(mostUs * (random(RANDOM_STEPS) + 1) / RANDOM_STEPS);
  }

  #find(bytes: Uint8Array, offset: number): MulticastGroup | null {
    let group = this.#groups.get(lastWord(bytes, offset)) ?? null;
    while (group !== null && !bytesEqual(bytes, offset, group.address)) group = group.next;
    return group;
  }

  *#all(): Generator<MulticastGroup, void, void> {
    for (const first of this.#groups.values()) {
      for (let group: MulticastGroup | null = first; group !== null; group = group.next) yield group;
    }
  }
}

/** The sources that are asked about, views of the frame; empty, which stands for all, where that is too many. */
function sourcesOf(frame: Uint8Array, { sourcesOffset, sourceCount }: Readonly<ListenerQuery>): Uint8Array[] {
  if (sourceCount > MOST_SOURCES) return [];
  return Array.from({ length: sourceCount }, (_, i) => {
    const at = sourcesOffset + i * IPV6.ADDRESS_BYTES;
    return frame.subarray(at, at + IPV6.ADDRESS_BYTES);
  });
}

/** Both lists without doubles; empty, which stands for all, where that is too many. */
function merged(known: readonly Uint8Array[], more: readonly Uint8Array[]): Uint8Array[] {
  const all = [...known];
  for (const source of more) {
    if (all.some((one) => sameAddress(one, source))) continue;
    if (all.length === MOST_SOURCES) return [];
    all.push(source.slice());
  }
  return all;
}
