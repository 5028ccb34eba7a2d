/**
 * Playing a lesson, and watching which rows and rules the machine takes.
 *
 * Owns: the watching. Must not know: what lessons claim.
 */
import type { Lesson } from "../../scripts/lessons.ts";
import { Host } from "../../src/host/host.ts";
import { parseScript } from "../../src/script/parse_script.ts";
import { profileAskedFor } from "../../src/script/run_config.ts";
import { runScript } from "../../src/script/runner.ts";
import { createKernel } from "../../src/script/sockets/create_kernel.ts";
import type { Script } from "../../src/script/values.ts";
import type { Verdict } from "../../src/script/verdict.ts";
import { PROFILES } from "../../src/tcp/profiles.ts";

/** What came of it. */
export interface PlayedLesson {
  readonly verdict: Verdict;
  readonly rows: ReadonlySet<string>;
  readonly rules: ReadonlySet<string>;
}

/** How it is played. */
export interface LessonWishes {
  readonly ipVersion: "ipv4" | "ipv6";
  /** In the place of the one that stands in the file. */
  readonly script?: Script;
}

/** Plays a lesson by the stricter rules, in the profile that it asks for. */
export function playLesson(lesson: Lesson, { ipVersion, script }: LessonWishes): PlayedLesson {
  const played = script ?? parseScript(lesson.text, lesson.path);
  const rows = new Set<string>();
  const rules = new Set<string>();
  const { verdict } = runScript(played, {
    profile: profileAskedFor(played) ?? PROFILES.rfc,
    wishes: { strict: true, ipVersion },
    kernel: (ground) => {
      if (ground.host instanceof Host) ground.host.onRule = (rule) => void rules.add(rule);
      return createKernel(ground);
    },
    observe: (event) => {
      if (event.event !== "transition") return;
      rows.add(event.row);
      // The host tells of a listener itself.
      rules.add(event.rule);
    },
  });
  return { verdict, rows, rules };
}
