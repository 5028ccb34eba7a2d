/**
 * Set-up names packages as each system knows them.
 */
import { assertEquals } from "@std/assert";
import { installCommand, REQUIREMENTS } from "../../scripts/setup.ts";

Deno.test("each package manager gets its own names", () => {
  const some = REQUIREMENTS.filter(({ name }) => name === "libpcap" || name === "tshark");
  const names = (["apt-get", "dnf", "apk", "pacman"] as const).map((manager) =>
    installCommand(manager, some).slice(-2)
  );
  assertEquals(names, [
    ["libpcap0.8", "tshark"],
    ["libpcap", "wireshark-cli"],
    ["libpcap", "tshark"],
    ["libpcap", "wireshark-cli"],
  ]);
});

Deno.test("a browser is for the tests alone", () => {
  const [chromium, ...others] = REQUIREMENTS.filter(({ name }) => name === "chromium");
  assertEquals([chromium.neededBy, others], [["test"], []]);
  assertEquals(installCommand("apt-get", [chromium]).at(-1), "chromium");
});

Deno.test("the demo needs nothing that the tests do not", () => {
  for (const requirement of REQUIREMENTS) {
    assertEquals(requirement.neededBy.includes("test"), true, requirement.name);
  }
});
