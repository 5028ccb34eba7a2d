/**
 * What must hold over both versions of IP in every run: a conversation, the MSS, resets, cookies, TIME_WAIT, paths over a faulty
 * link. The rest of the suite goes over one version a run (`deno task test:ipv6`). RFC 9293 §3.7.1, §3.10; RFC 8200 §8.3.
 */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { failureText, runSeeds } from "../sim/seed_runs.ts";
import { FAMILIES } from "./family.ts";
import { Lab } from "./harness.ts";
import { ALL_OPTIONS, reachEstablished, reachTimeWait } from "./states.ts";
import { HOST_PORT } from "./wire_ends.ts";

/** Bytes of a TCP header without options. */
const TCP_BYTES = 20;

for (const family of FAMILIES) {
  const { name, headerBytes, defaultMss } = family;
  const over = { families: [family], mtu: 1500 };
  const full = 1500 - headerBytes - TCP_BYTES;

  for (const role of ["server", "client"] as const) {
    Deno.test(`${name}: a conversation from its SYN to its end, as ${role} (RFC 9293 §3.5, §3.6)`, () => {
      const { lab, peer, app } = reachEstablished({ ...over, role, options: ALL_OPTIONS });
      peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "question" });
      peer.expects({ flags: "ACK", seq: 1, ack: 9 });
      app.write("answer");
      assertEquals(app.text, "question");
      peer.expects({ flags: "ACK", seq: 1, ack: 9, data: "answer" });
      peer.sends({ flags: "FIN ACK", seq: 9, ack: 7 });
      app.closeWrite();
      peer.takeAll();
      peer.sends({ flags: "ACK", seq: 10, ack: 8 });
      lab.pass(1_000_000);
      assertEquals(app.closed, ["normal"]);
      assertEquals(lab.host.connections(), []);
    });

    Deno.test(`${name}: as ${role} its SYN offers the MTU less the headers, and a peer that offers nothing gets ${defaultMss} (MUST-15, MUST-67)`, () => {
      const lab = new Lab(over);
      const peer = lab.peer();
      if (role === "server") {
        lab.listen();
        peer.sends({ flags: "SYN", seq: 0 });
      } else lab.connect(peer);
      const flags = role === "server" ? "SYN ACK" : "SYN";
      assertEquals(peer.expects({ flags, seq: 0 }).options.mss, full);
      const { peer: other, app } = reachEstablished({ ...over, role, options: {} });
      app.write(5000);
      assertEquals(Math.max(...other.takeAll().map(({ data }) => data.length)), defaultMss);
    });
  }

  Deno.test(`${name}: a full segment fills the MTU, and no packet is larger (MUST-16)`, () => {
    const { peer, app } = reachEstablished({ ...over, options: { mss: 9000 } });
    app.write(20_000);
    const sizes = peer.takeAll().map(({ packet }) => packet.packetBytes);
    assertEquals(Math.max(...sizes), 1500);
  });

  Deno.test(`${name}: a segment for nobody gets a RST, and a RST gets nothing (RFC 9293 §3.10.7.1)`, () => {
    const lab = new Lab(over);
    const peer = lab.peer();
    peer.sends({ flags: "ACK", seq: 5, ack: 77 });
    peer.expects({ flags: "RST", seq: 77 });
    peer.sends({ flags: "RST", seq: 5 });
    peer.expectsSilence();
  });

  Deno.test(`${name}: a full backlog is answered by cookies, of which the right one opens a connection (RFC 4987 §3.6)`, () => {
    const lab = new Lab(over);
    const apps = lab.listen({ backlog: 1 });
    lab.peer().sends({ flags: "SYN", seq: 0 });
    const peer = lab.peer();
    peer.sends({ flags: "SYN", seq: 0, options: { mss: 1400 } });
    peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
    assertEquals(lab.host.connections().length, 1, "nothing is kept for it");
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "hello" });
    const app = apps[apps.length - 1];
    assertEquals([app.state, app.text], ["ESTABLISHED", "hello"]);
    app.write(5000);
    assertLessOrEqual(Math.max(...peer.takeAll().map(({ data }) => data.length)), 1400);
  });

  Deno.test(`${name}: TIME_WAIT gives a repeated FIN nothing but acknowledgments, and ends (MUST-13)`, () => {
    const { lab, peer, app } = reachTimeWait(over);
    peer.takeAll();
    assertEquals(app.state, "TIME_WAIT");
    peer.sends({ flags: "FIN ACK", seq: peer.next - 1, ack: peer.seen });
    assert(peer.takeAll().every(({ flags }) => flags === "ACK"), "an acknowledgment at the most");
    lab.pass(600_000_000);
    assertEquals(lab.host.connections(), []);
  });

  Deno.test(`${name}: who knocks at another version of the host is not taken for the same peer`, () => {
    const lab = new Lab({ families: FAMILIES, mtu: 1500 });
    const apps = lab.listen();
    for (const { peer: address } of FAMILIES) {
      const peer = lab.peer({ address, port: 5000, hostPort: HOST_PORT });
      peer.sends({ flags: "SYN", seq: 0 });
      peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
      peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "text" });
    }
    assertEquals(apps.map(({ text }) => text), ["text", "text"]);
  });

  Deno.test(`${name}: simulation: thirty seeds over bad paths, every byte once and in order`, () => {
    const { failures } = runSeeds(9001, 9030, family);
    assertEquals(failures.length, 0, failureText(failures));
  });
}
