/** Whether a picture is a document: tags nest, and nothing that was told became markup. */
import { assert, assertEquals } from "@std/assert";

/** Fails where tags do not nest, or text holds what would be markup. */
export function demandWellFormed(svg: string): void {
  const open: string[] = [];
  for (
    const [, close, name, attributes, empty] of svg.matchAll(
      /<(\/?)([a-z]+)((?:\s+[a-zA-Z:-]+="[^"<]*")*)\s*(\/?)>/g,
    )
  ) {
    assert(attributes !== undefined);
    if (close !== "") assertEquals(open.pop(), name);
    else if (empty === "") open.push(name);
  }
  assertEquals(open, []);
  const rest = svg.replaceAll(/<style>[^<]*<\/style>/g, "").replaceAll(
    /<\/?[a-z]+((?:\s+[a-zA-Z:-]+="[^"<]*")*)\s*\/?>/g,
    "",
  );
  assertEquals(
    rest.match(/[<>]|&(?!(?:amp|lt|gt|quot|#39);)|\p{Cc}/gu)?.filter((sign) => sign !== "\n") ?? [],
    [],
  );
}
