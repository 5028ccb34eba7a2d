/**
 * Faults as a person writes them: `drop=1%,delay=10ms,in:reorder=2%,seed=7`.
 *
 * Owns: the words, their units and bounds, and the line that says what is wrong. Must not know: how a fault is done
 * (fault_path.ts), which option of which command the text came from.
 */

/** What happens to the frames of one direction; rates are probabilities from 0 to 1. */
export interface FaultDirection {
  /** The frame is lost. */
  readonly drop: number;
  /** The frame arrives twice. */
  readonly duplicate: number;
  /** The frame steps back behind some that came later. */
  readonly reorder: number;
  /** One bit of the IP packet is flipped. */
  readonly corrupt: number;
  /** The packet is marked "congestion experienced" where its sender understands that (RFC 3168 §5). */
  readonly mark: number;
  readonly delayUs: number;
  /** The delay varies by so much, up and down, without a change of order. */
  readonly jitterUs: number;
  /** Bits per second of frames; Infinity where nothing slows them. */
  readonly rateBitsPerSecond: number;
  /** ARP and neighbor discovery suffer the same. */
  readonly disturbsArp: boolean;
}

/** Faults of both directions, seen from the host whose link it is: `in` is what it receives. */
export interface FaultSpec {
  /** 0 to 2^32 - 1; the same seed and the same frames give the same faults. */
  readonly seed: number;
  readonly in: FaultDirection;
  readonly out: FaultDirection;
}

/** A direction on which nothing happens. */
export const NO_FAULTS: FaultDirection = {
  drop: 0,
  duplicate: 0,
  reorder: 0,
  corrupt: 0,
  mark: 0,
  delayUs: 0,
  jitterUs: 0,
  rateBitsPerSecond: Infinity,
  disturbsArp: false,
};

/** Whether a direction lets everything pass as it is. */
export function isFaultless(direction: FaultDirection): boolean {
  const { drop, duplicate, reorder, corrupt, mark, delayUs, jitterUs, rateBitsPerSecond } = direction;
  return drop + duplicate + reorder + corrupt + mark + delayUs + jitterUs === 0 &&
    rateBitsPerSecond === Infinity;
}

/** Local choice: a run that is to differ says so; one that says nothing can be repeated. */
const DEFAULT_SEED = 1;
/** Local choice: twenty times around the Earth through satellites fits well below it. */
const MOST_DELAY_US = 60_000_000;
/** Local choice: below this a full frame takes longer than the longest delay. */
const LEAST_RATE = 1_000;
/** Local choice: far above what a program in user space can send. */
const MOST_RATE = 1e12;

type Word = keyof typeof WORDS;

/** The words with the field that each sets and the reader of its value. */
const WORDS = {
  drop: { read: percent, set: (drop: number) => ({ drop }) },
  dup: { read: percent, set: (duplicate: number) => ({ duplicate }) },
  reorder: { read: percent, set: (reorder: number) => ({ reorder }) },
  corrupt: { read: percent, set: (corrupt: number) => ({ corrupt }) },
  mark: { read: percent, set: (mark: number) => ({ mark }) },
  delay: { read: durationUs, set: (delayUs: number) => ({ delayUs }) },
  jitter: { read: durationUs, set: (jitterUs: number) => ({ jitterUs }) },
  rate: { read: bitsPerSecond, set: (rateBitsPerSecond: number) => ({ rateBitsPerSecond }) },
  arp: { read: onOrOff, set: (on: number) => ({ disturbsArp: on === 1 }) },
} as const;

/** The words, for help texts: `drop=1%,dup=1%,...`. */
export const FAULT_SPEC_EXAMPLE =
  "drop=1%,dup=1%,reorder=2%,corrupt=0.5%,delay=10ms,jitter=5ms,rate=10mbit,seed=7";

/**
 * Reads a SPEC: words separated by commas, each for both directions or, behind `in:` or `out:`, for one, where it wins
 * over the same word without a prefix.
 *
 * Throws an Error whose message is one line: the part that is wrong, and what was expected.
 */
