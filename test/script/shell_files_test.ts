/**
 * Files that lines of scripts call as commands: known by what they do, never opened.
 */
import { assertEquals } from "@std/assert";
import { fileCommand } from "../../src/script/shell_files.ts";

Deno.test("a file of zeros to send from is made, and taken away, without a disk", () => {
  for (
    const line of [
      "/bin/rm -f /tmp/testfile",
      "/bin/dd bs=1 count=5 if=/dev/zero of=/tmp/testfile status=none",
    ]
  ) {
    assertEquals(fileCommand(line.split(" "))?.kind, "nothing", line);
  }
});

Deno.test("what would touch anything else is not understood", () => {
  for (
    const line of [
      "/bin/rm -rf /",
      "/bin/rm -f /tmp/../etc/passwd",
      "/bin/rm -f /etc/passwd",
      "/bin/dd if=/dev/sda of=/tmp/testfile",
      "/bin/dd if=/dev/zero of=/dev/sda",
      "/bin/sh /tmp/testfile",
      "rm /tmp/testfile",
    ]
  ) {
    assertEquals(fileCommand(line.split(" ")), null, line);
  }
});
