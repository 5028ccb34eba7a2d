/** Asking the segment who has an address, on a memory link and a virtual clock. */
import { assertEquals, assertRejects } from "@std/assert";
import { setImmediate } from "node:timers";
import { checkUnused, findFree, findOwners, type ProbeParts } from "../../src/cli/address_choice.ts";
import { CliError } from "../../src/cli/command.ts";
import { AddressProber } from "../../src/host/address_prober.ts";
import { Host } from "../../src/host/host.ts";
import type { HostAddress } from "../../src/host/own_addresses.ts";
import type { FrameLink } from "../../src/link/link.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import { VirtualClock } from "../../src/runtime/clock.ts";
import { formatIpAddress, formatMac, type IpAddress, parseIpAddress } from "../../src/wire/address.ts";

const ip = (last: number): IpAddress => Uint8Array.of(10, 0, 0, last);

function hostOn(link: FrameLink, addresses: readonly HostAddress[]): Host {
  return new Host({ link, addresses, secret: new Uint8Array(16), epochUs: 0 });
}

/** A segment on which somebody else has these addresses; `settle` lets everything happen that a question needs. */
function segment(...others: IpAddress[]) {
  const [ours, theirs] = memoryPair();
  const clock = new VirtualClock();
  const stranger = hostOn(
    theirs,
    others.map((address) => ({ address, prefixLength: address.length === 4 ? 24 : 64 })),
  );
  let frames = 0;
  const parts: ProbeParts = { link: ours, host: new AddressProber(ours), clock };
  const settle = async <Result>(question: Promise<Result>): Promise<Result> => {
    let pending = true;
    question.then(() => pending = false, () => pending = false);
    while (pending) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      frames += theirs.receive((frame, length) => stranger.ingest(frame, length, clock.nowUs()), 64);
      await new Promise<void>((resolve) => setImmediate(resolve));
      clock.advance(5_000);
    }
    return await question;
  };
  return { parts, settle, clock, frames: () => frames };
}

Deno.test("an address that nobody has is asked for three times, and found free after 30 ms", async () => {
  const { parts, settle, clock, frames } = segment(ip(2));
  assertEquals((await settle(findOwners(parts, [ip(9)]))).size, 0);
  assertEquals([clock.nowUs() >= 30_000, frames()], [true, 3]);
});

Deno.test("who has an address has time to say so, also where we have stood still after the questions began", async () => {
  const [ours, theirs] = memoryPair();
  const clock = new VirtualClock();
  const prober = new AddressProber(ours);
  let hasStoodStill = false;
  const host: ProbeParts["host"] = {
    ingest: (frame, length, nowUs) => prober.ingest(frame, length, nowUs),
    setNow: (nowUs) => prober.setNow(nowUs),
    probe: (...question) => {
      if (!hasStoodStill) clock.advance(50_000);
      hasStoodStill = true;
      return prober.probe(...question);
    },
  };
  const stranger = hostOn(theirs, [{ address: ip(2), prefixLength: 24 }]);
  let found: string[] | null = null;
  const asking = findOwners({ link: ours, host, clock }, [ip(2)]).then((owners) =>
    found = [...owners.keys()]
  );
  for (let atMs = 0; found === null; atMs++) {
    for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
    // It needs some milliseconds to answer the first.
    if (atMs >= 6) theirs.receive((frame, length) => stranger.ingest(frame, length, clock.nowUs()), 64);
    clock.advance(1_000);
  }
  await asking;
  assertEquals(found, ["10.0.0.2"]);
});

Deno.test("who has an address is known by name, and the question ends at the answer", async () => {
  const { parts, settle, clock } = segment(ip(2));
  const owners = await settle(findOwners(parts, [ip(2)]));
  assertEquals([...owners].map(([text, mac]) => [text, formatMac(mac)]), [["10.0.0.2", "02:00:00:00:00:0b"]]);
  assertEquals(clock.nowUs() < 30_000, true);
});

Deno.test("both families are asked for at once: ARP for one, duplicate address detection for the other", async () => {
  const [taken, free] = ["fd00::2", "fd00::9"].map((text) => parseIpAddress(text) ?? ip(0));
  const { parts, settle, clock } = segment(ip(2), taken);
  const owners = await settle(findOwners(parts, [ip(2), taken, ip(9), free]));
  assertEquals([...owners].map(([text, mac]) => [text, formatMac(mac)]), [
    ["10.0.0.2", "02:00:00:00:00:0b"],
    ["fd00::2", "02:00:00:00:00:0b"],
  ]);
  assertEquals(clock.nowUs() >= 30_000, true);
  const served = { address: taken, text: "fd00::2", prefixLength: 64, kernelOwned: false };
  await assertRejects(
    () => settle(checkUnused(parts, [served])),
    CliError,
    "fd00::2 is in use on memory:a, by 02:00:00:00:00:0b: choose another (leave --ip out to have a free one proposed)",
  );
});

Deno.test("an address in use is refused, one of the kernel's own is not asked for", async () => {
  const { parts, settle, frames } = segment(ip(2));
  const served = { address: ip(2), text: "10.0.0.2", prefixLength: 24, kernelOwned: false };
  await assertRejects(
    () => settle(checkUnused(parts, [served])),
    CliError,
    "10.0.0.2 is in use on memory:a, by 02:00",
  );
  const before = frames();
  await settle(checkUnused(parts, [{ ...served, kernelOwned: true }]));
  assertEquals(frames(), before);
});

Deno.test("the first free candidate is proposed, or none", async () => {
  const { parts, settle } = segment(ip(2), ip(3));
  const free = (ipv4: IpAddress[]) => settle(findFree(parts, { ipv4, ipv6: [] }));
  assertEquals((await free([ip(3), ip(4), ip(5)])).map(formatIpAddress), ["10.0.0.4"]);
  assertEquals(await free([ip(3), ip(2)]), []);
});
