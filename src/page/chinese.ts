/**
 * Chinese for the story's sentences: findings, marks, faults. The story itself speaks English, as everywhere (`explain`, JSON).
 *
 * Owns: each sentence of the story as it is in Chinese, and how Chinese is set. Must not know: where a sentence stands.
 *
 * A sentence that is not here stays English: better that than one that says something else.
 */

/**
 * Sentences of the story, and their parts: `{}` stands for what differs, `{0}` for the first of these in the Chinese one.
 * The first that fits counts.
 */
export const SENTENCES: readonly (readonly [english: string, chinese: string])[] = [
  // Findings about the beginning.
  [
    "{} refused: it answered the SYN with RST, so nobody listens on that port, or a firewall says so.",
    "{0}拒绝连接:它用 RST 应答 SYN,说明该端口无人监听,或防火墙如此答复。",
  ],
  [
    "{} never answered: the host is not there, or something on the way drops it without a word.",
    "{0} 始终没有应答:主机不存在,或途中有设备将它悄悄丢弃。",
  ],
  [
    "What came back was no answer to the SYN: of an older connection on these ports, which the other end still has, or forged.",
    "返回的不是对 SYN 的应答:属于这些端口上对方仍保留的旧连接,或是伪造的。",
  ],
  ["{} sent its SYN {} times; it waited {} in between.", "{0}发送了 {1} 次 SYN;间隔为 {2}。"],
  [
    "The SYN was answered, but the handshake was not finished: the client never acknowledged the SYN, ACK. " +
    "So a scan or a flood looks, and a SYN, ACK that was lost.",
    "SYN 得到了应答,但握手没有完成:客户端始终没有确认 SYN,ACK。扫描、洪泛或丢失的 SYN,ACK 都会如此。",
  ],
  [
    "Both ends called each other at the same time; one connection came of it.",
    "两端同时呼叫对方,形成了同一个连接。",
  ],
  [
    "The beginning was not captured: no SYN was seen, so window scales are unknown and the states are a guess.",
    "没有捕获到开头:未见 SYN,因此窗口扩大因子未知,状态只是猜测。",
  ],
  [
    "Both ends are one address and port: a program that has called its own port, or a forged SYN (LAND). Who sent what cannot " +
    "be told; all of it stands with the client.",
    "两端是同一地址和端口:程序呼叫了自己的端口,或是伪造的 SYN(LAND)。无法分辨各段由谁发送,全部算作客户端的。",
  ],
  [
    "Nothing of {} was captured, though it has answered: one direction alone. What was lost, and the states of that end, cannot be told.",
    "没有捕获到{0}的任何报文段,但它有应答:只捕获了一个方向。丢失了什么、该端处于什么状态,都无从得知。",
  ],
  [
    "Times go backwards in this capture: a clock was set, or frames were put together from several. How long something took, " +
    "and why something was sent again, is as uncertain as these.",
    "此捕获中的时间有倒退:时钟被调整,或帧来自多个捕获。所用的时间和重传的原因因此同样不可靠。",
  ],
  ["The client used the same port for a new connection.", "客户端用同一端口建立了新连接。"],
  [
    "A SYN carried data (Fast Open, or nobody forbids it).",
    "SYN 携带了数据(可能是 Fast Open;规范也未禁止)。",
  ],
  [
    "The client asked for ECN and the server did not agree.",
    "客户端请求使用 ECN,服务器没有同意。",
  ],
  ["Both ends use ECN.", "两端都使用 ECN。"],
  [
    "Both ends use ECN. Congestion was reported by {} segments.",
    "两端都使用 ECN。有 {0} 个报文段报告了拥塞。",
  ],
  // About the end.
  [
    "{} answered the SYN, ACK with RST: it has no such connection any more, or only wanted to know " +
    "whether the port is open (a SYN scan).",
    "{0}用 RST 应答 SYN,ACK:它已没有这个连接,或只想知道端口是否开放(SYN 扫描)。",
  ],
  [
    "{} sent RST after both ends had closed: nothing is lost.",
    "{0}在两端都关闭之后发送了 RST:没有丢失任何数据。",
  ],
  [
    "{} had closed and sent RST when something still came: it does not read any more, what came is lost.",
    "{0}已经关闭,之后仍有数据到来,于是发送 RST:它不再读取,到来的数据丢失了。",
  ],
  [
    "RST of {} after {} of silence: a timer for idle connections, its own or one of a device on the way.",
    "静默 {1} 之后{0}发出 RST:空闲连接定时器到期,可能是它自己的,也可能是途中设备的。",
  ],
  [
    "{} gave the connection up with RST, without FIN: an abort, a process that was killed, or a close with " +
    "data unread.",
    "{0}没有发 FIN,直接用 RST 放弃连接:程序中止、进程被杀,或关闭时还有数据未读。",
  ],
  [
    "The RST in the name of {} came with TTL {}, its first segment with {}: a device on the way has sent it.",
    "以{0}的名义发出的 RST 的 TTL 为 {1},而它的第一个报文段为 {2}:是途中的设备发出的。",
  ],
  [
    "The RST is the first that was seen of {}: it knows of no such connection (a scan, a restart), or it gave one up that began " +
    "before the capture.",
    "RST 是所见到的{0}的第一个报文段:它不知道有这个连接(扫描,或曾重启),或它放弃了捕获之前开始的连接。",
  ],
  [
    "The RST in the name of {} is not its own: it went on sending. Somebody on the way has forged it, or it is of an older " +
    "connection.",
    "以{0}的名义发出的 RST 不是它自己的:它之后仍在发送。途中有人伪造,或属于更早的连接。",
  ],
  [
    "Both ends closed before they heard of each other: both went through CLOSING.",
    "两端在得知对方关闭之前各自关闭:都经过了 CLOSING。",
  ],
  [
    "The FIN of {} was never acknowledged in this capture.",
    "在此捕获中,{0}的 FIN 始终没有得到确认。",
  ],
  [
    "{} acknowledged the FIN and had not closed when the capture ended: it is in CLOSE_WAIT. Where it stays there, " +
    "its program has forgotten to close.",
    "{0}确认了 FIN,到捕获结束时还没有关闭:处于 CLOSE_WAIT。如果一直如此,就是程序忘记关闭了。",
  ],
  [
    "{} closed first, so it waits in TIME_WAIT: 60 s on Linux, 2 MSL by the RFC (4 min). CLOSED follows by " +
    "time, no segment shows it.",
    "{0}先关闭,所以停留在 TIME_WAIT:Linux 为 60 秒,RFC 规定 2 MSL(4 分钟)。此后到时即 CLOSED," +
    "没有报文段显示它。",
  ],
  // About what lay between.
  ["{} lost by our own faults.", "{0}被我们自己注入的故障丢弃。"],
  [
    "{} seen here and lost behind this point: sent again, and only that was answered.",
    "{0}在此处出现,之后丢失:又被重传,而只有重传得到应答。",
  ],
  [
    "Before {} something is missing: lost before this point, overtaken, or missed by the capture.",
    "{0}之前缺了数据:在此之前丢失、被超越,或捕获时漏掉。",
  ],
  [
    "{} acknowledged what was not seen: the capture has missed it, or that end acknowledges what was never sent.",
    "{0}确认了未见的数据:捕获时漏掉了,或该端确认了从未发送的数据。",
  ],
  ["{} sent again because a timer expired.", "{0}因定时器到期而重传。"],
  ["{} sent again at once, because acknowledgments showed the loss.", "{0}因确认显示丢失而立即重传。"],
  ["{} sent again as a tail loss probe.", "{0}作为尾部丢失探测而重传。"],
  [
    "{} carried the data of the SYN again: the other end had taken the SYN without it.",
    "{0}再次携带 SYN 的数据:对方接受了 SYN,没有接受其中的数据。",
  ],
  ["{} sent again; why cannot be seen.", "{0}被重传;原因看不出。"],
  [
    "{} sent again for nothing: what it repeats had arrived.",
    "{0}属于不必要的重传:它所重复的数据已经到达。",
  ],
  ["{} seen twice: copied on the way, or captured twice.", "{0}出现了两次:途中被复制,或被捕获两次。"],
  ["{} overtaken on the way.", "{0}在途中被超越。"],
  ["{} acknowledged the same again: something was missing.", "{0}重复确认同一位置:有数据缺失。"],
  [
    "{} filled the window: the receiver, not the network, sets the pace there.",
    "{0}填满了窗口:此处的速度由接收方而非网络决定。",
  ],
  ["{} asked whether the shut window is open again.", "{0}询问关闭的窗口是否已重新打开。"],
  ["{} asked only whether the other end is still there.", "{0}只询问对方是否还在。"],
  [
    "{} with numbers that belong to no window of this connection: forged, or of one before it.",
    "{0}的序号不属于此连接的任何窗口:伪造的,或属于之前的连接。",
  ],
  [
    "{} with a sum that a device was to finish: captured on the machine that sent it. No error.",
    "{0}的校验和留给网卡完成:在发送它的机器上捕获。不是错误。",
  ],
  ["{} with a wrong sum: no receiver takes it.", "{0}的校验和错误:任何接收方都不会接受。"],
  [
    "{} shut its window {}, for {} in all: the program there reads too slowly. " +
    "It was still shut when the capture ended.",
    "{0}关闭窗口 {1},共 {2}:那里的程序读取太慢。捕获结束时窗口仍然关闭。",
  ],
  [
    "{} shut its window {}, for {} in all: the program there reads too slowly.",
    "{0}关闭窗口 {1},共 {2}:那里的程序读取太慢。",
  ],
  [
    "{} shut its window {}, for {} in all. It was still shut when the capture ended.",
    "{0}关闭窗口 {1},共 {2}。捕获结束时窗口仍然关闭。",
  ],
  ["{} shut its window {}, for {} in all.", "{0}关闭窗口 {1},共 {2}。"],
  [
    "{} times a small segment waited for an ACK that was delayed, {} each on average: Nagle's algorithm " +
    "against delayed ACKs. TCP_NODELAY, or one write in place of two, ends that.",
    "有 {0} 次小报文段在等待被延迟的 ACK,平均每次 {1}。Nagle 算法与延迟确认互相等待。" +
    "设置 TCP_NODELAY,或把两次写合并为一次,即可避免。",
  ],
  [
    "{} sent a segment of {} octets {} times more and nothing ever answered, though smaller ones had passed: " +
    "the path may carry no packets of that size and not say so.",
    "{0}把 {1} 字节的报文段又发送了 {2} 次,始终没有应答,而较小的已经通过:" +
    "这条路径可能传不了这么大的包,又不说明。",
  ],
  // Marks.
  ["its number belongs to no window of this connection", "它的序号不属于此连接的任何窗口"],
  ["asks whether the window is still shut", "询问窗口是否仍然关闭"],
  ["asks whether the other end is still there", "询问对方是否还在"],
  ["its sum was left to a device: sent from this machine", "校验和留给网卡计算:由本机发出"],
  ["its sum is wrong: no receiver takes it", "校验和错误:任何接收方都不会接受"],
  ["one octet before it was not seen here", "它之前有 1 个字节未在此处出现"],
  ["{} octets before it were not seen here", "它之前有 {0} 个字节未在此处出现"],
  ["overtaken on its way", "在途中被超越"],
  ["the same frame again: a copy made on the way", "同一帧再次出现:途中产生的副本"],
  ["its timer has expired", "定时器到期"],
  ["the acknowledgments show that it was lost", "确认显示它已丢失"],
  ["a probe: the last segment again, before the timer expires", "探测:在定时器到期之前重发最后一段"],
  ["acknowledges {} octets that were not seen here", "确认了此处未见的 {0} 字节"],
  ["acknowledges one octet that was not seen here", "确认了此处未见的一个字节"],
  ["the SYN was taken without its data", "SYN 被接受,但其数据没有"],
  ["why cannot be seen", "原因看不出"],
  ["sent again: {}, {} after it was sent before", "重传:{0},距上次发送 {1}"],
  ["sent again: {}", "重传:{0}"],
  ["sent for nothing: it had been acknowledged already", "不必要:它早已得到确认"],
  ["sent for nothing: {} says that it came twice", "不必要:{0} 说明它到达了两次"],
  ["sent for nothing: {} answers {}", "不必要:{0} 应答的是 {1}"],
  ["the window is still shut", "窗口仍然关闭"],
  ["still there", "仍然在"],
  ["the window is open again", "窗口重新打开"],
  ["the window has grown", "窗口变大了"],
  ["acknowledges the same again, number {}", "重复确认同一位置,第 {0} 次"],
  ["takes no more data", "不再接收数据"],
  ["fills the window of the other end", "填满了对方的窗口"],
  ["has received {} to {} twice", "{0} 到 {1} 收到了两次"],
  ["has received {} beyond a hole", "缺口之后已收到 {0}"],
  [
    "never arrived, or after {} which repeats it: what was sent after it had come before",
    "未到达,或晚于重传它的 {0}:在它之后发送的先到了",
  ],
  [
    "never arrived, or after {} which repeats it: {} answers that one",
    "未到达,或晚于重传它的 {0}:{1} 应答的是后者",
  ],
  ["probably never arrived: {} repeats it", "可能未到达:{0} 重传了它"],
  ["a new connection on the ports of one before", "在之前连接的端口上建立的新连接"],
  ["lost by our own faults", "被我们自己注入的故障丢弃"],
];

