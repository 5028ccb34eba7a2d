/**
 * What the ladder says, in the page's language: English as everywhere (story/ladder_words.ts), and Chinese.
 *
 * Owns: the Chinese words for marks, runs and grades, and which language a sentence is shown in. Must not know: where they
 * stand, sentences in Chinese (chinese.ts).
 */
import type { LadderMark, RunLine, SegmentLine } from "../story/ladder.ts";
import { markWord } from "../story/ladder_words.ts";
import type { MarkKind } from "../story/marks.ts";
import type { StateStep } from "../story/state_path.ts";
import { chineseFaults, chineseSentence, FINDING_KINDS, typeset } from "./chinese.ts";
import type { WhyAnswer } from "./page_source.ts";
import { currentLanguage } from "./words.ts";

const MARKS_ZH: Readonly<Record<MarkKind, string>> = {
  "retransmission-timeout": "超时重传",
  "retransmission-fast": "快速重传",
  "retransmission-tail-probe": "尾部探测重传",
  "retransmission-syn-data": "重发 SYN 的数据",
  "retransmission-unknown": "重传",
  "spurious": "不必要的重传",
  "duplicate": "途中产生的副本",
  "ack-unseen": "确认了未见的数据",
  "out-of-order": "乱序",
  "gap-before": "前面有缺口",
  "duplicate-ack": "重复 ACK",
  "sack": "SACK",
  "d-sack": "D-SACK",
  "zero-window": "零窗口",
  "window-update": "窗口更新",
  "zero-window-probe": "零窗口探测",
  "zero-window-probe-ack": "对探测的应答",
  "keep-alive": "保活探测",
  "keep-alive-ack": "对保活的应答",
  "window-full": "窗口已满",
  "lost-on-purpose": "故意丢失",
  "never-arrived": "未到达",
  "port-reused": "端口重用",
  "partial-checksum": "校验和未完成",
  "wrong-checksum": "校验和错误",
  "outside-window": "窗口之外",
};

/** A mark, in two or three words. */
export function markText({ kind, word }: LadderMark): string {
  if (currentLanguage() === "en") return word;
  const about = / \(#\d+\)$/.exec(word)?.[0] ?? "";
  const likely = word.startsWith("probably") ? "可能" : "";
  return `${likely}${MARKS_ZH[kind]}${about}`;
}

/** A sentence of the story; English where there is no other. */
export function sentenceText(english: string): string {
  return currentLanguage() === "en" ? english : chineseSentence(english) ?? english;
}

/** What a kind of finding is called. */
export function findingKindText(kind: string): string {
  return currentLanguage() === "en" ? kind : FINDING_KINDS.get(kind) ?? kind;
}

/** Which faults are in force. */
export function faultsText(english: string): string {
  return currentLanguage() === "en" ? english : chineseFaults(english);
}

/** A kind of mark, in two or three words. */
export function markKindText(kind: MarkKind): string {
  return currentLanguage() === "en" ? markWord({ kind, text: "" }) : MARKS_ZH[kind];
}

/** What `why` says of something, in one line. */
export function explanationOf({ text, rfc }: WhyAnswer): string {
  return rfc === "" ? text : `${text} (${rfc})`;
}

/** What a folded run stands for. */
export function runText({ row, words }: RunLine): string {
  if (currentLanguage() === "en") return words.join(" · ");
  const { from, count, bytes, relSeq, relEnd, acknowledgments, windowsFilled, isOpenable } = row;
  return [
    `${count} 个报文段`,
    ...(from === null ? [] : [`${relSeq}..${relEnd}`]),
    `${bytes} 字节`,
    ...(acknowledgments === 0 ? [] : [`其中 ${acknowledgments} 个 ACK`]),
    ...(windowsFilled === 0 ? [] : [`窗口满 ${windowsFilled} 次`]),
    ...(isOpenable ? [] : ["不再保留"]),
  ].join(" · ");
}

/** The sentence about a state: how sure it is. */
export function gradeText({ state, grade, provenBy, number }: StateStep): string {
  const isEnglish = currentLanguage() === "en";
  const by = provenBy === null || provenBy === 0 ? "" : isEnglish ? ` by #${provenBy}` : `(#${provenBy})`;
  const at = number === 0 ? "" : ` #${number}`;
  const words = {
    proven: isEnglish ? `proven${by}` : `已证实${by}`,
    implied: isEnglish ? "implied: it follows, if the segment arrived" : "推断:若报文段到达则如此",
    unknown: isEnglish ? "a guess: no SYN was seen" : "猜测:没有看到 SYN",
  };
  const line = `${state}${at}: ${words[grade]}`;
  return isEnglish ? line : typeset(line);
}

/** A segment in one line, for who hears the page instead of seeing it. */
export function spokenText({ number, flags, words, marks }: SegmentLine): string {
  return [`#${number}`, flags, words.join(", "), ...marks.map(markText)].join(", ");
}
