/**
 * docs/benchmarks.md: every run that was meant to be kept, the newest last.
 *
 * Owns: the page's beginning, and that a section is added whole. Must not know: what a section says.
 */

const PAGE = new URL("../../docs/benchmarks.md", import.meta.url);

const BEGINNING = `# Benchmarks

Written by \`deno task bench\`, which adds a section a run. Every server offers echo, discard and chargen, and is measured
by the same client over the kernel's TCP, in a private lab of two network namespaces joined by a veth pair (MTU 1500):
\`def\` as veth is by default, \`off\` without checksum and segmentation off-loads. In a round each server has its turn
(A B A B); a figure is the median of the rounds, ± the farthest round; a ratio is the median of the ratios within each
round. "Over IPv6" is the same server, asked by way of the other version of IP; \`before\` is another checkout
(\`--against\`). What the targets are, and why, is in [performance.md](performance.md).
`;

/** Adds a section; makes the page when there is none. */
export async function appendSection(section: string, path: URL | string = PAGE): Promise<void> {
  let page: string;
  try {
    page = await Deno.readTextFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    page = BEGINNING;
  }
  await Deno.writeTextFile(path, `${page.trimEnd()}\n\n${section.trimEnd()}\n`);
}
