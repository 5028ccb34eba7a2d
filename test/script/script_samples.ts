/** Scripts that show every construct of the language, each beside its canonical text where that is another. */

/** A step as it may be written, and as it is printed. */
export interface StepSample {
  readonly written: string;
  readonly printed: string;
}

function same(...lines: readonly string[]): StepSample[] {
  return lines.map((line) => ({ written: line, printed: line }));
}

/** One step each. */
export const STEP_SAMPLES: readonly StepSample[] = [
  // Times.
  ...same(
    "0 `true`",
    "1.5 `true`",
    "+0.000001 `true`",
    "+0...0.2 connect(3, ..., ...) = 0",
    "* > . 1:1(0) ack 1",
    "+0.1~+0.25 > . 1:1(0) ack 1",
    "0.1~0.25 > . 1:1(0) ack 1",
  ),
  { written: "+ .5 `true`", printed: "+0.5 `true`" },
  { written: "0.100 > . 1:1(0)", printed: "0.1 > . 1:1(0)" },
  // Segments.
  ...same(
    "+0 < S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 7>",
    "+0 > S. 0:0(0) ack 1 win 65535 <mss 1460,nop,wscale 6,sackOK,TS val 100 ecr 0>",
    "+0 < P. 1:1001(1000) ack 1 win 257 urg 5",
    "+0 > - 1:1(0)",
    "+0 > SEWA 0:0(0)",
    "+0 > .5 1:1(0) ack 1",
    "+0 > S.2 0:0(0) ack 1",
    "+0 > F.A 1:1(0) ack 1",
    "+0 > R 0:0(0)!",
    "+0 > . ...(10) ack 1",
    "+0 < . 4294967295:0(1) ack 1 win 100",
    "+0 < 1234 > 80 S 0:0(0) win 100",
    "+0 > R. 1:1(0) ack 1 [code 2, pen 9]",
    "+0 > R. 0:0(0)! ack 2 win 0 <nop,nop,md5 valid>/udp(9811 > 1)",
    "+0 > . 1:1(0) ack 1 <...>",
    "+0 < S 0:0(0) win 100 <0204ffd7>",
    "+0 > . 1:1(0) ack 1 <TS val ... ecr 7>",
    "+0 > . 1:1(0) ack 1 <TS val 0 ecr 4294967295!>",
    "+0 > . 1:1(0) ack 1 <nop,nop,sack 1001:2001 3001:4001>",
    "+0 > S 0:0(0) <FO,nop,nop>",
    "+0 > S 0:0(0) <FO 1234abcd>",
    "+0 > S 0:0(0) <FO 00000000>",
    "+0 > S 0:0(0) <FO SOME_COOKIE>",
    "+0 > S 0:0(0) <FOEXP 1234abcd>",
    "+0 > S 0:0(0) <exp-FO>",
    "+0 > S 0:0(0) <md5 000102030405060708090a0b0c0d0e0f>",
    "+0 > . 1:1(0) <ECN e1b 1 ceb 2 e0b 16777215>",
    "+0 > . 1:1(0) <AccECN0 ee0b 1 eceb 2>",
    "+0 > . 1:1(0) <exp-AccECN1>",
    "+0 > . 1:1(0) <exp-tarr 64,exp-tarr>",
    "+0 > . 1:1(0) <gen-99 0a0b,gen-7,exp-beef 01,eol>",
  ),
  // Around segments.
  ...same(
    "+0 > [ect0] . 1:1(0)",
    "+0 > [tos 0x28, ttl 3] . 1:1(0)",
    "+0 > [dscp 0x2e, ect01, ttl 64, flowlabel 0xfffff, id 7] . 1:1(0)",
    "+0 > ipv4 192.0.2.1 > 192.0.2.2: ipv6 [ttl 9] fd00::1 > fd00::2: gre: . 1:1(0)",
    "+0 > mpls (label 16, tc 0, [S], ttl 64): . 1:1(0)",
    "+0 > gre flags [checksum present, key present], sum 0x1, off 0, key = 0x2, seq 3: . 1:1(0)",
    "+0 > [noecn] encap psp spi 0x1 . 1:1(0)",
  ),
  { written: "+0 > (tos 0x28) . 1:1(0)", printed: "+0 > [tos 0x28] . 1:1(0)" },
  { written: "+0 < (class 0xe0,hlim 6) . 1:1(0)", printed: "+0 < [tos 0xe0, ttl 6] . 1:1(0)" },
  { written: "+0 > [ecn ect01, dscp af41] . 1:1(0)", printed: "+0 > [dscp 0x22, ect01] . 1:1(0)" },
  { written: "+0 > [dscp voice-admit] . 1:1(0)", printed: "+0 > [dscp 0x2c] . 1:1(0)" },
  // Other packets.
  ...same(
    "+0 < icmp unreachable frag_needed mtu 1200 [1:1001(1000)]",
    "+0 < icmp echo_request id 7",
    "+0 < icmp type_3 code_4 [udp(100)]",
    "+0 < icmp unreachable port_unreachable [1:1(0)/udp(9811 > 1)]",
    "+0 < icmp unreachable [sctp(1)/udp(1 > 2)]",
    "+0 < icmp unreachable [udplite(100, 8)]",
    "+0 < icmp unreachable [raw(20)]",
    "+0 > udp (100)",
    "+0 > udp 1234 > 5678 (0)",
    "+0 > udplite 1 > 2 (100, 8)",
    "+0 > sctp: INIT[flgs=0, tag=1, a_rwnd=..., types=[IPv4, IPv6]]; DATA[flgs=BE, len=1016]",
    "+0 > 1 > 2 sctp(bad_crc32c, tag=7)/udp(3 > 4): COOKIE_ACK[flgs=0]",
    "+0 > sctp: [0x01, 2]",
  ),
  // Calls.
  ...same(
    "+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3",
    "+0 close(3) = 0",
    "+0 close(3)",
    "+0 fcntl(3, F_GETFL) = 0x02 (flags O_RDWR)",
    "+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0",
    "+0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)",
    "+0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress) (once more)",
    "+0 connect(3, ..., ...) = -1 EINPROGRESS",
    "+0 setsockopt(3, SOL_SOCKET, SO_LINGER, {onoff=1, linger=..., NULL}, 8) = 0",
    '+0 bind(3, {sa_family=AF_INET, sin_port=htons(8080), sin_addr=inet_addr("192.0.2.1")}, ...) = 0',
    "+0 poll([{fd=3, events=POLLIN|POLLOUT, revents=POLLOUT}], 1, 0) = 1",
    '+0 recvmsg(3, {msg_name(...)=..., msg_iov(2)=[{..., 0}, {"ab", 2}], msg_flags=0}, 0) = 0',
    "+0 f([], {}, [[1], [2, -3]], A|B|C, NAME = [x]) = ...",
    "+0 f({(label 1, tc 2, ttl 3)}, {flags 0x1, sum 0}) = 18446744073709551615",
    '+0 write(3, "a\\\\b\\"\\f\\n\\r\\t\\v\\x00\\xff", 9) = 9',
    '+0 read(3, "abc"..., 100) = 100',
  ),
  { written: '+0 write(3, "ab" /* and */ "cd", 4) = 4', printed: '+0 write(3, "abcd", 4) = 4' },
  { written: '+0 write(3, "é", 2) = 2', printed: '+0 write(3, "\\xc3\\xa9", 2) = 2' },
  { written: "+0 f(A | B,\n  c=d) = 0", printed: "+0 f(A|B, c = d) = 0" },
  // Commands and code.
  ...same(
    "+0 `sysctl -w a=1 | grep \\`x\\` && echo 'two\n lines'`",
    "+0 %{ assert tcpi_snd_cwnd == 10, 'x' # no }\n}%",
  ),
];

/** Scripts as a whole. */
export const SCRIPT_SAMPLES: readonly string[] = [
  `// What it shows.
--ip_version=ipv6 --tolerance_usecs=10000   // a word on that
--local_ip=fd00::1
--remote_ip="192.0.2.2"
--strict_segments
--define=SIZE=1000
--define=HELLO="a \\" b"
--define=RUN=\`true\`

/* set up
   in two lines */
\`./defaults.sh\`

   +0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3 // the socket
   +0 write(3, HELLO, SIZE) = SIZE
// between
  +.1 < S 0:0(0) /* here */ win SIZE <mss SIZE>
  +.1 RUN
#ifdef FreeBSD
+0 close(3) = 0   // only there
#ifndef Old
// nothing
#else
+0 close(4) = 0
#endif // Old
#else
#endif
+0 %{ print(1) }% +0 %{ print(2) }%
\`clean up\` // the end`,
  "0 `true`",
  "\n\n#ifdef A\n0 `a`\n#endif\n#ifndef  /* not */ B\n0 `b`\n#endif\n\n\n",
  "0 f() = 0+0 g() = 0\r\n+1 h() = 0 //\r\n",
];
