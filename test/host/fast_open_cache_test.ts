/**
 * What a client keeps of servers and paths: RFC 7413 §4.1.3, and that it has a bound.
 */
import { assertEquals } from "@std/assert";
import { FastOpenCache, type KnownServer } from "../../src/host/fast_open_cache.ts";

const HERE = Uint8Array.of(10, 0, 0, 1);

function numbered(number: number): Uint8Array {
  return Uint8Array.of(10, 1, number >> 8, number & 0xff);
}

function server(number: number, changes: Partial<KnownServer> = {}): KnownServer {
  return {
    localAddress: HERE,
    address: numbered(number),
    cookie: Uint8Array.of(1, 2, 3, number & 0xff),
    isExperimental: false,
    mss: 1000 + number,
    unanswered: "never",
    ...changes,
  };
}

function path(number: number, port = 80): { localAddress: Uint8Array; address: Uint8Array; port: number } {
  return { localAddress: HERE, address: numbered(number), port };
}

Deno.test("one cookie for each pair of addresses, the newest, for every port (RFC 7413 §4.1.3)", () => {
  const cache = new FastOpenCache({ seed: 7, evicted: () => {} });
  cache.keep(server(1));
  cache.keep(server(1, { mss: 500 }));
  cache.keep(server(1, { mss: 700, localAddress: Uint8Array.of(10, 0, 0, 2) }));
  assertEquals([cache.find(path(1))?.mss, cache.find(path(1, 443))?.mss, cache.find(path(2))], [
    500,
    500,
    null,
  ]);
  assertEquals(cache.find({ ...path(1), localAddress: Uint8Array.of(10, 0, 0, 2) })?.mss, 700);
  assertEquals(cache.all().length, 2);
});

Deno.test("of both families, and a server without a cookie is known but not shown", () => {
  const cache = new FastOpenCache({ seed: 7, evicted: () => {} });
  const six = { localAddress: new Uint8Array(16).fill(1), address: new Uint8Array(16).fill(2) };
  cache.keep(server(1, six));
  cache.keep(server(2, { cookie: new Uint8Array(0) }));
  assertEquals([cache.find({ ...six, port: 80 })?.mss, cache.find(path(2))?.mss], [1001, 1002]);
  assertEquals(cache.all().map(({ mss }) => mss), [1001]);
});

Deno.test("ten thousand servers: as many as may be, the oldest gives way", () => {
  let evicted = 0;
  const cache = new FastOpenCache({ seed: 7, evicted: () => evicted++, servers: 100 });
  for (let number = 0; number < 10_000; number++) cache.keep(server(number));
  assertEquals([cache.all().length, evicted], [100, 9900]);
  assertEquals([cache.find(path(9899)), cache.find(path(9900))?.mss], [null, 10_900]);
});

Deno.test("a path is spared by addresses and port until its time has come, and ten thousand have a bound", () => {
  const cache = new FastOpenCache({ seed: 7, evicted: () => {}, pauses: 100 });
  cache.pause(path(1), 1000);
  assertEquals([cache.isPaused(path(1), 999), cache.isPaused(path(1, 81), 0)], [true, false]);
  assertEquals([cache.isPaused(path(1), 1000), cache.isPaused(path(1), 999)], [false, false]);
  for (let number = 0; number < 10_000; number++) cache.pause(path(number), Infinity);
  let spared = 0;
  for (let number = 0; number < 10_000; number++) if (cache.isPaused(path(number), 0)) spared++;
  assertEquals(spared, 100);
});

Deno.test("forgotten is all of it", () => {
  const cache = new FastOpenCache({ seed: 7, evicted: () => {} });
  cache.keep(server(1));
  cache.pause(path(1), Infinity);
  cache.clear();
  assertEquals([cache.find(path(1)), cache.isPaused(path(1), 0), cache.all()], [null, false, []]);
});
