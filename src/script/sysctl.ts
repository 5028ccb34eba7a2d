/**
 * Sysctl: a kernel's settings, by their names, as what they change here.
 *
 * Owns: how a table of them is asked and set. Must not know: the names (sysctl_linux.ts, sysctl_freebsd.ts,
 * sysctl_own.ts).
 */
import type { SettingChanges, SettingsSoFar } from "./settings.ts";
import { FREEBSD_SETTINGS } from "./sysctl_freebsd.ts";
import { LINUX_SETTINGS } from "./sysctl_linux.ts";
import { OWN_SETTINGS } from "./sysctl_own.ts";
import type { Setting } from "./sysctl_setting.ts";

/** What setting a name to a value comes to. */
export type SettingResult =
  | { readonly kind: "settings"; readonly changes: SettingChanges }
  /** Known, and without influence; why. */
  | { readonly kind: "nothing"; readonly reason: string }
  /** The name, or this value of it, is not known here. */
  | { readonly kind: "unknown" };

const SETTINGS: ReadonlyMap<string, Setting> = new Map([
  ...LINUX_SETTINGS,
  ...FREEBSD_SETTINGS,
  ...OWN_SETTINGS,
]);

/** All names that are known. */
export function settingNames(): string[] {
  return [...SETTINGS.keys()];
}

/** `net/ipv4/tcp_sack` and `/proc/sys/net/ipv4/tcp_sack` as `net.ipv4.tcp_sack`. */
export function settingName(text: string): string {
  const path = text.replace(/^\/proc\/sys\//, "");
  return path.includes("/") ? path.replaceAll("/", ".") : path;
}

/** Sets a name to a value. */
export function changeSetting(name: string, value: string, soFar: SettingsSoFar): SettingResult {
  const setting = SETTINGS.get(settingName(name));
  if (setting === undefined) return { kind: "unknown" };
  if ("reason" in setting) {
    return setting.values === undefined || setting.values.includes(value)
      ? { kind: "nothing", reason: setting.reason }
      : { kind: "unknown" };
  }
  const changes = setting.change(value.trim(), soFar);
  return changes === null ? { kind: "unknown" } : { kind: "settings", changes };
}

/** The value of a name now, as the kernel would print it; null where it is not kept. */
export function readSetting(name: string, soFar: SettingsSoFar): string | null {
  const setting = SETTINGS.get(settingName(name));
  if (setting === undefined || "reason" in setting) return null;
  return setting.read?.(soFar) ?? null;
}
