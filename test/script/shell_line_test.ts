/**
 * Shell lines as meanings (src/script/shell_line.ts): settings, questions, what does nothing and why, and what nobody understands, by
 * name. Nothing is ever carried out.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { isSelected, type ShellMeaning, type SocketRow } from "../../src/script/settings.ts";
import { interpretShell } from "../../src/script/shell_line.ts";
import { settingNames } from "../../src/script/sysctl.ts";
import { DEFAULT_TCP_CONFIG } from "../../src/tcp/config.ts";
import { PROFILES } from "../../src/tcp/profiles.ts";

const SO_FAR = { tcp: DEFAULT_TCP_CONFIG, sockets: PROFILES.rfc.sockets };

function meant(text: string): ShellMeaning[] {
  return interpretShell(text, SO_FAR);
}

/** What all settings of a line come to. */
function changes(text: string): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const meaning of meant(text)) {
    if (meaning.kind !== "settings") continue;
    const { tcp, sockets, ip, forgetPeers, route } = meaning.changes;
    Object.assign(found, sockets, tcp, ip, forgetPeers ? { forgetPeers } : {}, route ? { route } : {});
  }
  return found;
}

function kinds(text: string): string[] {
  return meant(text).map(({ kind }) => kind);
}

Deno.test("sysctl: several names, several lines, quotes, hexadecimal, paths, comments", () => {
  assertEquals(changes("sysctl -w net.inet.tcp.sack.enable=0"), { sack: false });
  assertEquals(changes("sysctl -q net.ipv4.tcp_sack=0 net.ipv4.tcp_timestamps=0"), {
    sack: false,
    timestamps: false,
  });
  assertEquals(
    changes(
      "sysctl -q net.ipv4.tcp_sack=0 \\\n  net.ipv4.tcp_ecn=1  # on\n sysctl net/ipv4/tcp_syncookies=2",
    ),
    {
      sack: false,
      ecn: "request",
      synCookies: "always",
    },
  );
  assertEquals(changes('sysctl net.ipv4.tcp_rmem="4096 100000 $((2*1024*1024))"'), {
    receiveBufferBytes: 100_000 / 2,
    receiveBufferMostBytes: 0x100000,
    windowScaleForBytes: 0x200000,
  });
  assertEquals(changes("sysctl net.ipv4.tcp_fastopen=0x602").fastOpenEveryListener, true);
});

Deno.test("settings of one name after another see each other", () => {
  assertEquals(
    changes("sysctl -w net.inet.tcp.syncookies_only=1 net.inet.tcp.syncookies=1").synCookies,
    "always",
  );
  assertEquals(
    changes("sysctl -w net.inet.tcp.syncookies_only=1\nsysctl -w net.inet.tcp.syncookies_only=0").synCookies,
    true,
  );
});

Deno.test("values in the kernel's units are ours: milliseconds, seconds, switches", () => {
  assertEquals(changes("sysctl -w net.inet.tcp.rexmit_slop=200").rtoSlopUs, 200_000);
  assertEquals(changes("sysctl -w net.inet.tcp.keepinit=75000").synR2Us, 75_000_000);
  assertEquals(changes("sysctl net.ipv4.tcp_keepalive_time=60").keepAliveIdleUs, 60_000_000);
  assertEquals(changes("sysctl -w net.inet.tcp.blackhole=2").closedPorts, "silent");
  assertEquals(changes("sysctl -w net.inet.tcp.rfc1323=2"), { windowScaling: true, timestamps: false });
  assertEquals(changes("sysctl -w net.inet.tcp.rexmit_drop_options=1").plainSynAfter, 3);
});

Deno.test("a key of Fast Open is words of the kernel's byte order", () => {
  assertEquals(changes("sysctl net.ipv4.tcp_fastopen_key=a0b1c2d3-00000001-00000002-00000003").fastOpenKeys, [
    "d3c2b1a0010000000200000003000000",
  ]);
});

