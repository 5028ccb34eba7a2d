/**
 * One host on a wire of its own, under a virtual clock: what the tests of the TCP machine stand on.
 *
 * Owns: the host, the time, ARP answers, who gets which frame, and a record of transitions and rules. Must not know:
 * anything of the machine but its public face. The other side of a connection is a `Peer` (peer.ts), the application
 * an `AppLog` (app_log.ts).
 */
import { assert, assertEquals, fail } from "@std/assert";
import type { FastOpenConnectOptions, FastOpenListenOptions } from "../../src/host/fast_open_api.ts";
import { Host } from "../../src/host/host.ts";
import type { TcpConfig } from "../../src/tcp/config.ts";
import type { TcpEvent, TransitionEvent } from "../../src/tcp/events.ts";
import type { Profile } from "../../src/tcp/profile.ts";
import { TRANSITIONS } from "../../src/tcp/transitions.ts";
import { ARP_OPERATION, ArpPacket, emitArp, parseArp } from "../../src/wire/arp.ts";
import { emitEthernet, EthernetHeader, ETHERTYPE, parseEthernet } from "../../src/wire/ethernet.ts";
import { AppLog, type AppOptions } from "./app_log.ts";
import { FAMILY, type Family, familyOf, LAB_MTU } from "./family.ts";
import { type ReadPacket, readPacket, type Route } from "./frame_craft.ts";
import { advertisement, isGroupReport, solicitedAddress } from "./neighbor_craft.ts";
import { Peer, type PeerOptions } from "./peer.ts";
import { RecordingLink } from "./recording_link.ts";
import { ThrownFaults } from "./thrown_faults.ts";
import { HOST_MAC, HOST_PORT, HOST_V4, HOST_V6, PEER_MAC, SECOND_US } from "./wire_ends.ts";

export interface LabOptions {
  readonly tcp?: Partial<TcpConfig>;
  readonly profile?: Profile;
  readonly mtu?: number;
  readonly ttl?: number;
  readonly startUs?: number;
  /** The versions of IP in which the host has an address; that of this run alone when absent. Peers are of the first. */
  readonly families?: readonly Family[];
  readonly secret?: Uint8Array;
  readonly epochUs?: number;
  readonly checksumPolicy?: "partial" | "strict" | "ignore";
  readonly headerPrediction?: boolean;
  readonly fastOpenKeys?: readonly Uint8Array[];
  readonly maxConnections?: number;
  readonly maxClosing?: number;
  readonly memoryBytes?: number;
  readonly onFull?: "evict" | "refuse";
  /** Applications and observers of this test throw on purpose; otherwise it fails by that. */
  readonly expectsFaults?: boolean;
}

/** What a listener of a test does with its connections. */
interface ListenerOptions extends AppOptions, FastOpenListenOptions {
  readonly port?: number;
  readonly backlog?: number;
  readonly address?: Uint8Array;
}

/** A packet with the time at which it was sent. */
interface TimedPacket extends ReadPacket {
  readonly atUs: number;
}

export class Lab {
  readonly host: Host;
  readonly link: RecordingLink;
  readonly transitions: TransitionEvent[] = [];
  readonly events: TcpEvent[] = [];
  /** Changes of state that are no row of the table: there must be none. */
  readonly unlisted: string[] = [];
  readonly rules: string[] = [];
  /** Packets that are no TCP segment for one of the peers. */
  readonly strays: TimedPacket[] = [];
  /** Answer the host's ARP requests and neighbour solicitations. */
  answersArp = true;
  nowUs: number;
  /** How long frames wait in the device before the host takes them. */
  waitedUs = 0;
  readonly #family: Family;
  readonly #peers = new Map<string, Peer>();
  readonly #faults = new ThrownFaults();
  #nextPort = 40_000;

