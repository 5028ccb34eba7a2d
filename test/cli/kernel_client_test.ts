/** The arguments of the lab's client. */
import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../src/cli/command.ts";
import { parseKernelClientArgs } from "../../src/cli/kernel_client.ts";

Deno.test("the client sleeps 5 s and sends nothing unless told otherwise", () => {
  assertEquals(parseKernelClientArgs(["10.33.0.3", "3333"]), {
    hostname: "10.33.0.3",
    port: 3333,
    sleepMs: 5000,
    timeoutMs: 10_000,
    count: 1,
    intervalMs: 0,
    untilInputEnds: false,
    halfClose: false,
  });
});

Deno.test("the client takes its options before and after host and port", () => {
  const expected = {
    hostname: "example.org",
    port: 7,
    sleepMs: 500,
    timeoutMs: 10_000,
    count: 1,
    intervalMs: 0,
    send: "a line",
    untilInputEnds: false,
    halfClose: true,
  };
  const options = ["--sleep", "0.5", "--send", "a line", "--half-close"];
  assertEquals(parseKernelClientArgs(["example.org", "7", ...options]), expected);
  assertEquals(parseKernelClientArgs([...options, "example.org", "7"]), expected);
});

Deno.test("the client refuses what it does not understand", () => {
  const wrong = [
    [],
    ["10.33.0.3"],
    ["10.33.0.3", "0"],
    ["10.33.0.3", "65536"],
    ["10.33.0.3", "http"],
    ["10.33.0.3", "3333", "extra"],
    ["10.33.0.3", "3333", "--sleep", "long"],
    ["10.33.0.3", "3333", "--sleep", "-1"],
    ["10.33.0.3", "3333", "--fast"],
  ];
  for (const args of wrong) assertThrows(() => parseKernelClientArgs(args), UsageError, "", args.join(" "));
});
