/**
 * What can be set about each end of the playground.
 *
 * Owns: the list: names as they stand in a link, bounds, defaults, and what they mean to the machine. Must not know: how a
 * setting is shown, where a value came from.
 */
import { DEFAULT_TCP_CONFIG, type TcpConfig } from "../tcp/config.ts";

/** A setting that is one of some words. */
export interface ChoiceSetting {
  readonly kind: "choice";
  readonly choices: readonly string[];
  readonly fallback: string;
}

/** A setting that is a whole number. */
export interface NumberSetting {
  readonly kind: "number";
  readonly least: number;
  readonly most: number;
  readonly fallback: number;
  readonly step: number;
}

/** What an end does with what it receives. */
export type Reading = "read" | "hold" | "echo";

const ON_OFF = { kind: "choice", choices: ["on", "off"], fallback: "on" } as const;
const DEFAULTS = DEFAULT_TCP_CONFIG;
const KIB = 1024;

/** All settings, by their names in a link; the bounds are local choices: what a lesson needs. */
export const END_SETTINGS = {
  app: { kind: "choice", choices: ["read", "hold", "echo"], fallback: "read" },
  answer: { kind: "choice", choices: ["close", "wait"], fallback: "close" },
  mss: { kind: "number", least: 88, most: 1460, fallback: 1460, step: 4 },
  rcv: { kind: "number", least: 1, most: 4096, fallback: DEFAULTS.receiveBufferBytes / KIB, step: 1 },
  snd: { kind: "number", least: 1, most: 4096, fallback: DEFAULTS.sendBufferBytes / KIB, step: 1 },
  sack: ON_OFF,
  ts: ON_OFF,
  ws: ON_OFF,
  ecn: { kind: "choice", choices: ["off", "accept", "request"], fallback: DEFAULTS.ecn },
  nagle: ON_OFF,
  cc: { kind: "choice", choices: ["cubic", "reno"], fallback: DEFAULTS.congestionControl },
  iw: { kind: "number", least: 1, most: 64, fallback: DEFAULTS.initialWindowSegments, step: 1 },
  dack: { kind: "number", least: 0, most: 500, fallback: DEFAULTS.delayedAckUs / 1000, step: 10 },
  quick: { kind: "number", least: 0, most: 100, fallback: DEFAULTS.quickAcks, step: 1 },
  rto: { kind: "number", least: 10, most: 10_000, fallback: DEFAULTS.rtoMinUs / 1000, step: 10 },
  msl: { kind: "number", least: 1, most: 120, fallback: DEFAULTS.mslUs / 1e6, step: 1 },
  backlog: { kind: "number", least: 1, most: 1024, fallback: 128, step: 1 },
  cookies: ON_OFF,
} as const satisfies Readonly<Record<string, ChoiceSetting | NumberSetting>>;

/** Name of a setting. */
export type SettingName = keyof typeof END_SETTINGS;

/** In the order in which they are shown. */
export const SETTING_NAMES = Object.keys(END_SETTINGS).filter(isSettingName);

/** The settings of one end; what is absent is as by default. */
export type EndSettings = Readonly<Partial<Record<SettingName, string | number>>>;

/** Whether there is such a setting. */
export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(END_SETTINGS, name);
}

/** Reads a value; null where the setting cannot have it. */
export function readSetting(name: SettingName, text: string): string | number | null {
  const setting: ChoiceSetting | NumberSetting = END_SETTINGS[name];
  if (setting.kind === "choice") return setting.choices.includes(text) ? text : null;
  const value = /^\d{1,7}$/.test(text) ? Number(text) : NaN;
  return value >= setting.least && value <= setting.most ? value : null;
}

/** Without what is as by default: a link has what differs. */
export function differingSettings(settings: EndSettings): EndSettings {
  return Object.fromEntries(
    SETTING_NAMES.flatMap((name) => {
      const value = settings[name];
      return value === undefined || value === END_SETTINGS[name].fallback ? [] : [[name, value]];
    }),
  );
}

/** A setting's value, the default where it is not set. */
export function settingOf(settings: EndSettings, name: SettingName): string | number {
  return settings[name] ?? END_SETTINGS[name].fallback;
}

/** The same as what the machine takes. */
export function tcpConfigOf(settings: EndSettings): Partial<TcpConfig> {
  const number = (name: SettingName) => Number(settingOf(settings, name));
  const isOn = (name: SettingName) => settingOf(settings, name) === "on";
  const ecn = settingOf(settings, "ecn");
  return {
    mss: number("mss"),
    receiveBufferBytes: number("rcv") * KIB,
    sendBufferBytes: number("snd") * KIB,
    sack: isOn("sack"),
    timestamps: isOn("ts"),
    windowScaling: isOn("ws"),
    ecn: ecn === "off" || ecn === "request" ? ecn : "accept",
    noDelay: !isOn("nagle"),
    congestionControl: settingOf(settings, "cc") === "reno" ? "reno" : "cubic",
    initialWindowSegments: number("iw"),
    delayedAckUs: number("dack") * 1000,
    quickAcks: number("quick"),
    rtoMinUs: number("rto") * 1000,
    mslUs: number("msl") * 1e6,
    synCookies: isOn("cookies"),
  };
}

/** What an end does with what it receives. */
export function readingOf(settings: EndSettings): Reading {
  const app = settingOf(settings, "app");
  return app === "hold" || app === "echo" ? app : "read";
}
