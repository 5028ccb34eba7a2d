/**
 * The live page's beginning: a running server as its source.
 *
 * Owns: nothing but putting the two together. The playground begins elsewhere, with another source and the same page.
 */
/// <reference lib="dom" />
import { LivePage } from "./live_page.ts";
import { LiveSource } from "./live_source.ts";

new LivePage(new LiveSource(new URL(location.href))).start();
