/**
 * Scenarios: set-ups to begin with, each with a sentence that says what to look at, in English and in Chinese.
 *
 * Owns: the list. Must not know: how a set-up is run or shown; that each does what its sentence says is a test's to show.
 */
import { type Command, parseCommand } from "./command.ts";
import type { EndSettings } from "./end_settings.ts";
import { EMPTY_SET_UP, type SetUp } from "./set_up.ts";

/** A text in both languages of the page. */
export type BothLanguages = readonly [english: string, chinese: string];

/** See the head of this file. */
export interface Scenario {
  readonly name: string;
  readonly title: BothLanguages;
  readonly look: BothLanguages;
  readonly setUp: SetUp;
}

interface Plan {
  readonly title: BothLanguages;
  readonly look: BothLanguages;
  /** Commands as in a link (command.ts): time in ms, letter, end. */
  readonly plan: string;
  readonly client?: EndSettings;
  readonly server?: EndSettings;
  readonly lost?: readonly number[];
  readonly delayMs?: number;
}

const PLANS: Readonly<Record<string, Plan>> = {
  empty: {
    title: ["Nothing yet", "空白"],
    look: [
      "Two hosts and a cable. Have the server listen, then the client connect; or leave the listening out.",
      "两台主机和一根网线。先让服务器监听,再让客户端连接;也可以不监听试试。",
    ],
    plan: "",
  },
  handshake: {
    title: ["Three-way handshake", "三次握手"],
    look: [
      "Step with S. Why three segments? Each SYN carries a sequence number that the other end must confirm; the client is ESTABLISHED half a round trip before the server.",
      "按 S 单步。为什么是三次?每个 SYN 带一个序号,必须由对方确认;客户端比服务器早半个往返进入 ESTABLISHED。",
    ],
    plan: "0l1_0c0",
  },
  connection: {
    title: ["A whole connection", "完整的连接"],
    look: [
      "Open, a request, an orderly end. The server answers the client's FIN with two segments: it acknowledges, and then closes itself. Who waits in TIME_WAIT, and how long?",
      "建立、一次请求、正常关闭。服务器对客户端的 FIN 先确认,再发自己的 FIN(四次挥手)。谁停在 TIME_WAIT?停多久?",
    ],
    plan: "0l1_0c0_100s0!1000_300e0",
  },
  "lost-syn-ack": {
    title: ["Lost SYN,ACK", "SYN,ACK 丢失"],
    look: [
      "The second segment never arrives. Both ends repeat theirs after a second: the client cannot know which of the two was lost.",
      "第二个报文段没有到达。一秒后两端都重传:客户端无法知道丢的是哪一个。",
    ],
    plan: "0l1_0c0",
    lost: [2],
  },
  loss: {
    title: ["Loss and fast retransmit", "丢包与快速重传"],
    look: [
      "One data segment of many is lost. The duplicate ACKs carry SACK blocks that say what did arrive; the hole is filled long before any timer.",
      "许多数据段中丢了一个。重复 ACK 带着 SACK 块,说明哪些已到;缺口在任何定时器之前就被补上。",
    ],
    plan: "0l1_0c0_100s0!14600",
    lost: [6],
  },
  "tail-loss": {
    title: ["The last segments lost", "末尾的段丢失"],
    look: [
      "Nothing follows what is lost, so nobody sends duplicate ACKs: a tail loss probe repairs it after two round trips, sooner than the timeout.",
      "丢失的段后面没有数据,就没有重复 ACK:尾部丢失探测(TLP)约两个往返后修复,比超时更早。",
    ],
    plan: "0l1_0c0_100s0!6000",
    lost: [7, 8],
  },
  "lost-fin": {
    title: ["Lost FIN", "FIN 丢失"],
    look: [
      "The FIN is lost, and sent again: it takes a sequence number, as data does. Meanwhile the server knows nothing and stays ESTABLISHED.",
      "FIN 丢失后重传:FIN 像数据一样占一个序号。在此期间服务器毫不知情,仍是 ESTABLISHED。",
    ],
    plan: "0l1_0c0_100e0",
    lost: [4],
  },
  reordering: {
    title: ["Reordering", "乱序"],
    look: [
      "One segment is overtaken by others. The SACK blocks look like loss at first; it arrives before the sender gives it up, and nothing need be sent again.",
      "一个段被后面的超过。开始时 SACK 看起来像丢包;但它及时到达,无需重传。",
    ],
    plan: "0l1_0c0_100o0!in:hold:data@3:4ms_100s0!6000",
  },
  duplicate: {
    title: ["A segment arrives twice", "重复到达"],
    look: [
      "The wire makes a copy. The receiver takes the data once, and says by a D-SACK block what it has had before.",
      "网络复制了一个段。接收方只取一次数据,并用 D-SACK 块报告重复。",
    ],
    plan: "0l1_0c0_100o0!in:dup:data_100s0!3000",
  },
  "zero-window": {
    title: ["Zero window", "零窗口"],
    look: [
      "The server's application does not read: the window closes, and probes ask whether it is open again. At 3 s it reads, and a window update lets the rest go.",
      "服务器应用不读数据:窗口关闭,发送方用探测询问。3 秒时开始读取,窗口更新放行剩余数据。",
    ],
    plan: "0l1_0c0_100s0!20000_3000r1",
    server: { app: "hold", rcv: 8 },
  },
  "nagle-delayed-ack": {
    title: ["Nagle against delayed ACK", "Nagle 与延迟确认"],
    look: [
      "Two small writes. The second waits for the ACK of the first (Nagle), and that ACK waits for more data (delayed): 40 ms pass for nothing. Switch Nagle off and look again.",
      "两次小写入。第二个等第一个的 ACK(Nagle),而那个 ACK 在等更多数据(延迟确认):白等 40 毫秒。关掉 Nagle 再看。",
    ],
    plan: "0l1_0c0_100s0!100_300s0!100_301s0!100",
    server: { quick: 0 },
    delayMs: 5,
  },
  "half-close": {
    title: ["Half-close", "半关闭"],
    look: [
      "The client has closed, and still receives: FIN_WAIT_2 at one end and CLOSE_WAIT at the other last until the server closes too. A server that forgets to leaks CLOSE_WAIT.",
      "客户端已关闭,仍能接收:一端 FIN_WAIT_2,一端 CLOSE_WAIT,直到服务器也关闭。忘记关闭的服务器会堆积 CLOSE_WAIT。",
    ],
    plan: "0l1_0c0_100e0_300s1!3000_600e1",
    server: { answer: "wait" },
  },
  "simultaneous-open": {
    title: ["Simultaneous open", "同时打开"],
    look: [
      "Both call each other at once, nobody listens. Each goes from SYN_SENT to SYN_RCVD, and one connection comes of it.",
      "双方同时主动打开,没有人监听。各自从 SYN_SENT 到 SYN_RCVD,最后只有一个连接。",
    ],
    plan: "0c0_0c1",
  },
  "simultaneous-close": {
    title: ["Simultaneous close", "同时关闭"],
    look: [
      "The FINs cross. Both ends go through CLOSING, and both wait in TIME_WAIT.",
      "两个 FIN 在途中交叉。两端都经过 CLOSING,也都停在 TIME_WAIT。",
    ],
    plan: "0l1_0c0_200e0_200e1",
  },
  "half-open": {
    title: ["Half-open: the server restarts", "半打开:服务器重启"],
    look: [
      "The server loses its memory and tells nobody. The client stays ESTABLISHED until it sends: then a RST says that there is no such connection.",
      "服务器断电重启,没有通知任何人。客户端一直 ESTABLISHED,直到发送数据:收到 RST 才知道连接已不存在。",
    ],
    plan: "0l1_0c0_200k1_500s0!100",
  },
  "time-wait": {
    title: ["TIME_WAIT and the same port", "TIME_WAIT 与同一端口"],
    look: [
      "The server closes first and waits in TIME_WAIT. The client calls again from the same port: its newer timestamp shows that this SYN is no old duplicate, and the wait ends early.",
      "服务器先关闭,停在 TIME_WAIT。客户端用同一端口再次连接:更新的时间戳证明这个 SYN 不是旧的重复,等待提前结束。",
    ],
    plan: "0l1_0c0_200e1_1500c0!1",
  },
  "syn-flood": {
    title: ["SYN flood", "SYN 洪泛"],
    look: [
      "Strangers fill the server's backlog with half-open connections. The honest client is answered with a SYN cookie and gets in. Switch the server's cookies off and look again.",
      "陌生地址用半连接占满了服务器的队列。真正的客户端靠 SYN cookie 连上。把服务器的 SYN cookie 关掉再看。",
    ],
    plan: "0l1_0y1!8_100c0",
    server: { backlog: 4 },
  },
  refused: {
    title: ["Nobody listens", "没有监听"],
    look: [
      "A SYN to a port on which nobody listens is answered with RST,ACK. What does its acknowledgment number prove?",
      "发往无人监听端口的 SYN 得到 RST,ACK。它的确认号证明了什么?",
    ],
    plan: "0c0",
  },
  unanswered: {
    title: ["No answer at all", "没有应答"],
    look: [
      "Every segment to the server is lost. The client repeats its SYN after 1, 2, 4, 8 seconds: each wait is twice the one before.",
      "发往服务器的段全部丢失。客户端在 1、2、4、8 秒后重发 SYN:每次等待加倍。",
    ],
    plan: "0l1_0f0!in:drop=100%_0c0",
  },
  "slow-start": {
    title: ["Slow start on a narrow path", "窄带上的慢启动"],
    look: [
      "300 kB through 2 Mbit/s with a short queue. The window doubles each round trip until the queue overflows; then it is cut, and grows slowly.",
      "300 kB 通过 2 Mbit/s、短队列的路径。窗口每个往返翻倍,直到队列溢出;然后减小,缓慢增长。",
    ],
    plan: "0l1_0f0!rate=2mbit_0c0_100s0!300000",
    delayMs: 30,
  },
  abort: {
    title: ["Abort", "中止"],
    look: [
      "RST instead of FIN: what was on its way is thrown away, nobody waits in TIME_WAIT, and nothing is acknowledged.",
      "用 RST 代替 FIN:途中的数据被丢弃,没有 TIME_WAIT,也没有确认。",
    ],
    plan: "0l1_0c0_100s0!5000_110a0",
  },
};

/** In the order in which they are offered. */
export const SCENARIOS: readonly Scenario[] = Object.entries(PLANS).map(([name, plan]) => ({
  name,
  title: plan.title,
  look: plan.look,
  setUp: {
    ...EMPTY_SET_UP,
    scenario: name,
    delayUs: plan.delayMs === undefined ? EMPTY_SET_UP.delayUs : plan.delayMs * 1000,
    ends: [plan.client ?? {}, plan.server ?? {}],
    commands: commandsOf(plan.plan),
    lost: plan.lost ?? [],
  },
}));

/** The scenario called `name`, or null. */
export function findScenario(name: string): Scenario | null {
  return SCENARIOS.find((scenario) => scenario.name === name) ?? null;
}

function commandsOf(plan: string): readonly Command[] {
  return plan.split("_").filter((text) => text !== "").map((text) => {
    const command = parseCommand(text);
    if (typeof command === "string") throw new TypeError(command);
    return command;
  });
}
