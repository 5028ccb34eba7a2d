/**
 * An observer that throws changes nothing, and whoever set up the host hears of all that is thrown.
 */
import { assertEquals, assertStrictEquals } from "@std/assert";
import { Host } from "../../src/host/host.ts";
import type { TcpEvent } from "../../src/tcp/events.ts";
import { FLAG } from "../../src/wire/tcp.ts";
import { FAMILY, HOST_IP, LAB_CONNECTION, PEER_IP } from "../tcp/family.ts";
import { craftSegment } from "../tcp/frame_craft.ts";
import { Lab } from "../tcp/harness.ts";
import { RecordingLink } from "../tcp/recording_link.ts";
import { HOST_MAC, HOST_PORT, PEER_MAC, SECOND_US } from "../tcp/wire_ends.ts";

Deno.test("an observer that throws at every event changes nothing that is sent, and is counted", () => {
  const exchange = (lab: Lab) => {
    const apps = lab.listen();
    const peer = lab.peer();
    peer.sends({ flags: "SYN", seq: 0 });
    peer.sends({ flags: "ACK", seq: 1, ack: peer.seen, data: "text" });
    apps[0].write("answer");
    peer.sends({ flags: "FIN ACK", seq: 5, ack: peer.seen });
    apps[0].close();
    peer.sends({ flags: "ACK", seq: 6, ack: peer.seen });
    lab.pass(SECOND_US);
    const seen = peer.takeAll();
    assertEquals(lab.host.connections(), []);
    assertEquals(apps[0].closed, ["normal"]);
    return seen.map(({ flags, absoluteSeq, absoluteAck, data }) => [flags, absoluteSeq, absoluteAck, data]);
  };
  const quiet = new Lab();
  const events: TcpEvent[] = [];
  quiet.host.observer = (event) => events.push(event);
  const loud = new Lab({ expectsFaults: true });
  loud.host.observer = () => {
    throw new Error("an observer that fails");
  };
  assertEquals(exchange(loud), exchange(quiet));
  // Each event was handed over all the same: one that recovers goes on.
  assertEquals(loud.host.counters()["observer-errors"], events.length);
  assertEquals(loud.host.counters()["application-errors"], undefined);
});

/** A host whose faults are recorded, and the SYN of a client. */
function hostWithHook(hook: (error: unknown, where: string) => void): { host: Host; syn: () => void } {
  const link = new RecordingLink({ mtu: 1500, mac: HOST_MAC, nowUs: () => 0 });
  const host = new Host({
    link,
    addresses: [{ address: HOST_IP, prefixLength: FAMILY.prefixLength }],
    secret: new Uint8Array(16),
    epochUs: 0,
    onFault: hook,
  });
  const frame = craftSegment(
    { sourceMac: PEER_MAC, targetMac: HOST_MAC, source: PEER_IP, target: HOST_IP },
    {
      sourcePort: 40_000,
      targetPort: HOST_PORT,
      flags: FLAG.SYN,
      seq: 1,
      ack: 0,
      window: 1000,
      data: new Uint8Array(0),
    },
  );
  return { host, syn: () => host.ingest(frame, frame.length, 0) };
}

Deno.test("the hook gets what was thrown, and where", () => {
  const told: [unknown, string][] = [];
  const { host, syn } = hostWithHook((error, where) => told.push([error, where]));
  const fault = new Error("no application");
  host.listen({
    port: HOST_PORT,
    accept: () => {
      throw fault;
    },
  });
  syn();
  assertEquals(told.length, 1);
  assertStrictEquals(told[0][0], fault);
  assertEquals(told[0][1], LAB_CONNECTION);
  const broken = new Error("no observer");
  host.observer = () => {
    throw broken;
  };
  host.emit({ event: "drop", time: 0, reason: "test" });
  assertEquals(told.length, 2);
  assertStrictEquals(told[1][0], broken);
  assertEquals(told[1][1], "observer");
});

Deno.test("a hook that throws is not called about itself, and the host goes on", () => {
  let calls = 0;
  const { host, syn } = hostWithHook(() => {
    calls++;
    throw new Error("a hook that fails");
  });
  host.listen({
    port: HOST_PORT,
    accept: () => {
      throw new Error("no application");
    },
  });
  syn();
  assertEquals(calls, 1);
  assertEquals(host.counters()["application-errors"], 1);
  assertEquals(host.counters()["fault-hook-errors"], 1);
  assertEquals(host.connections(), []);
  syn();
  assertEquals(calls, 2);
});
