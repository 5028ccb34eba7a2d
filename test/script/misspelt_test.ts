/** Misspelt names in scripts: `unsupported` says what is near, and never takes what kernels have for a misspelt name. */
import { assert, assertEquals } from "@std/assert";
import { misspeltName } from "../../src/observe/nearest_name.ts";
import { KERNEL_NAMES } from "../../src/script/kernel_names.ts";
import { HEAD_OPTIONS, runConfig } from "../../src/script/run_config.ts";
import { meantText } from "../../src/script/misspelt.ts";
import { parseScript } from "../../src/script/parse_script.ts";
import { createKernel } from "../../src/script/sockets/create_kernel.ts";
import { settingNames } from "../../src/script/sysctl.ts";
import { PROFILES } from "../../src/tcp/profiles.ts";
import { ACCEPTED, played } from "./played.ts";

/** What the script is refused for; throws when it comes to another outcome. */
function unsupported(text: string): string {
  const { verdict } = played(text, { kernel: createKernel, profile: PROFILES.linux });
  if (verdict.kind === "unsupported") return verdict.construct;
  throw new Error(`not unsupported: ${JSON.stringify(verdict)}`);
}

Deno.test("a misspelt name is unsupported, and the near one is named", () => {
  const cases: readonly (readonly [step: string, construct: string])[] = [
    ["+0 setsokopt(4, SOL_TCP, TCP_NODELAY, [1], 4) = 0", "setsokopt() (did you mean setsockopt?)"],
    ["+0 raed(4, ..., 100) = 0", "raed() (did you mean read?)"],
    [
      "+0 setsockopt(4, SOL_TCP, TCP_NODLEAY, [1], 4) = 0",
      "setsockopt(SOL_TCP, TCP_NODLEAY) (did you mean TCP_NODELAY?)",
    ],
    [
      "+0 setsockopt(4, SOL_TPC, TCP_NODELAY, [1], 4) = 0",
      "setsockopt(SOL_TPC, TCP_NODELAY) (did you mean SOL_TCP?)",
    ],
    ["+0 shutdown(4, SHUT_WRR) = 0", "SHUT_WRR (did you mean SHUT_WR?)"],
    ["+0 send(4, ..., 100, MSG_MOER) = 100", "MSG_MOER (did you mean MSG_MORE?)"],
    ["+0 recv(4, ..., 100, MSG_PEAK) = 100", "MSG_PEAK (did you mean MSG_PEEK?)"],
    ["+0 fcntl(4, F_SETLF, O_NONBLOCK) = 0", "fcntl(F_SETLF) (did you mean F_SETFL?)"],
    ["+0 fcntl(4, F_SETFL, O_NONBLOK) = 0", "O_NONBLOK (did you mean O_NONBLOCK?)"],
    ["+0 ioctl(4, FIONREED, [0]) = 0", "ioctl(FIONREED) (did you mean FIONREAD?)"],
    ["+0 poll([{fd=4, events=POLLINN, revents=0}], 1, 0) = 0", "POLLINN (did you mean POLLIN?)"],
    ["+0 poll([{fd=4, events=POLLIN, revents=POLIN}], 1, 0) = 0", "POLIN (did you mean POLLIN?)"],
    [
      "+0 epoll_create(1) = 5\n+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN, fd=4}) = 0\n" +
      "+0 epoll_wait(5, {events=EPOLIN, fd=4}, 1, 0) = 0",
      "EPOLIN (did you mean EPOLLIN?)",
    ],
    ["+0 fcntl(4, F_GETFL) = O_RDRW", "the result O_RDRW of fcntl() (did you mean O_RDWR?)"],
    ["+0 recv(4, ..., 1, MSG_DONTWAIT) = -1 EAGIAN (Nothing)", "the error EAGIAN (did you mean EAGAIN?)"],
    ["+0 socket(..., SOCK_STRAEM, IPPROTO_TCP) = 5", "SOCK_STRAEM (did you mean SOCK_STREAM?)"],
    ["+0 socket(AF_INETT, SOCK_STREAM, IPPROTO_TCP) = 5", "socket(AF_INETT) (did you mean AF_INET?)"],
    [
      '+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 5\n+0 bind(5, {sa_family = AF_INET, sin_prot = htons(1), sin_addr = inet_addr("1.1.1.1")}, ...) = 0',
      "sin_prot in an address (did you mean sin_port?)",
    ],
    [
      "+0 sendmsg(4, {msg_nmae(...)=..., msg_iov(1)=[{..., 40}], msg_flags=0}, 0) = 40",
      "msg_nmae of a msghdr (did you mean msg_name?)",
    ],
    [
      "+0 `sysctl -q net.ipv4.tcp_timestmaps=0`",
      "`sysctl net.ipv4.tcp_timestmaps=0` (did you mean net.ipv4.tcp_timestamps?)",
    ],
    [
      "+0 `sysctl -n net.ipv4.tcp_sacck`",
      "`sysctl net.ipv4.tcp_sacck` (did you mean net.ipv4.tcp_sack?)",
    ],
    ["+0 `sysctl tcplab.quickAck=0`", "`sysctl tcplab.quickAck=0` (did you mean tcplab.quickAcks?)"],
    ["+0 `sysclt -q net.ipv4.tcp_sack=0`", "`sysclt -q net.ipv4.tcp_sack=0` (did you mean sysctl?)"],
    ["+0 %{ assert tcpi_sdn_cwnd == 10 }%", "%{ the name tcpi_sdn_cwnd (did you mean tcpi_snd_cwnd?) }%"],
    ["+0 %{ print(maxx(1, 2)) }%", "%{ the function maxx() (did you mean max?) }%"],
  ];
  for (const [step, construct] of cases) assertEquals(unsupported(`${ACCEPTED}${step}\n`), construct);
  assertEquals(
    unsupported("--tolerence_usecs=4\n0 `true`\n"),
    "--tolerence_usecs (did you mean tolerance_usecs?)",
  );
});

