/**
 * The page's beginning: a running server as its source, or the stories that are in the document.
 *
 * Owns: nothing but putting the two together. The playground begins elsewhere, with another source and the same page.
 */
/// <reference lib="dom" />
import { LivePage } from "./live_page.ts";
import { LiveSource } from "./live_source.ts";
import { StoredSource } from "./stored_source.ts";

const stored = document.getElementById("story")?.textContent ?? null;
new LivePage(stored === null ? new LiveSource(new URL(location.href)) : new StoredSource(JSON.parse(stored)))
  .start();
