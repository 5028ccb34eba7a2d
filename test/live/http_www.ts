/**
 * A directory to be served in a test, and what is around it: files of known contents, links in and out of it.
 *
 * Owns: the files. Must not know: who reads them.
 */

/** A served directory beside something that is none of its business. */
export interface ServedDirectory extends AsyncDisposable {
  readonly path: string;
}

/** Resources of the page, as many as a browser asks for. */
export const RESOURCES = 40;

/** Octets of `numbers.bin`: 0 to 255 again and again. */
export const NUMBERS = 100_000;

/** Makes it; gone when disposed of. */
export async function servedDirectory(): Promise<ServedDirectory> {
  const top = await Deno.makeTempDir({ prefix: "tcplab-www-" });
  const path = `${top}/www`;
  await Deno.mkdir(`${path}/many`, { recursive: true });
  await Deno.mkdir(`${path}/<b>odd & "names"`);
  await Deno.writeTextFile(`${top}/secret.txt`, "secret");
  await Deno.mkdir(`${top}/www-beside`);
  await Deno.writeTextFile(`${top}/www-beside/secret.txt`, "secret");
  await Deno.writeFile(`${path}/numbers.bin`, Uint8Array.from({ length: NUMBERS }, (_, at) => at & 0xff));
  await Deno.writeTextFile(`${path}/empty.txt`, "");
  await Deno.writeTextFile(`${path}/.hidden`, "secret");
  await Deno.symlink(`${top}/secret.txt`, `${path}/out.txt`);
  await Deno.symlink(`${top}/www-beside`, `${path}/beside`);
  await Deno.symlink("../..", `${path}/many/up`);
  await Deno.symlink("../numbers.bin", `${path}/many/in.bin`);
  await writePage(path);
  // Whoever the server runs as has to get in.
  await Deno.chmod(top, 0o755);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(top, { recursive: true }) };
}

/** A page of {@link RESOURCES} pictures, which says how many have come. */
async function writePage(path: string): Promise<void> {
  const pictures: string[] = [];
  for (let number = 0; number < RESOURCES; number++) {
    const fill = `hsl(${number * 9} 80% 50%)`;
    const picture = `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40">` +
      `<rect width="40" height="40" fill="${fill}"/><!--${"x".repeat(number * 1500)}--></svg>`;
    await Deno.writeTextFile(`${path}/many/${number}.svg`, picture);
    pictures.push(`<img src="many/${number}.svg" width="40" height="40" alt="">`);
  }
  await Deno.writeTextFile(
    `${path}/index.html`,
    `<!doctype html><title>forty</title><body>${pictures.join("")}</body>`,
  );
}
