/** The data path allocates nothing per segment: the heap's growth over a million segments. */
import { assert } from "@std/assert";
import { bytesPerSegment, TRAFFIC_NAMES } from "../../scripts/bench/micro/allocation.ts";

/** V8 may compile something once more meanwhile, which takes some hundred kilobytes. One number in a box would be 16 bytes. */
const MOST_BYTES = 2;

for (const name of TRAFFIC_NAMES) {
  Deno.test(`no allocation per segment: a million segments of ${name} leave less than two bytes each`, async () => {
    const bytes = await bytesPerSegment(name);
    assert(bytes < MOST_BYTES, `${bytes} bytes a segment`);
  });
}
