/**
 * Text inside SVG.
 *
 * Owns: that nothing in it becomes markup. Must not know: pictures.
 */
import { printable } from "./text_layout.ts";

/** Text for an element's content or a quoted attribute, line ends kept; what XML does not allow becomes `?`. */
export function svgText(text: string): string {
  // XML 1.0 §2.2 has no characters U+FFFE and U+FFFF, and no control characters.
  return text.split("\n").map(printable).join("\n").replaceAll(/[\uFFFE\uFFFF]/g, "?").replaceAll(
    "&",
    "&amp;",
  ).replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;").replaceAll('"', "&quot;").replaceAll("'", "&#39;");
}
