/**
 * The machine's settings by their own names in scripts: every field of TcpConfig can be set, to what it takes and to nothing else.
 */
import { assertEquals } from "@std/assert";
import { settingsOf } from "../../src/script/shell_steps.ts";
import { changeSetting, settingNames } from "../../src/script/sysctl.ts";
import { DEFAULT_TCP_CONFIG } from "../../src/tcp/config.ts";
import { PROFILES } from "../../src/tcp/profiles.ts";

const SO_FAR = settingsOf(PROFILES.rfc, DEFAULT_TCP_CONFIG);

function changed(name: string, value: string): unknown {
  const result = changeSetting(name, value, SO_FAR);
  return result.kind === "settings" ? result.changes : result.kind;
}

Deno.test("every setting has a name, and takes the value that it has by default", () => {
  const names = settingNames();
  for (const [name, value] of Object.entries(DEFAULT_TCP_CONFIG)) {
    assertEquals(names.includes(`tcplab.${name}`), true, name);
    const text = value === Infinity ? "infinity" : String(value);
    assertEquals(
      changed(`tcplab.${name}`, text),
      { tcp: { [name]: value } },
      `${name}: its values belong into CHOICES of src/script/sysctl_own.ts`,
    );
  }
});

Deno.test("numbers, switches and choices are read as such", () => {
  assertEquals(changed("tcplab.mslUs", "1000000"), { tcp: { mslUs: 1_000_000 } });
  assertEquals(changed("tcplab.sack", "0"), { tcp: { sack: false } });
  assertEquals(changed("tcplab.synCookies", "always"), { tcp: { synCookies: "always" } });
  assertEquals(changed("tcplab.synCookies", "false"), { tcp: { synCookies: false } });
  assertEquals(changed("tcplab.timeWaitRst", "ignore"), { tcp: { timeWaitRst: "ignore" } });
});

Deno.test("what a setting does not take is told, and never half taken", () => {
  for (
    const [name, value] of [
      ["tcplab.mslUs", "soon"],
      ["tcplab.mslUs", "-1"],
      ["tcplab.sack", "2"],
      ["tcplab.ecn", "Off"],
      ["tcplab.ecn", ""],
      ["tcplab.nothing", "1"],
      ["tcplab.constructor", "1"],
      ["tcplab.__proto__", "1"],
    ]
  ) assertEquals(changed(name, value), "unknown", `${name}=${value}`);
});