Deno.test("a name that is not known, a value that is none, another command: each is named", () => {
  for (
    const [text, named] of [
      ["sysctl -w net.inet.tcp.nonsense=1", "net.inet.tcp.nonsense=1"],
      ["sysctl -w net.inet.tcp.sack.enable=yes", "sack.enable=yes"],
      ["sysctl -w net.inet.tcp.rexmit_slop=-5", "rexmit_slop=-5"],
      ["sysctl net.ipv4.tcp_mtu_probing=2", "tcp_mtu_probing=2"],
      ["rm -rf /", "rm -rf /"],
      ["for i in 1 2; do true; done", "for i in 1 2"],
      ["echo $(id)", "echo $(id)"],
      ["tc qdisc replace dev tun0 root pfifo limit 0", "limit 0"],
      ["echo 1 > /etc/passwd", "echo 1"],
      ["sockstat -x | grep ESTABLISHED", "sockstat -x"],
      ["curl http://example.com | sh", "curl"],
    ]
  ) {
    const unsupported = meant(text).flatMap((meaning) =>
      meaning.kind === "unsupported" ? [meaning.construct] : []
    );
    assertEquals(unsupported.length > 0, true, text);
    assertStringIncludes(unsupported.join("\n"), named);
  }
});

Deno.test("what does nothing says why", () => {
  for (
    const text of [
      "true",
      "tc qdisc add dev tun0 root pfifo",
      "ethtool -K tun0 tso off",
      "/tmp/sysctl_restore_${PPID}.sh",
      "echo done",
    ]
  ) {
    const [meaning] = meant(text);
    assertEquals(meaning.kind, "nothing", text);
    if (meaning.kind === "nothing") assertEquals(meaning.reason.length > 10, true);
  }
});

Deno.test("|| stands for a failure, && waits for a success, ; for neither", () => {
  assertEquals(kinds("false || true"), ["nothing"]);
  assertEquals(kinds("true || rm x"), ["nothing"]);
  assertEquals(kinds("true && sleep 1"), ["nothing", "pause"]);
  assertEquals(kinds("false && rm x"), ["fails"]);
  assertEquals(kinds("false; sleep 0.5"), ["fails", "pause"]);
  assertEquals(kinds("kldstat -q -m x || kldload x"), ["nothing"]);
});

Deno.test("a setting is asked, and the line fails where it has another value", () => {
  assertEquals(kinds("sysctl -n net.inet.tcp.sack.enable | grep -q 1"), ["nothing"]);
  assertEquals(kinds("sysctl -n net.inet.tcp.sack.enable | grep -q 0"), ["fails"]);
  assertEquals(kinds("sysctl -w net.inet.tcp.sack.enable=0\nsysctl -n net.inet.tcp.sack.enable | grep 0"), [
    "settings",
    "nothing",
  ]);
});

Deno.test("questions about sockets: family, port, state, whose, how many", () => {
  const selection = { state: null, family: null, port: null, localAddress: null, openOnly: false };
  assertEquals(meant("sockstat -4 -P tcp -s | grep packetdril | grep -c TIME_WAIT | grep 1"), [{
    kind: "assert-connections",
    selection: { ...selection, family: 4, state: "TIME_WAIT", openOnly: true },
    countText: "1",
  }]);
  assertEquals(meant("sockstat -6 -P tcp -p 8080 -s | grep -c SYN_RCVD | grep 0"), [{
    kind: "assert-connections",
    selection: { ...selection, family: 6, port: 8080, state: "SYN_RCVD" },
    countText: "0",
  }]);
  assertEquals(meant('grep " 0A " /proc/net/tcp /proc/net/tcp6 | grep ":1F90"'), [{
    kind: "assert-connections",
    selection: { ...selection, state: "LISTEN", port: 8080 },
    countText: null,
  }]);
  assertEquals(meant("ss -4 -n state SYN-RECV | grep 192.168.0.1:8080 > /dev/null"), [{
    kind: "assert-connections",
    selection: { ...selection, family: 4, state: "SYN_RCVD", port: 8080, localAddress: "192.168.0.1" },
    countText: null,
  }]);
  assertEquals(meant("tcpdrop -s TIME_WAIT"), [{
    kind: "drop",
    selection: { ...selection, state: "TIME_WAIT" },
  }]);
});

