/**
 * The version of this program.
 *
 * Owns: where it is written down (deno.json, nowhere else). Must not know: who shows it.
 */
import config from "../../deno.json" with { type: "json" };

/** As in deno.json. */
export const VERSION: string = config.version;
