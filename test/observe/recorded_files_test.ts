/**
 * The files of a recording: their ends and limits, and sinks and devices that fail.
 */
import { assert, assertEquals } from "@std/assert";
import { commentsIn, readBlocks, readPackets } from "./capture_reading.ts";
import {
  ACK_OUT,
  CLOSE,
  CLOSING,
  EXPIRED,
  EXPIRY,
  FIN_OUT,
  recording,
  repeats,
  SYN,
  SYN_ACK,
} from "./recording.ts";
import { SAMPLE_CONNECTION, sampleTransition } from "./sample_events.ts";
import { CLIENT, SERVER, tcpFrame } from "./sample_frames.ts";

Deno.test("recorder: a device that cannot tell its figures any more leaves the file whole, without them", () => {
  const { recorder, file, errors } = recording({
    statistics: () => {
      throw new Error("the device is gone");
    },
  });
  recorder.observe(EXPIRY);
  recorder.finish();
  const blocks = readBlocks(file());
  assertEquals(blocks.map(({ type }) => type), [0x0a0d0d0a, 1, 5]);
  assertEquals(commentsIn(blocks[2].options), [`${SAMPLE_CONNECTION}: ${EXPIRED}`]);
  assertEquals([errors, recorder.isStopped], [[], true]);
});

Deno.test("recorder: a full disk is one error, and the end of the recording only", () => {
  let room = 1000;
  const { recorder, errors } = recording({
    write: (chunk) => {
      if (room === 0) throw new Error("No space left on device");
      const taken = Math.min(room, chunk.length);
      room -= taken;
      return taken;
    },
  });
  for (let i = 0; i < 5000; i++) {
    recorder.received(SYN, SYN.length, i);
    recorder.observe(sampleTransition());
    recorder.sent(SYN_ACK, SYN_ACK.length, 0);
    recorder.receivedDone();
  }
  recorder.finish();
  assertEquals(errors.map(String), ["Error: No space left on device"]);
  assert(recorder.isStopped);
});

Deno.test("recorder: of a full disk it is told how many bytes belong to a block that is not whole", () => {
  for (let room = 0; room < 1000; room += 7) {
    const taken: number[] = [];
    let torn = NaN;
    const { recorder } = recording({
      write: (chunk) => {
        if (taken.length === room) throw new Error("No space left on device");
        const part = chunk.subarray(0, Math.min(room - taken.length, 100));
        taken.push(...part);
        return part.length;
      },
      onError: (_error, tornBytes) => torn = tornBytes,
    });
    for (let i = 0; i < 20; i++) {
      recorder.sent(SYN_ACK, SYN_ACK.length, 0);
      if (i === 3) recorder.flush();
    }
    recorder.flush();
    assertEquals(taken.length, room);
    const whole = readBlocks(Uint8Array.from(taken.slice(0, room - torn)));
    // The next block would not have fitted.
    assert(torn < 200 && (whole.length > 1 || room < 200), `${room} bytes, ${torn} of them torn`);
  }
});

Deno.test("recorder: files of a limit hold each frame once, comments go on to their frames in the next", () => {
  const files: Uint8Array[] = [];
  let bytes: number[] = [];
  const limitBytes = 700;
  const { recorder } = recording({
    write: (chunk) => {
      bytes.push(...chunk);
      return chunk.length;
    },
    limitBytes,
    onLimit: () => {
      files.push(Uint8Array.from(bytes));
      bytes = [];
      return true;
    },
  });
  // It waits for its frame, which comes in a later file.
  recorder.observe(CLOSE);
  for (let i = 0; i < 50; i++) {
    recorder.sent(ACK_OUT, ACK_OUT.length, 0, 100 + i);
    recorder.observe(EXPIRY);
  }
  recorder.observe(repeats({ segment: 7, repeats: 100 }));
  recorder.sent(FIN_OUT, FIN_OUT.length, 0, 7);
  recorder.finish();
  files.push(Uint8Array.from(bytes));
  assert(files.length > 5);
  const packets = files.flatMap(readPackets);
  assertEquals(packets.length, 51);
  // The repeated frame is in another file.
  assertEquals(packets[50].comments, [CLOSING, "retransmission (fin), sent again once, repeats segment 100"]);
  for (const file of files) {
    assert(file.length <= limitBytes, `${file.length} bytes`);
    assertEquals(readBlocks(file).map(({ type }) => type).filter((type) => type !== 6), [0x0a0d0d0a, 1, 5]);
  }
});

Deno.test("recorder: a frame larger than the limit is kept alone", () => {
  const files: number[] = [];
  const { recorder, file } = recording({ limitBytes: 500, onLimit: () => files.push(1) > 0 });
  const large = tcpFrame(SERVER, CLIENT, { flags: ["ACK"], payloadBytes: 1400 });
  for (let i = 0; i < 3; i++) recorder.sent(large, large.length, 0);
  recorder.finish();
  assertEquals([files.length, readPackets(file()).length], [2, 3]);
});

Deno.test("recorder: a sink that takes nothing is a full disk too", () => {
  const { recorder, errors } = recording({ write: () => 0 });
  recorder.flush();
  recorder.flush();
  assertEquals(errors.length, 1);
});

Deno.test("recorder: comments at a file's end are cut as all others, and keep to its limit", () => {
  const limitBytes = 3000;
  const { recorder, file } = recording({ limitBytes });
  const long = (letter: string) => ({ ...EXPIRY, connection: letter.repeat(5000) });
  for (const letter of ["a", "b", "c"]) recorder.observe(long(letter));
  recorder.finish();
  assertEquals(commentsIn(readBlocks(file())[2].options), ["a".repeat(1024), "b".repeat(1024)]);
  assert(file().length <= limitBytes, `${file().length} bytes`);
});
