/**
 * ShellSteps: what a shell line of a script does here, where there is no shell.
 *
 * Owns: carrying out what such a line means (settings.ts), one thing after the other. Must not know: words of the shell.
 */
import type { TcpConfig } from "../tcp/config.ts";
import type { IpHabits, Profile, SocketDefaults } from "../tcp/profile.ts";
import type { Kernel } from "./kernel.ts";
import { isSelected, type SettingChanges, type ShellMeaning } from "./settings.ts";
import { interpretShell } from "./shell_line.ts";
import type { Place, ShellCommand } from "./values.ts";
import { StepFailed, unsupportedProblem } from "./verdict.ts";
import type { World } from "./world.ts";

/** Carries out a line in a true shell; null when it went well, else what it said. Only where the user allows it. */
export type TrueShell = (text: string) => string | null;

/** Settings in force. */
export interface SettingsInForce {
  tcp: TcpConfig;
  ip: IpHabits;
  sockets: SocketDefaults;
}

/** The settings that a profile makes of the defaults. */
export function settingsOf(profile: Profile, defaults: Readonly<TcpConfig>): SettingsInForce {
  return { tcp: { ...defaults, ...profile.tcp }, ip: profile.ip, sockets: profile.sockets };
}

/** What lines are carried out on. */
export interface ShellGround {
  readonly world: World;
  readonly kernel: Kernel;
  readonly settings: SettingsInForce;
  readonly shell: TrueShell | null;
  readonly note: (place: Place, text: string) => void;
}

/** Carries out a line. Throws {@link StepFailed} when it fails or is not understood. */
export function carryOut({ text, place }: ShellCommand, ground: ShellGround): void {
  const meanings = interpretShell(text, ground.settings);
  const unknown = meanings.find((meaning) => meaning.kind === "unsupported");
  if (unknown === undefined) {
    for (const meaning of meanings) carryOutOne(meaning, { text, place, ground });
    return;
  }
  if (ground.shell === null) throw new StepFailed(unsupportedProblem(wordsOf(unknown), place));
  const said = ground.shell(text);
  if (said !== null) fail({ text, place }, said);
}

function carryOutOne(
  meaning: ShellMeaning,
  about: { readonly text: string; readonly place: Place; readonly ground: ShellGround },
): void {
  const { ground, place } = about;
  switch (meaning.kind) {
    case "settings":
      change(meaning.changes, ground);
      return;
    case "assert-connections": {
      const { selection, countText } = meaning;
      const count = ground.kernel.rows().filter((row) => isSelected(row, selection)).length;
      const isRight = countText === null ? count > 0 : String(count).includes(countText);
      if (!isRight) fail(about, `${count} such sockets`);
      return;
    }
    case "assert-counted": {
      const counts = ground.world.takeCounts();
      const { counter } = meaning;
      if (counter !== null && (counts[counter] ?? 0) === 0) fail(about, `${counter} counts nothing new`);
      return;
    }
    case "drop":
      ground.kernel.drop(meaning.selection);
      ground.world.settle();
      return;
    case "pause":
      ground.world.advanceTo(ground.world.nowUs + meaning.us);
      return;
    case "fails":
      fail(about, meaning.reason);
      return;
    case "nothing":
      ground.note(place, meaning.reason);
      return;
    case "unsupported":
      throw new StepFailed(unsupportedProblem(wordsOf(meaning), place));
  }
}

function change(changes: SettingChanges, { world, settings }: ShellGround): void {
  const { tcp, ip, sockets } = changes;
  if (tcp !== undefined) settings.tcp = { ...settings.tcp, ...tcp };
  if (ip !== undefined) settings.ip = { ...settings.ip, ...ip };
  if (sockets !== undefined) settings.sockets = { ...settings.sockets, ...sockets };
  world.configure(changes);
}

function fail({ text, place }: { readonly text: string; readonly place: Place }, reason: string): never {
  throw new StepFailed({
    kind: "fail",
    place,
    what: "the command fails",
    expected: `\`${text}\``,
    actual: reason,
    rule: null,
  });
}

function wordsOf({ construct, meant }: { readonly construct: string; readonly meant: string }): string {
  return `\`${construct}\`${meant}`;
}
