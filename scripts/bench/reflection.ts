/**
 * What libpcap allows at all: frames thrown back, by C and by tcplab's link from TypeScript.
 *
 * Owns: running both. Must not know: TCP.
 */
import { fromFileUrl } from "@std/path";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { BenchFailure, numbersOf } from "./bench_lab.ts";
import type { NativePrograms } from "./native_programs.ts";
import type { Measured } from "./scenarios.ts";

/** A small frame, and a full one. */
const FRAME_BYTES = [60, 1514] as const;
/** Frames under way: enough that both ends always have something to do. */
const WINDOW_FRAMES = 64;
const GRACE_MS = 10_000;

/** Frames per second that come back from the reflector on the server's side. */
export async function measureReflection(
  lab: PrivateLab,
  options: { programs: NativePrograms; by: "c" | "tcplab"; seconds: number },
): Promise<Measured[]> {
  const { devices } = lab.plan;
  const script = fromFileUrl(new URL("reflector.ts", import.meta.url));
  const deno = [Deno.execPath(), "run", "--quiet", "--cached-only", "--allow-all", script];
  const words = options.by === "c" ? [options.programs.reflector, "back"] : deno;
  const listening = Promise.withResolvers<void>();
  const back = lab.spawn({
    side: "server",
    words: [...words, devices.server],
    onStdout: () => listening.resolve(),
  });
  const measured: Measured[] = [];
  try {
    await Promise.race([listening.promise, back.result]);
    for (const bytes of FRAME_BYTES) {
      const numbers = [bytes, options.seconds, WINDOW_FRAMES, await back.insidePid() ?? 0].map(String);
      const throwing = lab.spawn({
        side: "client",
        words: [options.programs.reflector, "throw", devices.client, ...numbers],
      });
      if (!await throwing.endsWithin(options.seconds * 1000 + GRACE_MS)) await throwing.stop();
      const { code, stdout, stderr } = await throwing.result;
      if (code !== 0 || back.ended) throw new BenchFailure(`${stderr}${back.stderr}`.trim());
      const detail = numbersOf(stdout);
      measured.push({ figure: `reflect-${bytes}`, value: detail.framesPerSecond, detail });
    }
  } finally {
    await back.stop();
  }
  return measured;
}