/** Who, and how many: parts of sentences. */
const PARTS: readonly (readonly [RegExp, string])[] = [
  [/^the client( \(.*\))?$/i, "客户端$1"],
  [/^the server( \(.*\))?$/i, "服务器$1"],
  [/^one segments?( was| were)?$/i, "1 个报文段"],
  [/^(\d+) segments?( was| were)?$/i, "$1 个报文段"],
  [/^The SYN was$/, "SYN"],
  [/^(\d+) SYNs were$/, "$1 个 SYN"],
  [/^once$/, "1 次"],
  [/^(\d+) times$/, "$1 次"],
  [/(\d) to (?=-?\d)/g, "$1 到 "],
];

interface Pattern {
  readonly fits: RegExp;
  readonly chinese: string;
}

const PATTERNS: readonly Pattern[] = SENTENCES.map(([english, chinese]) => ({
  fits: new RegExp(`^${english.split("{}").map(escaped).join("(.+)")}$`),
  chinese,
}));

/** A sentence of the story in Chinese; null for one that is not known. */
export function chineseSentence(english: string): string | null {
  for (const { fits, chinese } of PATTERNS) {
    const found = fits.exec(english);
    if (found === null) continue;
    const said = chinese.replace(/\{(\d)\}/g, (_, at: string) => partOf(found[Number(at) + 1] ?? ""));
    return typeset(said);
  }
  return null;
}

