/** A file that is read is never written to, by whatever name, and two outputs are two files. */
import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { CliError } from "../../src/cli/command.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { refuseSameFiles } from "../../src/cli/same_files.ts";

Deno.test("the same file by another name is refused, whether it is there or not; others and /dev/null are not", () => {
  const directory = Deno.makeTempDirSync();
  try {
    const at = (name: string) => join(directory, name);
    Deno.writeTextFileSync(at("script"), "");
    Deno.writeTextFileSync(at("other"), "");
    Deno.symlinkSync("script", at("link"));
    Deno.linkSync(at("script"), at("second name"));
    Deno.mkdirSync(at("d"));
    Deno.symlinkSync("d", at("e"));
    const read = { paths: [at("nowhere"), at("script")], what: "one of the scripts" };
    const refuse = (...paths: string[]) =>
      refuseSameFiles(read, paths.map((path, index) => ({ option: `--${index}`, path })));
    for (const name of ["script", "link", "second name", "d/../script"]) {
      assertThrows(
        () => refuse(at("other"), `${directory}/${name}`),
        CliError,
        "is one of the scripts, which would be lost: give --1 another file",
      );
    }
    for (const [one, two] of [["new", "new"], ["new", "d/../new"], ["d/new", "e/new"], ["other", "other"]]) {
      assertThrows(
        () => refuse(`${directory}/${one}`, `${directory}/${two}`),
        CliError,
        "is the file of --0",
      );
    }
    refuse(at("new"), at("other"), at("d/new"), "/dev/null", "/dev/null", join(directory, "no", "directory"));
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("serve and connect refuse one file for two outputs before a device is opened, and leave it as it is", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(directory, "kept"), "kept");
    const [program, ...words] = selfCommand();
    const said = async (...args: string[]) => {
      const { code, stderr } = await new Deno.Command(program, {
        args: [...words, ...args, "--iface", "nowhere0", "--ip", "10.0.0.9/24"],
        cwd: directory,
        stdin: "null",
      }).output();
      return `${code} ${new TextDecoder().decode(stderr)}`;
    };
    const lost = (command: string, option: string, other: string) =>
      `1 tcplab ${command}: ${option} ./kept is the file of ${other}, which would be lost: give ${option} another file\n`;
    assertEquals(
      await said("serve", "--write", "kept", "--log-file", "./kept"),
      lost("serve", "--log-file", "--write"),
    );
    assertEquals(
      await said("connect", "10.0.0.1", "7", "--output", "kept", "--write", "./kept"),
      lost("connect", "--write", "--output"),
    );
    assertEquals(await Deno.readTextFile(join(directory, "kept")), "kept");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
