/**
 * A set-up: everything on which a course of the playground hangs, and its text for a link.
 *
 * Owns: the shape, both ways between it and text, and every bound: a link may come from anybody. Must not know: what a browser
 * is, how a course is run.
 *
 * In a link times are milliseconds, what is as by default is left out, and the text needs no escapes but those of the faults.
 */
import { type Command, commandText, MOST_US, parseCommand } from "./command.ts";
import { differingSettings, type EndSettings, isSettingName, readSetting } from "./end_settings.ts";

/** See the head of this file. */
export interface SetUp {
  readonly seed: number;
  /** How long the cable is, microseconds one way. */
  readonly delayUs: number;
  readonly ends: readonly [EndSettings, EndSettings];
  /** In the order in which they are done; times never go back. */
  readonly commands: readonly Command[];
  /** Numbers of segments that are lost on the way, whatever else is done. */
  readonly lost: readonly number[];
  /** How far it has gone, microseconds. */
  readonly untilUs: number;
  /** Of which scenario it is made; empty for none. */
  readonly scenario: string;
}

/** A text is no set-up; the message is one line for a person. */
export class SetUpError extends Error {
  override name = "SetUpError";
}

/** What there is before anything was chosen. */
export const EMPTY_SET_UP: SetUp = {
  seed: 1,
  delayUs: 20_000,
  ends: [{}, {}],
  commands: [],
  lost: [],
  untilUs: 0,
  scenario: "",
};

/** Local choice: browsers and messengers carry so much of an address. */
export const MOST_LINK_LETTERS = 8000;
/** Local choices: more than fits into a link. */
const MOST_COMMANDS = 500;
const MOST_LOST = 500;
/** Local choice: half a second each way is worse than by satellite. */
export const MOST_DELAY_US = 500_000;
const MOST_SEED = 0xffff_ffff;
const MOST_SEGMENT = 1_000_000;

/** A set-up as the text of a link, without `#`. */
export function setUpText(setUp: SetUp): string {
  const { seed, delayUs, ends, commands, lost, untilUs, scenario } = setUp;
  const fields: [string, string][] = [];
  const put = (name: string, value: string, fallback: string) => {
    if (value !== fallback) fields.push([name, value]);
  };
  put("s", scenario, "");
  put("seed", String(seed), String(EMPTY_SET_UP.seed));
  put("d", String(delayUs / 1000), String(EMPTY_SET_UP.delayUs / 1000));
  put("a", settingsText(ends[0]), "");
  put("b", settingsText(ends[1]), "");
  put("do", commands.map(commandText).join("_"), "");
  put("lose", lost.join("_"), "");
  put("t", String(untilUs / 1000), "0");
  return fields.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
}

/** Reads a link's text. Throws {@link SetUpError}. */
export function parseSetUp(text: string): SetUp {
  if (text.length > MOST_LINK_LETTERS) {
    throw new SetUpError(
      `This link has more than ${MOST_LINK_LETTERS} letters: it is none of the playground`,
    );
  }
  const found = new Map<string, string>();
  for (const part of text.split("&").filter((part) => part !== "")) {
    const at = part.indexOf("=");
    const name = part.slice(0, Math.max(0, at));
    if (!NAMES.has(name)) {
      throw new SetUpError(
        `This link has a part that means nothing here, damaged or of another version: ${shown(part)}`,
      );
    }
    if (found.has(name)) throw new SetUpError(`This link has ${name} twice`);
    found.set(name, decoded(part.slice(at + 1)));
  }
  const field = (name: string) => found.get(name) ?? "";
  const number = (name: string, most: number, fallback: number, form = /^\d{1,10}(\.\d{1,3})?$/) => {
    const value = field(name);
    if (value === "") return fallback;
    const read = form.test(value) ? Number(value) : NaN;
    if (read <= most) return read;
    const kind = form === WHOLE ? "whole number" : "number";
    throw new SetUpError(`This link's ${name} is no ${kind} from 0 to ${most}: ${shown(value)}`);
  };
  const us = (name: string, mostUs: number, fallbackUs: number) =>
    Math.round(number(name, mostUs / 1000, fallbackUs / 1000) * 1000);
  return {
    scenario: scenarioIn(field("s")),
    seed: number("seed", MOST_SEED, EMPTY_SET_UP.seed, WHOLE),
    delayUs: us("d", MOST_DELAY_US, EMPTY_SET_UP.delayUs),
    ends: [settingsIn(field("a")), settingsIn(field("b"))],
    commands: commandsIn(field("do")),
    lost: lostIn(field("lose")),
    untilUs: us("t", MOST_US, 0),
  };
}

const WHOLE = /^\d{1,10}$/;
const NAMES: ReadonlySet<string> = new Set(["s", "seed", "d", "a", "b", "do", "lose", "t"]);

function settingsText(settings: EndSettings): string {
  return Object.entries(differingSettings(settings)).map(([name, value]) => `${name}-${value}`).join("_");
}

function settingsIn(text: string): EndSettings {
  const settings: Record<string, string | number> = {};
  for (const part of text.split("_").filter((part) => part !== "")) {
    const [, name = "", given = ""] = /^([a-z]+)-([a-z0-9]+)$/.exec(part) ?? [];
    const value = isSettingName(name) ? readSetting(name, given) : null;
    if (value === null) throw new SetUpError(`This link sets what cannot be so: ${shown(part)}`);
    settings[name] = value;
  }
  return settings;
}

function commandsIn(text: string): readonly Command[] {
  const parts = text.split("_").filter((part) => part !== "");
  if (parts.length > MOST_COMMANDS) throw new SetUpError(`This link has more than ${MOST_COMMANDS} commands`);
  let atUs = 0;
  return parts.map((part) => {
    const command = parseCommand(part);
    if (typeof command === "string") {
      throw new SetUpError(`This link has a command that cannot be: ${command}`);
    }
    if (command.atUs < atUs) throw new SetUpError(`This link's commands are out of order at ${shown(part)}`);
    atUs = command.atUs;
    return command;
  });
}

function lostIn(text: string): readonly number[] {
  const parts = text.split("_").filter((part) => part !== "");
  if (parts.length > MOST_LOST) throw new SetUpError(`This link loses more than ${MOST_LOST} segments`);
  return parts.map((part) => {
    const number = /^\d{1,7}$/.test(part) ? Number(part) : 0;
    if (number >= 1 && number <= MOST_SEGMENT) return number;
    throw new SetUpError(`This link loses what is no segment: ${shown(part)}`);
  });
}

function scenarioIn(text: string): string {
  if (/^[a-z-]{0,40}$/.test(text)) return text;
  throw new SetUpError(`This link names a scenario that cannot be: ${shown(text)}`);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new SetUpError(`This link is damaged: ${shown(text)}`);
  }
}

function shown(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text);
}
