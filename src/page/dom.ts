/**
 * Making and changing elements.
 *
 * Owns: that text is text: nothing that came over a wire can become markup, because nothing here takes any. Must not know:
 * what is shown.
 */
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />

/** Attributes of an element; null and false leave one out, true sets it to "true". */
export type Attributes = Readonly<Record<string, string | number | boolean | null>>;

type Child = Node | string;

/** A new HTML element. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  setAttributes(made, attributes);
  made.append(...children);
  return made;
}

/** A new SVG element. */
export function svgElement<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[Tag] {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  setAttributes(made, attributes);
  made.append(...children);
  return made;
}

/** Sets what differs: an attribute that is set anew to the same has the browser lay out again. */
export function setAttributes(target: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false) {
      if (target.hasAttribute(name)) target.removeAttribute(name);
    } else if (target.getAttribute(name) !== String(value)) {
      target.setAttribute(name, String(value));
    }
  }
}

/** The text of an element, where it differs. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** The element of the document with this id. Throws where the document has none: page.html and the script belong together. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The document has no ${id}`);
  return found;
}

/** A key as shortcuts know it: of a letter the small one, whatever Shift and Caps Lock say. */
export function shortcutOf({ key }: Pick<KeyboardEvent, "key">): string {
  return key.length === 1 ? key.toLowerCase() : key;
}
