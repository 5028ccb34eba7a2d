/**
 * Conditions: `#ifdef`, `#ifndef`, `#else`.
 *
 * Owns: which steps of a script are left when it is known which names are defined. Must not know: what steps do. What a name stands for
 * elsewhere is the parser's.
 */
import type { ScriptPart, Step } from "./values.ts";

/** The steps that count, in order. */
export function stepsFor(parts: readonly ScriptPart[], isDefined: (name: string) => boolean): Step[] {
  const steps: Step[] = [];
  const gather = (some: readonly ScriptPart[]) => {
    for (const part of some) {
      if (part.kind === "step") steps.push(part);
      else gather(isDefined(part.name) !== part.negated ? part.then : part.otherwise);
    }
  };
  gather(parts);
  return steps;
}
