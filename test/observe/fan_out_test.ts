/**
 * One observer out of many, and none out of none.
 */
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { fanOut } from "../../src/observe/fan_out.ts";
import type { Observer } from "../../src/tcp/events.ts";
import { sampleSegment } from "./sample_events.ts";

Deno.test("fan out: nobody is null, one is itself", () => {
  const one: Observer = () => {};
  assertEquals(fanOut([]), null);
  assertEquals(fanOut([null, undefined]), null);
  assertStrictEquals(fanOut([null, one]), one);
});

Deno.test("fan out: each hears of each event, in the order given", () => {
  const heard: string[] = [];
  const both = fanOut([
    (event) => heard.push("a " + event.event),
    null,
    (event) => heard.push("b " + event.event),
  ]);
  both?.(sampleSegment());
  assertEquals(heard, ["a segment", "b segment"]);
});

Deno.test("fan out: one that throws keeps the event from nobody, and is heard of", () => {
  let heard = 0;
  const three = fanOut([
    () => {
      throw new Error("first");
    },
    () => {
      throw new Error("second");
    },
    () => heard++,
  ]);
  assertThrows(() => three?.(sampleSegment()), Error, "first");
  assertEquals(heard, 1);
});