export function parseFaultSpec(text: string): FaultSpec {
  let seed: number | null = null;
  const given: Record<"both" | "in" | "out", Map<Word, Partial<FaultDirection>>> = {
    both: new Map(),
    in: new Map(),
    out: new Map(),
  };
  for (const part of text.split(",").map((part) => part.trim())) {
    const match = /^(?:(in|out):)?([a-z]+)=(.*)$/.exec(part);
    if (match === null) {
      throw new Error(
        `${part === "" ? "an empty part" : part}: expected WORD=VALUE, as in ${FAULT_SPEC_EXAMPLE}`,
      );
    }
    const [, prefix, word, value] = match;
    if (word === "seed") {
      if (prefix !== undefined) {
        throw new Error(`${part}: one seed serves both directions; leave ${prefix}: out`);
      }
      if (seed !== null) throw new Error(`${part}: seed is there twice`);
      seed = seedOf(part, value);
      continue;
    }
    if (!isWord(word)) {
      throw new Error(
        `${part}: there is no ${word}; the words are ${[...Object.keys(WORDS), "seed"].join(", ")}`,
      );
    }
    const side = prefix === "in" || prefix === "out" ? prefix : "both";
    if (given[side].has(word)) {
      throw new Error(`${part}: ${prefix === undefined ? "" : `${prefix}:`}${word} is there twice`);
    }
    const { read, set } = WORDS[word];
    given[side].set(word, set(read(part, value)));
  }
  const direction = (side: "in" | "out"): FaultDirection =>
    Object.assign({ ...NO_FAULTS }, ...given.both.values(), ...given[side].values());
  return { seed: seed ?? DEFAULT_SEED, in: direction("in"), out: direction("out") };
}

/** A specification in one line for a person: `in drop 1 %, delay 10 ms; out nothing; seed 7`. */
export function describeFaults(faults: FaultSpec): string {
  const sides = (["in", "out"] as const).map((side) => {
    const words = directionText(faults[side]);
    return `${side} ${words === "" ? "nothing" : words}`;
  });
  return [...sides, `seed ${faults.seed}`].join("; ");
}

function directionText(direction: FaultDirection): string {
  const share = (
    name: string,
    rate: number,
  ) => (rate > 0 ? [`${name} ${Number((rate * 100).toPrecision(6))} %`] : []);
  const time = (name: string, us: number) => (us > 0 ? [`${name} ${us / 1000} ms`] : []);
  const { rateBitsPerSecond } = direction;
  return [
    ...share("drop", direction.drop),
    ...share("dup", direction.duplicate),
    ...share("reorder", direction.reorder),
    ...share("corrupt", direction.corrupt),
    ...share("mark", direction.mark),
    ...time("delay", direction.delayUs),
    ...time("jitter", direction.jitterUs),
    ...(rateBitsPerSecond === Infinity ? [] : [`rate ${rateBitsPerSecond / 1e6} Mbit/s`]),
    ...(direction.disturbsArp ? ["ARP and NDP too"] : []),
  ].join(", ");
}

function isWord(text: string): text is Word {
  return Object.hasOwn(WORDS, text);
}

function percent(part: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?|\.\d+)%$/.exec(text);
  const value = match === null ? NaN : Number(match[1]);
  if (value <= 100) return value / 100;
  throw new Error(`${part}: expected a percentage from 0% to 100%, as in 0.5%`);
}

const UNITS_US: ReadonlyMap<string, number> = new Map([["us", 1], ["ms", 1_000], ["s", 1_000_000]]);

function durationUs(part: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?|\.\d+)(us|ms|s)$/.exec(text);
  const value = match === null ? NaN : Math.round(Number(match[1]) * (UNITS_US.get(match[2]) ?? NaN));
  if (value <= MOST_DELAY_US) return value;
  throw new Error(`${part}: expected a time with its unit (us, ms or s) up to 60s, as in 10ms`);
}

const RATE_UNITS: ReadonlyMap<string, number> = new Map([
  ["bit", 1],
  ["kbit", 1e3],
  ["mbit", 1e6],
  ["gbit", 1e9],
]);

function bitsPerSecond(part: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?|\.\d+)(bit|kbit|mbit|gbit)$/.exec(text);
  const value = match === null ? NaN : Number(match[1]) * (RATE_UNITS.get(match[2]) ?? NaN);
  if (value >= LEAST_RATE && value <= MOST_RATE) return value;
  throw new Error(
    `${part}: expected a rate with its unit (bit, kbit, mbit or gbit) from 1kbit, as in 10mbit`,
  );
}

function onOrOff(part: string, text: string): number {
  if (text === "on" || text === "off") return text === "on" ? 1 : 0;
  throw new Error(`${part}: expected on or off`);
}

function seedOf(part: string, text: string): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (value <= 0xffff_ffff) return value;
  throw new Error(`${part}: expected a whole number from 0 to 4294967295`);
}
