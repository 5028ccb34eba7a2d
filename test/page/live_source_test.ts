/** What a page asks its server for, in a browser that is nothing but a network: one wish after the other, in the order of a person. */
import { assertEquals } from "@std/assert";
import { LiveSource } from "../../src/page/live_source.ts";

/** A network whose answers come when the test says so. */
class Network implements Disposable {
  /** Paths and bodies that have been asked for, the oldest first. */
  readonly asked: string[] = [];
  /** Whether each of them has an end in sight. */
  readonly ends: boolean[] = [];
  readonly #answers: ((answer: Response | Error) => void)[] = [];
  readonly #before = globalThis.fetch;

  constructor() {
    globalThis.fetch = (input, init) => {
      this.ends.push(init?.signal instanceof AbortSignal);
      this.asked.push(`${String(input).split("?")[0]} ${init?.body ?? ""}`.trim());
      return new Promise((resolve, reject) =>
        this.#answers.push((answer) => answer instanceof Error ? reject(answer) : resolve(answer))
      );
    };
  }

  /** Answers the oldest that waits, and lets everybody hear of it. */
  async answers(answer: Response | Error): Promise<void> {
    this.#answers.shift()?.(answer);
    for (let i = 0; i < 20; i++) await Promise.resolve();
  }

  [Symbol.dispose](): void {
    globalThis.fetch = this.#before;
  }
}

Deno.test("two wishes: the second is asked for when the first has been done, or has failed", async () => {
  using network = new Network();
  const source = new LiveSource(new URL("http://127.0.0.1/?token=0"));
  const said = [
    source.faults({ spec: "in:drop=5%" }),
    source.faults({ spec: "" }),
    source.pace("pause"),
    source.pace("step"),
  ];
  await Promise.resolve();
  // A browser sends each on a connection of its own: nobody would know which the server reads first.
  assertEquals(network.asked.splice(0), ['/api/faults {"spec":"in:drop=5%"}']);
  await network.answers(new Response("{}"));
  assertEquals(network.asked.splice(0), ['/api/faults {"spec":""}']);
  await network.answers(new TypeError("Failed to fetch"));
  assertEquals(network.asked.splice(0), ["/api/pause"]);
  await network.answers(new Response('{"error":"The server ends"}', { status: 503 }));
  assertEquals(network.asked.splice(0), ["/api/step"]);
  await network.answers(new Response("{}"));
  assertEquals(await Promise.all(said), [null, "Failed to fetch", "The server ends", null]);
});

Deno.test("a wish that is not answered is given up, and the next one is asked for", async () => {
  using network = new Network();
  const source = new LiveSource(new URL("http://127.0.0.1/?token=0"));
  const said = [source.pace("pause"), source.pace("step")];
  await Promise.resolve();
  assertEquals([network.asked.splice(0), network.ends], [["/api/pause"], [true]]);
  await network.answers(new DOMException("The signal timed out", "TimeoutError"));
  assertEquals(network.asked.splice(0), ["/api/step"]);
  await network.answers(new Response("{}"));
  assertEquals(await Promise.all(said), ["The server has not answered for 30 s", null]);
});
