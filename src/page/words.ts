/**
 * The page's words, in English and in Chinese.
 *
 * Owns: both texts of each word, which language is shown, and bringing what is on the page into it. Must not know: what a
 * word stands beside. Names of the protocol (states, flags, options) are the same in both.
 */
/// <reference lib="dom" />
import { typeset } from "./chinese.ts";
import { PLAY_WORDS } from "./play_words.ts";

/** A language of the page. */
export type Language = "en" | "zh";

/** A word of the page. */
export type Word = keyof typeof WORDS;

/** A word that the playground has too would be shown there in the wrong sense: the type forbids it. */
type OwnWords =
  & Readonly<Record<string, readonly [string, string]>>
  & Readonly<Partial<Record<keyof typeof PLAY_WORDS, never>>>;

/** English, Chinese. `{}` stands for what is put in. */
export const PAGE_WORDS = {
  diagram: ["State diagram", "状态图"],
  connections: ["Connections", "连接"],
  sequence: ["Sequence diagram", "时序图"],
  segment: ["Segment", "报文段"],
  faults: ["Faults", "故障注入"],
  id: ["#", "#"],
  peer: ["Peer", "对端"],
  port: ["Port", "端口"],
  state: ["State", "状态"],
  bytesIn: ["In", "收到"],
  bytesOut: ["Out", "发出"],
  retransmits: ["Resent", "重传"],
  retransmitsTitle: [
    "Segments sent again: by our end; in a capture by both",
    "重传的报文段:本端的;捕获文件中为两端之和",
  ],
  rtt: ["RTT", "RTT"],
  actions: ["End", "结束"],
  close: ["Close", "关闭"],
  abort: ["Abort", "中止"],
  closeTitle: [
    "Send FIN, in the application's stead (RFC 9293 §3.10.4)",
    "代替应用程序发送 FIN(RFC 9293 §3.10.4)",
  ],
  abortTitle: [
    "Send RST: the connection is gone at once (RFC 9293 §3.10.5)",
    "发送 RST,连接立即消失(RFC 9293 §3.10.5)",
  ],
  noConnections: ["No connection yet: connect to {}", "还没有连接:请连接 {}"],
  moreLive: ["{} more live that are not shown here", "另有 {} 个连接未在此显示"],
  moreInFile: [
    "{} more are not in this file: choose by a filter or --connection",
    "另有 {} 个连接不在此文件中:请用过滤条件或 --connection 选择",
  ],
  following: ["follows the newest", "跟随最新连接"],
  followTitle: ["Always show the newest connection (Esc)", "始终显示最新的连接(Esc)"],
  pause: ["Pause", "暂停"],
  step: ["Step", "单步"],
  resume: ["Resume", "继续"],
  pauseTitle: ["Frames that come in wait (P)", "收到的帧排队等待(P)"],
  stepTitle: ["Take one frame that waits, or the next (S)", "取一个等待的帧,或下一个(S)"],
  resumeTitle: ["Take all that waits, and what comes (R)", "处理所有等待的帧,恢复接收(R)"],
  paused: ["Paused: {} wait", "已暂停:{} 个等待"],
  live: ["live", "实时"],
  lostLink: ["no answer from the server: trying again", "服务器没有应答:正在重试"],
  refusedLink: ["the server has ended, or refuses this page", "服务器已结束,或拒绝了此页面"],
  fullLink: ["too many pages look on: close one", "打开的页面太多:请关闭一个"],
  recorded: ["recorded", "已录制"],
  findings: ["Findings", "发现"],
  noFindings: ["Nothing remarkable", "没有值得注意之处"],
  theme: ["Light or dark (T)", "明暗切换(T)"],
  both: ["both", "双向"],
  in: ["in", "收到"],
  out: ["out", "发出"],
  direction: ["Frames", "帧"],
  drop: ["lost %", "丢失 %"],
  dup: ["twice %", "重复 %"],
  reorder: ["disorder %", "乱序 %"],
  corrupt: ["damage %", "损坏 %"],
  delay: ["delay ms", "延迟 ms"],
  jitter: ["jitter ms", "抖动 ms"],
  rate: ["rate Mbit/s", "速率 Mbit/s"],
  apply: ["Apply", "应用"],
  none: ["None", "无"],
  nothingDone: ["Nothing is done to frames", "没有对帧做任何改动"],
  faultsNow: ["Now: {}", "当前:{}"],
  portServes: ["Port", "端口"],
  portsTitle: ["The application of connections that begin from now on", "此后新连接使用的应用程序"],
  onceTitle: ["Once, to the next such segment", "一次性:作用于下一个此类报文段"],
  onceWaits: ["waits: {}", "等待:{}"],
  clearOnce: ["Clear", "清除"],
  chooseWhy: [
    "Click a state or an arrow: what it means, the clause, the line of source",
    "点击状态或箭头:含义、RFC 条款、源代码行",
  ],
  eventsLost: [
    "{} events were not shown: too fast to be read",
    "有 {} 个事件未显示:来得太快",
  ],
  source: ["Source", "源代码"],
  also: ["also taken: {}", "还经过:{}"],
  sequenceHint: ["Segments of the selected connection appear here", "所选连接的报文段显示在这里"],
  drop_syn: ["Lose next SYN", "丢下一个 SYN"],
  drop_syn_ack: ["Lose next SYN,ACK", "丢下一个 SYN,ACK"],
  drop_data: ["Lose next data", "丢下一个数据段"],
  drop_fin: ["Lose next FIN", "丢下一个 FIN"],
  hold_ack: ["Hold next ACK 2 s", "扣留下一个 ACK 2 秒"],
  dup_data: ["Next data twice", "下一个数据段重复"],
  corrupt_data: ["Damage next data", "损坏下一个数据段"],
  waited: ["nothing for {}", "静默 {}"],
  unfold: ["Show each segment", "逐个显示报文段"],
  earlier: ["{} lines before these: show more", "之前还有 {} 行:显示更多"],
  later: ["{} lines after these: show more", "之后还有 {} 行:显示更多"],
  closeSegment: ["Back to the whole diagram (Esc)", "返回完整时序图(Esc)"],
  payload: ["{} bytes of data", "{} 字节数据"],
  rebuilt: [
    "Bytes put together again from the fields; of the checksum nobody has kept a copy",
    "字节由各字段重新拼出;校验和没有保存",
  ],
  asCaptured: ["Bytes as they were captured", "字节与捕获的一致"],
  certain: ["certain", "确定"],
  likely: ["likely", "可能"],
  fieldBits: ["bits", "比特"],
  fieldSourcePort: ["Source port", "源端口"],
  fieldDestinationPort: ["Destination port", "目的端口"],
  fieldSequence: ["Sequence number", "序列号"],
  fieldAcknowledgment: ["Acknowledgment number", "确认号"],
  fieldDataOffset: ["Offset", "数据偏移"],
  fieldReserved: ["Rsrvd", "保留"],
  fieldFlags: ["Control bits", "控制位"],
  fieldWindow: ["Window", "窗口"],
  fieldChecksum: ["Checksum", "校验和"],
  fieldUrgentPointer: ["Urgent pointer", "紧急指针"],
  fieldMss: ["Maximum segment size", "最大报文段长度"],
  fieldWindowScale: ["window scale", "窗口扩大因子"],
  fieldSackPermitted: ["SACK permitted", "允许 SACK"],
  fieldSack: ["SACK", "选择确认 SACK"],
  fieldTimestamps: ["Timestamps", "时间戳"],
  fieldFastOpen: ["Fast Open cookie", "快速打开 Cookie"],
  fieldOption: ["Option of kind", "选项,种类"],
  sumCorrect: ["correct", "正确"],
  sumPartial: ["partial", "未完成"],
  sumWrong: ["wrong", "错误"],
  fieldPadding: ["Padding", "填充"],
  enlarge: [
    "This alone, and back (Q the diagram, C the charts, D the states)",
    "单独显示或恢复(Q 时序图,C 图表,D 状态图)",
  ],
  charts: ["Charts", "图表"],
  chartSequence: ["Sequence over time", "序列号随时间"],
  chartWindow: ["Congestion window", "拥塞窗口"],
  chartRoundTrip: ["Round trip", "往返时间"],
  chartFlight: ["Window and flight", "窗口与在途数据"],
  chartEmpty: ["Nothing yet", "暂无数据"],
  windowEdge: ["window", "窗口上沿"],
  acknowledged: ["acknowledged", "已确认"],
  cwnd: ["cwnd", "cwnd"],
  ssthresh: ["ssthresh", "ssthresh"],
  measured: ["measured", "测得"],
  srtt: ["SRTT", "SRTT"],
  rto: ["RTO", "RTO"],
  peerWindow: ["receiver's window", "接收方窗口"],
  inFlight: ["in flight", "在途"],
  flowFromClient: ["client → server", "客户端 → 服务器"],
  flowFromServer: ["server → client", "服务器 → 客户端"],
  flowTitle: ["The direction that is drawn: the other one (F)", "切换所绘的方向(F)"],
  drop_ack: ["Lose next ACK", "丢下一个 ACK"],
} as const satisfies OwnWords;