Deno.test("what is well known, far from all names, or right but for its value gets no suggestion", () => {
  const cases: readonly (readonly [step: string, construct: string])[] = [
    ["+0 pread(4, ..., 100, 0) = 0", "pread()"],
    ["+0 recvmmsg(4, ..., 1, 0) = 0", "recvmmsg()"],
    ["+0 getsockname(4, ..., ...) = 0", "getsockname()"],
    ["+0 accept9(4, ..., ...) = 0", "accept9()"],
    ["+0 frobnicate(4) = 0", "frobnicate()"],
    ["+0 setsockopt(4, SOL_TCP, TCP_ULP, [1], 4) = 0", "setsockopt(SOL_TCP, TCP_ULP)"],
    ["+0 setsockopt(4, SOL_SOCKET, SO_TIMESTAMPNS, [1], 4) = 0", "setsockopt(SOL_SOCKET, SO_TIMESTAMPNS)"],
    // At the wrong level, and not misspelt.
    ["+0 setsockopt(4, SOL_SOCKET, IP_FREEBIND, [1], 4) = 0", "setsockopt(SOL_SOCKET, IP_FREEBIND)"],
    ["+0 recv(4, ..., 100, MSG_MORE) = 100", "MSG_MORE"],
    ["+0 recv(4, ..., 100, MSG_CTRUNC) = 100", "MSG_CTRUNC"],
    ["+0 socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP) = 5", "socket(AF_INET6)"],
    ["+0 socket(..., SOCK_STREAM|SOCK_DGRAM, IPPROTO_TCP) = 5", "SOCK_STREAM|SOCK_DGRAM"],
    ["+0 `sysctl net.ipv4.tcp_rmem`", "`sysctl net.ipv4.tcp_rmem`"],
    // What is no number was once taken for any result.
    ["+0 close(4) = EAGAIN", "the result EAGAIN of close()"],
    ["+0 close(4) = constructor", "the result constructor of close()"],
    ["+0 close(4) = [0]", "the result [0] of close()"],
    ["+0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 5", "SOCK_DGRAM"],
    ["+0 poll([{fd=4, events=POLLMSG, revents=0}], 1, 0) = 0", "POLLMSG"],
    ["+0 `sysctl -q net.ipv4.tcp_mem=0`", "`sysctl net.ipv4.tcp_mem=0`"],
    ["+0 `sysctl -q net.ipv4.tcp_retries2=0`", "`sysctl net.ipv4.tcp_retries2=0`"],
    ["+0 `sysctl -q net.ipv4.tcp_sack=7`", "`sysctl net.ipv4.tcp_sack=7`"],
    ["+0 `usleep 1`", "`usleep 1`"],
    ["+0 `nstat -z`", "`nstat -z`"],
    ["+0 %{ assert tcpi_ato == 1 }%", "%{ the name tcpi_ato }%"],
    ["+0 %{ assert tcpi_pmtu == 1 }%", "%{ the name tcpi_pmtu }%"],
  ];
  for (const [step, construct] of cases) assertEquals(unsupported(`${ACCEPTED}${step}\n`), construct);
});

Deno.test("names of kernels in the list are near ones of ours, and are let be", () => {
  const settings = settingNames();
  for (const name of KERNEL_NAMES) {
    assertEquals(meantText(name, [name.slice(1), `${name}x`, ...settings]), "", name);
  }
  for (const setting of settings) assert(!KERNEL_NAMES.has(setting), setting);
  const near = [...KERNEL_NAMES].filter((name) => name.startsWith("net."));
  for (const name of near) assert(misspeltName(name, settings) !== null, name);
});

Deno.test("each option at a script's head that is suggested is one that means something", () => {
  for (const name of HEAD_OPTIONS) {
    const read = runConfig(parseScript(`--${name}=x\n0 \`true\`\n`, "test.pkt"), {});
    if ("problem" in read) assert(read.problem.kind === "error" || name === "udp_encapsulation", name);
  }
});
