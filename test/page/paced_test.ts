/** Drawing at a pace, in a browser that is nothing but a clock: rests between pictures, and a picture that fails is not the last. */
import { assertEquals, assertThrows } from "@std/assert";
import { Paced } from "../../src/page/paced.ts";

/** What of a browser is used, and its time, which moves when the test says so. */
class Browser {
  nowMs = 0;
  /** What is to happen, each at its time. */
  #due: { readonly at: number; readonly act: () => void }[] = [];

  /** In place of the real ones, until it is disposed. */
  static replace(browser: Browser): Disposable {
    const later = (act: () => void, ms = 0) => browser.#due.push({ at: browser.nowMs + ms, act });
    const parts: Readonly<Record<string, unknown>> = {
      document: { hidden: false, addEventListener: () => {} },
      performance: { now: () => browser.nowMs },
      setTimeout: later,
      requestAnimationFrame: later,
      MessageChannel: class {
        readonly port1 = { onmessage: () => {} };
        readonly port2 = { postMessage: () => later(() => this.port1.onmessage()) };
      },
    };
    const before = Object.keys(parts).map((name) =>
      [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const
    );
    for (const [name, value] of Object.entries(parts)) {
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    }
    return {
      [Symbol.dispose]: () => {
        for (const [name, descriptor] of before) {
          if (descriptor === undefined) Reflect.deleteProperty(globalThis, name);
          else Object.defineProperty(globalThis, name, descriptor);
        }
      },
    };
  }

  /** Lets everything happen that is due by then. */
  until(ms: number): void {
    this.nowMs = ms;
    for (;;) {
      const next = this.#due.findIndex(({ at }) => at <= ms);
      if (next < 0) return;
      const [{ act }] = this.#due.splice(next, 1);
      act();
    }
  }
}

Deno.test("paced: what is asked for often is drawn 20 times a second, and rests as long as it took twenty times", () => {
  const browser = new Browser();
  using _ = Browser.replace(browser);
  const drawn: number[] = [];
  let takesMs = 0;
  const paced = new Paced(() => {
    drawn.push(browser.nowMs);
    browser.nowMs += takesMs;
  });
  for (let ms = 0; ms <= 200; ms += 5) {
    paced.ask();
    browser.until(ms);
  }
  assertEquals(drawn, [0, 50, 100, 150, 200]);
  takesMs = 10;
  for (let ms = 205; ms <= 700; ms += 5) {
    paced.ask();
    browser.until(ms);
  }
  assertEquals(drawn.slice(5), [250, 460, 670]);
});

Deno.test("paced: a drawing that throws is followed by the next one", () => {
  const browser = new Browser();
  using _ = Browser.replace(browser);
  let drawn = 0;
  let fails = true;
  const paced = new Paced(() => {
    if (fails) throw new Error("no picture");
    drawn++;
  });
  paced.ask();
  assertThrows(() => browser.until(0), Error, "no picture");
  fails = false;
  for (let ms = 0; ms <= 100; ms += 10) {
    paced.ask();
    browser.until(ms);
  }
  assertEquals(drawn, 2);
});