/** Numbers and times are the same in both. */
function partOf(english: string): string {
  for (const [fits, chinese] of PARTS) {
    const said = english.replace(fits, chinese);
    if (said !== english) return said;
  }
  return chineseSentence(english) ?? english;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** What kinds of findings are called. */
export const FINDING_KINDS: ReadonlyMap<string, string> = new Map([
  ["refused", "连接被拒绝"],
  ["unanswered", "没有应答"],
  ["syn-resent", "SYN 重传"],
  ["half-open", "半开连接"],
  ["simultaneous-open", "同时打开"],
  ["midstream", "缺少开头"],
  ["port-reused", "端口重用"],
  ["syn-data", "SYN 携带数据"],
  ["ecn", "ECN"],
  ["reset-handshake", "握手中重置"],
  ["reset-after-close", "关闭后重置"],
  ["reset-data-after-close", "关闭后来数据而重置"],
  ["reset-idle", "空闲后重置"],
  ["reset-abort", "异常中止"],
  ["simultaneous-close", "同时关闭"],
  ["with-itself", "与自己连接"],
  ["one-direction", "只有一个方向"],
  ["time-backwards", "时间倒退"],
  ["reset-no-connection", "没有此连接而重置"],
  ["acks-unseen", "确认了未见的数据"],
  ["reset-elsewhere", "途中发出的 RST"],
  ["reset-forged", "伪造的 RST"],
  ["syn-data-not-taken", "SYN 的数据未被接受"],
  ["fin-unanswered", "FIN 未得到回应"],
  ["time-wait", "TIME_WAIT"],
  ["lost-on-purpose", "故意丢失"],
  ["never-arrived", "未到达"],
  ["capture-gap", "捕获有缺口"],
  ["retransmission-timeout", "超时重传"],
  ["retransmission-fast", "快速重传"],
  ["retransmission-tail-probe", "尾部探测重传"],
  ["retransmission", "重传"],
  ["spurious-retransmission", "不必要的重传"],
  ["duplicate-frames", "重复的帧"],
  ["out-of-order", "乱序"],
  ["duplicate-acks", "重复 ACK"],
  ["window-full", "窗口已满"],
  ["zero-window", "零窗口"],
  ["zero-window-probe", "零窗口探测"],
  ["keep-alive", "保活探测"],
  ["outside-window", "窗口之外"],
  ["checksum-offload", "校验和卸载"],
  ["wrong-checksum", "校验和错误"],
  ["nagle-delayed-ack", "Nagle 与延迟确认"],
  ["mtu-black-hole", "MTU 黑洞"],
]);

/** Words of what is done to frames (link/fault_spec.ts), each where a value follows or none. */
const FAULT_WORDS: readonly (readonly [RegExp, string])[] = [
  [/\bin nothing\b/, "收到的帧无改动"],
  [/\bout nothing\b/, "发出的帧无改动"],
  [/\bin (?=[a-zA-Z])/, "收到的帧 "],
  [/\bout (?=[a-zA-Z])/, "发出的帧 "],
  [/\bdrop (?=[\d.])/g, "丢失 "],
  [/\bdup (?=[\d.])/g, "重复 "],
  [/\breorder (?=[\d.])/g, "乱序 "],
  [/\bcorrupt (?=[\d.])/g, "损坏 "],
  [/\bmark (?=[\d.])/g, "拥塞标记 "],
  [/\bdelay (?=[\d.])/g, "延迟 "],
  [/\bjitter (?=[\d.])/g, "抖动 "],
  [/\brate (?=[\d.])/g, "速率 "],
  [/\bARP and NDP too\b/g, "包括 ARP 和 NDP"],
  [/\bseed (?=\d)/, "种子 "],
];

/** A line that says which faults are in force, in Chinese. */
export function chineseFaults(english: string): string {
  return typeset(FAULT_WORDS.reduce((line, [word, chinese]) => line.replace(word, chinese), english));
}

const HAN = "\\p{Script=Han}";
const WIDE: Readonly<Record<string, string>> = {
  ",": "\uff0c",
  ":": "\uff1a",
  ";": "\uff1b",
  "?": "\uff1f",
  "!": "\uff01",
};
const MARK_BESIDE_HAN = new RegExp(`(?<=${HAN}[)\uff09]?)[,:;?!] ?|[,:;?!] ?(?=${HAN})`, "gu");
const PARENTHESES = new RegExp(`(?<=${HAN}) ?\\(([^()]*)\\)|\\(([^()]*${HAN}[^()]*)\\)`, "gu");

/** Beside Chinese letters, marks are as wide as these. */
export function typeset(text: string): string {
  return text
    .replace(PARENTHESES, (_, beside?: string, around?: string) => `\uff08${beside ?? around ?? ""}\uff09`)
    .replace(MARK_BESIDE_HAN, (mark) => WIDE[mark[0]] ?? mark);
}