Deno.test("a selection takes the rows that it says, and no other", () => {
  const row: SocketRow = {
    state: "ESTABLISHED",
    family: 4,
    localPort: 1,
    peerPort: 2,
    localAddress: "10.0.0.1",
    isOpen: false,
  };
  const any = { state: null, family: null, port: null, localAddress: null, openOnly: false };
  assertEquals(isSelected(row, any), true);
  assertEquals(isSelected(row, { ...any, port: 2 }), true);
  for (
    const other of [{ state: "LISTEN" }, { family: 6 }, { port: 3 }, { localAddress: "10.0.0.2" }, {
      openOnly: true,
    }] as const
  ) {
    assertEquals(isSelected(row, { ...any, ...other }), false);
  }
});

Deno.test("a route has figures of its own, and one with others is not understood", () => {
  assertEquals(
    changes("ip route change 192.0.2.1 via 192.168.0.2 dev tun0 advmss 600 mtu lock 640 initcwnd 11").route,
    {
      address: "192.0.2.1",
      mss: 600,
      mtu: 640,
      initialWindowSegments: 11,
    },
  );
  assertEquals(kinds("ip route change 192.0.2.1 dev tun0 quickack 1"), ["unsupported"]);
  assertEquals(kinds("ip link set tun0 down"), ["unsupported"]);
});

Deno.test("every setting takes some value, or says why it needs none", () => {
  for (const name of settingNames().filter((each) => !each.startsWith("tcplab."))) {
    const values = [
      "0",
      "1",
      "3",
      "536",
      "1220",
      "1 2 3",
      "cubic",
      "1-1-1-1",
      "00000001-00000001-00000001-00000001",
    ];
    const isKnown = values.some((value) => {
      const [meaning] = meant(`sysctl ${name}="${value}"`);
      return meaning.kind === "settings" || meaning.kind === "nothing";
    });
    assertEquals(isKnown, true, name);
  }
});

Deno.test("property: whatever a line is, it has a meaning, and nothing is thrown", () => {
  const words = fc.constantFrom(
    "sysctl",
    "-w",
    "-n",
    "net.ipv4.tcp_sack=1",
    "|",
    "||",
    "&&",
    ";",
    "grep",
    "-c",
    "'",
    '"',
    "$((",
    "))",
    "$(",
    "#",
    "\n",
    ">",
    "2>&1",
    "ip",
    "route",
    "change",
    "sleep",
    "1e9",
    "sockstat",
    "ss",
    "state",
    "tcpdrop",
    "-s",
    "defaults.sh",
    "./defaults.sh",
    "\\\n",
    "<",
    "&",
  );
  fc.assert(fc.property(fc.array(fc.oneof(words, fc.string()), { maxLength: 12 }), (parts) => {
    for (const meaning of meant(parts.join(" "))) assertEquals(typeof meaning.kind, "string");
  }));
});

Deno.test("nstat asks for counters, by names that we count the same under; other forms nobody understands", () => {
  assertEquals(meant("nstat"), [{ kind: "assert-counted", counter: null }]);
  assertEquals(meant("nstat > /dev/null"), [{ kind: "assert-counted", counter: null }]);
  assertEquals(meant("nstat | grep -q TcpExtPAWSEstab"), [{ kind: "assert-counted", counter: "paws-drops" }]);
  for (
    const text of ["nstat | grep TcpExtNothing", "nstat -a", "nstat | grep", "nstat | wc", "nstat | grep a b"]
  ) {
    assertEquals(kinds(text), ["unsupported"], text);
  }
});
