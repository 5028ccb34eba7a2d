/** The data path allocates nothing per segment: the heap's growth over a million segments. */
import { assert } from "@std/assert";
import { bytesPerSegment, TRAFFIC_NAMES } from "../../scripts/bench/micro/allocation.ts";

/** V8 may compile something once more meanwhile, which takes some hundred kilobytes. One number in a box would be 16 bytes. */
const MOST_BYTES = 2;

/**
 * V8 compiles on a thread of its own: where other programs have the processors, it may not be done when the count begins.
 * What allocates for each segment does so each time.
 */
const LOOKS = 3;

for (const name of TRAFFIC_NAMES) {
  Deno.test(`no allocation per segment: a million segments of ${name} leave less than two bytes each`, async () => {
    const seen: number[] = [];
    while (seen.length < LOOKS && !seen.some((bytes) => bytes < MOST_BYTES)) {
      seen.push(await bytesPerSegment(name));
    }
    assert(seen.some((bytes) => bytes < MOST_BYTES), `${seen} bytes a segment`);
  });
}
