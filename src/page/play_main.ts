/**
 * The playground's beginning: two hosts in this page as its source.
 *
 * Owns: nothing but the start. The live page begins elsewhere, with another source.
 */
/// <reference lib="dom" />
import { PlayPage } from "./play_page.ts";

new PlayPage().start();