  constructor(options: LabOptions = {}) {
    this.nowUs = options.startUs ?? SECOND_US;
    const { families = [FAMILY], mtu = LAB_MTU } = options;
    this.#family = families[0];
    this.link = new RecordingLink({ mtu, mac: HOST_MAC, nowUs: () => this.nowUs });
    this.host = new Host({
      link: this.link,
      addresses: families.map(({ host, prefixLength }) => ({ address: host, prefixLength })),
      secret: options.secret ?? Uint8Array.from({ length: 16 }, (_, i) => i * 7 + 3),
      epochUs: options.epochUs ?? 1_700_000_000 * SECOND_US,
      nowUs: this.nowUs,
      maxConnections: options.maxConnections ?? 4096,
      checksumPolicy: options.checksumPolicy ?? "strict",
      ...(options.expectsFaults === true ? {} : { onFault: this.#faults.hook }),
      ...(options.headerPrediction === undefined ? {} : { headerPrediction: options.headerPrediction }),
      ...(options.fastOpenKeys === undefined ? {} : { fastOpenKeys: options.fastOpenKeys }),
      ...(options.ttl === undefined ? {} : { ttl: options.ttl }),
      ...(options.maxClosing === undefined ? {} : { maxClosing: options.maxClosing }),
      ...(options.memoryBytes === undefined ? {} : { memoryBytes: options.memoryBytes }),
      ...(options.onFull === undefined ? {} : { onFull: options.onFull }),
      ...(options.tcp === undefined ? {} : { tcp: options.tcp }),
      ...(options.profile === undefined ? {} : { profile: options.profile }),
    });
    this.host.observer = (event) => {
      this.events.push(event);
      if (event.event !== "transition") return;
      this.transitions.push(event);
      const { from, to, cause } = event;
      const isRow = TRANSITIONS.some((row) => row.from === from && row.to === to && row.cause === cause);
      if (!isRow) this.unlisted.push(`${from}>${to} by ${cause}`);
    };
    this.host.onRule = (rule) => this.rules.push(rule);
  }

  /** A new stranger on the wire. One with the address and port of an earlier one takes its place. */
  peer(options: PeerOptions = {}): Peer {
    const { address = this.#family.peer, port = this.#nextPort++ } = options;
    const peer = new Peer(this, { ...options, address, port });
    this.#peers.set(peerKey(peer.address, peer.port), peer);
    return peer;
  }

  /** Opens a listener; the applications of its connections come into the returned array in turn. */
  listen(options: ListenerOptions = {}): AppLog[] & { close: () => void } {
    const apps: AppLog[] = [];
    const { autoRead: _autoRead, ...wanted } = options;
    const listener = this.user(() =>
      this.host.listen({
        port: HOST_PORT,
        ...wanted,
        accept: (connection) => {
          const app = new AppLog(this, options);
          app.attach(connection);
          apps.push(app);
          return app;
        },
      })
    );
    return Object.assign(apps, { close: () => this.user(() => listener.close()) });
  }

  /** Opens a connection to a peer; its SYN is for the peer to expect. */
  connect(
    peer: Peer,
    options: AppOptions & FastOpenConnectOptions & { readonly localPort?: number } = {},
  ): AppLog {
    const app = new AppLog(this, options);
    app.attach(
      this.user(() =>
        this.host.connect({
          address: peer.address,
          port: peer.port,
          handler: app,
          ...(options.localPort === undefined ? {} : { localPort: options.localPort }),
          ...(options.fastOpen === undefined ? {} : { fastOpen: options.fastOpen }),
        })
      ),
    );
    return app;
  }

  /** Does what a user does, now. */
  user<T>(act: () => T): T {
    this.host.setNow(this.nowUs);
    const result = act();
    this.#settle();
    return result;
  }

  /** Gives the host a frame, now; it arrived {@link Lab.waitedUs} ago. */
  ingest(frame: Uint8Array): void {
    this.host.ingest(frame, frame.length, this.nowUs, this.nowUs - this.waitedUs);
    this.#settle();
  }

  /** Lets time go by, from deadline to deadline. */
  pass(us: number): void {
    this.passUntil(this.nowUs + us);
  }

  /** Lets time go by up to `atUs`. */
  passUntil(atUs: number): void {
    for (let rounds = 0; this.host.nextDeadlineUs() <= atUs; rounds++) {
      assert(rounds < 100_000, "deadlines that never end");
      this.nowUs = Math.max(this.nowUs, this.host.nextDeadlineUs());
      this.host.tick(this.nowUs);
      this.#collect();
    }
    this.nowUs = Math.max(this.nowUs, atUs);
    this.host.tick(this.nowUs);
    this.#collect();
    this.#faults.rethrow();
  }

  /** The transitions since the last call, as `FROM>TO`. */
  takeTransitions(): string[] {
    assertEquals(this.unlisted, [], "changes of state that are no row of the table");
    return this.transitions.splice(0).map(({ from, to }) => `${from}>${to}`);
  }

  /** The rules that fired since the last call. */
  takeRules(): string[] {
    return this.rules.splice(0);
  }

  /** Nothing has left the host that nobody asked for. */
  expectsNoStrays(): void {
    assertEquals(this.unlisted, [], "changes of state that are no row of the table");
    assertEquals(this.strays.map(({ protocol, payload }) => ({ protocol, bytes: payload.length })), []);
  }

  /** How frames go from a peer with this address to the host. */
  routeFrom(address: Uint8Array): Route {
    return {
      sourceMac: PEER_MAC,
      targetMac: HOST_MAC,
      source: address,
      target: familyOf(address).host,
    };
  }

  #settle(): void {
    this.#collect();
    for (let rounds = 0; this.host.nextDeadlineUs() <= this.nowUs; rounds++) {
      if (rounds > 1000) fail("a deadline that never passes");
      this.host.tick(this.nowUs);
      this.#collect();
    }
    this.#faults.rethrow();
  }

  #collect(): void {
    for (let frames = this.link.take(); frames.length > 0; frames = this.link.take()) {
      for (const { bytes, atUs } of frames) this.#sort(bytes, atUs);
    }
  }

  #sort(frame: Uint8Array, atUs: number): void {
    const ethernet = new EthernetHeader();
    assertEquals(parseEthernet(frame, frame.length, ethernet), null);
    if (ethernet.type === ETHERTYPE.ARP) {
      if (this.answersArp) this.#answerArp(frame, ethernet.payloadOffset);
      return;
    }
    const solicited = solicitedAddress(frame);
    if (solicited !== null) {
      if (this.answersArp && solicited.join() !== HOST_V6.join()) this.#answerSolicitation(solicited);
      return;
    }
    const packet = readPacket(frame);
    if (packet === null || isGroupReport(packet)) return;
    assert(packet.packetBytes <= this.link.mtu, `a packet of ${packet.packetBytes} bytes is above the MTU`);
    const { segment } = packet;
    const peer = segment === null
      ? undefined
      : this.#peers.get(peerKey(packet.target, segment.destinationPort));
    if (segment === null || peer === undefined) this.strays.push({ ...packet, atUs });
    else peer.takes(segment, { ...packet, atUs });
  }

  #answerArp(frame: Uint8Array, offset: number): void {
    const asked = new ArpPacket();
    assertEquals(parseArp(frame, offset, frame.length - offset, asked), null);
    if (asked.operation !== ARP_OPERATION.REQUEST || asked.targetIp.join() === HOST_V4.join()) return;
    const reply = new ArpPacket();
    reply.operation = ARP_OPERATION.REPLY;
    reply.senderMac.set(PEER_MAC);
    reply.senderIp.set(asked.targetIp);
    reply.targetMac.set(HOST_MAC);
    reply.targetIp.set(HOST_V4);
    const answer = new Uint8Array(64);
    const at = emitEthernet(answer, { destination: HOST_MAC, source: PEER_MAC, type: ETHERTYPE.ARP });
    const length = at + emitArp(answer, at, reply);
    this.host.ingest(answer, length, this.nowUs);
  }

  #answerSolicitation(address: Uint8Array): void {
    const answer = advertisement(this.routeFrom(address));
    this.host.ingest(answer, answer.length, this.nowUs);
  }
}

function peerKey(address: Uint8Array, port: number): string {
  return `${address.join(".")}:${port}`;
}