/** Of the page and of the playground. */
const WORDS = { ...PAGE_WORDS, ...PLAY_WORDS };

let language: Language = "en";

/** The language that is shown. */
export function currentLanguage(): Language {
  return language;
}

/** Of a text in both languages the one that is shown. */
export function chosenText([english, chinese]: readonly [english: string, chinese: string]): string {
  return language === "en" ? english : typeset(chinese);
}

/** A word's text in the language that is shown. */
export function text(word: Word, put = ""): string {
  const [english, chinese] = WORDS[word];
  return chosenText([english.replace("{}", () => put), chinese.replace("{}", () => put)]);
}

/** Has an element show a word, in whatever language is shown from now on. */
export function showWord(target: HTMLElement, word: Word): void {
  target.dataset.word = word;
  target.textContent = text(word);
}

/** The same of its title, which is also what it is called where it shows no text. */
export function titleWord(target: HTMLElement, word: Word): void {
  target.dataset.wordTitle = word;
  target.title = text(word);
}

/** Shows everything in a language. */
export function setLanguage(chosen: Language): void {
  language = chosen;
  document.documentElement.lang = chosen;
  for (const found of document.querySelectorAll<HTMLElement>("[data-word]")) {
    const { word } = found.dataset;
    if (isWord(word)) found.textContent = text(word);
  }
  for (const found of document.querySelectorAll<HTMLElement>("[data-word-title]")) {
    const { wordTitle } = found.dataset;
    if (isWord(wordTitle)) found.title = text(wordTitle);
  }
}

function isWord(name: string | undefined): name is Word {
  return name !== undefined && Object.hasOwn(WORDS, name);
}
