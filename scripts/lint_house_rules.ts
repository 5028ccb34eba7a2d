/**
 * The house rules as a plugin of `deno lint` (deno.json, "lint.plugins"): names and sizes of files, what the
 * pure layers may not name, no unchecked casts, documentation where it is owed.
 *
 * Owns: the rules that one TypeScript file can break by itself. Who may import whom is in check_layers.ts, and
 * what concerns files of every kind in check_files.ts. Each rule has a test in test/scripts that shows it fire.
 */

const MAX_LINES = 500;

/** Names that say nothing about what a file owns. */
const EMPTY_NAMES: ReadonlySet<string> = new Set([
  "utils",
  "util",
  "helpers",
  "helper",
  "index",
  "manager",
  "misc",
]);

/** Layers in which time, randomness and the outside world are arguments. */
const PURE_LAYERS = ["src/wire/", "src/tcp/", "src/link/", "src/host/", "src/story/", "src/script/"];

/** What stands for time, randomness or the outside world. */
const AMBIENT_NAMES: ReadonlySet<string> = new Set([
  "Deno",
  "Date",
  "performance",
  "setTimeout",
  "setInterval",
  "queueMicrotask",
  "crypto",
  "console",
  "globalThis",
]);

/** What makes a test wait for the clock on the wall. */
const WAITING_NAMES: ReadonlySet<string> = new Set(["setTimeout", "setInterval", "delay", "sleep"]);

/** The path of a file below the project's folder, with `/`; file URLs are taken too. */
export function projectPath(filename: string): string {
  const path = filename.replace(/^file:\/\//, "").replaceAll("\\", "/");
  const root = decodeURIComponent(new URL("..", import.meta.url).pathname);
  return path.startsWith(root) ? path.slice(root.length) : path.replace(/^\.?\//, "");
}

function isIn(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => path.startsWith(folder));
}

/** A name that is only a label: a property after a dot, a key of an object or a class, a parameter's name in a type. */
function isLabel(node: Deno.lint.Identifier): boolean {
  const parent = node.parent;
  switch (parent.type) {
    case "MemberExpression":
      return parent.property === node && !parent.computed;
    case "Property":
      return parent.key === node && !parent.computed && !parent.shorthand;
    case "MethodDefinition":
    case "PropertyDefinition":
    case "TSPropertySignature":
    case "TSMethodSignature":
      return parent.key === node;
    default:
      return false;
  }
}

function isInFunction(node: Deno.lint.Node, context: Deno.lint.RuleContext): boolean {
  return context.sourceCode.getAncestors(node).some((ancestor) =>
    ancestor.type === "FunctionDeclaration" || ancestor.type === "FunctionExpression" ||
    ancestor.type === "ArrowFunctionExpression"
  );
}

/** True where the text before `offset` ends with a doc comment. */
function hasDocBefore(text: string, offset: number): boolean {
  const before = text.slice(0, offset).trimEnd();
  if (!before.endsWith("*/")) return false;
  return before.slice(before.lastIndexOf("/*")).startsWith("/**");
}

/** In native code a cast needs its reason: a comment on its line or on the line before the statement's first. */
function hasReasonNearby(text: string, offset: number): boolean {
  const lineEnd = text.indexOf("\n", offset);
  const before = text.slice(0, lineEnd === -1 ? text.length : lineEnd).split("\n").slice(-3);
  return before.some((line) => /\/\/|\*\/\s*$|\/\*/.test(line));
}

const fileName: Deno.lint.Rule = {
  create(context) {
    return {
      Program(node) {
        const path = projectPath(context.filename);
        const name = path.slice(path.lastIndexOf("/") + 1).replace(/\.(d\.)?tsx?$/, "");
        if (!/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(name)) {
          context.report({ node, message: `File name "${name}" is not snake_case` });
        }
        if (EMPTY_NAMES.has(name.replace(/_test$/, ""))) {
          context.report({ node, message: `File name "${name}" does not say what the file owns` });
        }
      },
    };
  },
};

const fileLength: Deno.lint.Rule = {
  create(context) {
    return {
      Program(node) {
        const lines = context.sourceCode.text.trimEnd().split("\n").length;
        if (lines <= MAX_LINES) return;
        context.report({ node, message: `${lines} lines, more than ${MAX_LINES}: is this still one idea?` });
      },
    };
  },
};

const fileDoc: Deno.lint.Rule = {
  create(context) {
    return {
      Program(node) {
        if (/^(#![^\n]*\n)?\s*\/\*\*/.test(context.sourceCode.text)) return;
        context.report({
          node,
          message: "The file does not open with a doc comment",
          hint: "Say what it owns, what it must not know, and the RFC sections it implements",
        });
      },
    };
  },
};

const exportDoc: Deno.lint.Rule = {
  create(context) {
    const path = projectPath(context.filename);
    if (path.startsWith("test/") || path.endsWith(".d.ts")) return {};
    // Overloads are documented once, on the first signature.
    const documented = new Set<string>();
    function check(node: Deno.lint.ExportNamedDeclaration | Deno.lint.ExportDefaultDeclaration): void {
      const declaration = node.declaration;
      if (declaration === null) return;
      const name = "id" in declaration && declaration.id?.type === "Identifier" ? declaration.id.name : "";
      if (hasDocBefore(context.sourceCode.text, node.range[0])) {
        if (name !== "") documented.add(name);
        return;
      }
      if (documented.has(name)) return;
      context.report({
        node,
        message: `Exported ${name === "" ? "symbol" : `"${name}"`} has no doc comment`,
      });
    }
    return { ExportNamedDeclaration: check, ExportDefaultDeclaration: check };
  },
};

const noAmbient: Deno.lint.Rule = {
  create(context) {
    if (!isIn(projectPath(context.filename), PURE_LAYERS)) return {};
    return {
      Identifier(node) {
        if (!AMBIENT_NAMES.has(node.name) || isLabel(node)) return;
        context.report({
          node,
          message: `"${node.name}" in a pure layer`,
          hint: "Time and randomness are arguments here, and the outside world is a link",
        });
      },
      MemberExpression(node) {
        if (context.sourceCode.getText(node) !== "Math.random") return;
        context.report({
          node,
          message: '"Math.random" in a pure layer',
          hint: "Randomness is an argument here",
        });
      },
    };
  },
};

const noUncheckedCast: Deno.lint.Rule = {
  create(context) {
    const path = projectPath(context.filename);
    if (path.endsWith(".d.ts")) return {};
    const isNative = path.startsWith("ffi/");
    return {
      TSAnyKeyword(node) {
        context.report({
          node,
          message: '"any" switches type checking off',
          hint: "Use unknown, and narrow it",
        });
      },
      TSNonNullExpression(node) {
        context.report({
          node,
          message: "Non-null `!` is a claim that nobody checks",
          hint: "Handle the null",
        });
      },
      TSTypeAssertion(node) {
        context.report({ node, message: "A cast is a claim that nobody checks", hint: "Narrow the type" });
      },
      TSAsExpression(node) {
        const text = context.sourceCode.getText(node);
        if (/\bas\s+const$/.test(text)) return;
        if (!isNative) {
          context.report({ node, message: '"as" outside ffi/', hint: "Narrow the type, or use satisfies" });
        } else if (node.expression.type === "TSAsExpression") {
          context.report({ node, message: "Double cast", hint: "Give the native function a type that fits" });
        } else if (!hasReasonNearby(context.sourceCode.text, node.range[1])) {
          context.report({
            node,
            message: '"as" without its reason',
            hint: "Say why in a comment beside it",
          });
        }
      },
    };
  },
};

const noWaitingTests: Deno.lint.Rule = {
  create(context) {
    const path = projectPath(context.filename);
    if (!path.startsWith("test/") || path.startsWith("test/live/")) return {};
    return {
      CallExpression(node) {
        if (node.callee.type !== "Identifier" || !WAITING_NAMES.has(node.callee.name)) return;
        context.report({
          node,
          message: `"${node.callee.name}" in a test outside test/live`,
          hint: "Drive the virtual clock instead of waiting",
        });
      },
    };
  },
};

const noLibraryAtLoad: Deno.lint.Rule = {
  create(context) {
    return {
      MemberExpression(node) {
        if (context.sourceCode.getText(node) !== "Deno.dlopen" || isInFunction(node, context)) return;
        context.report({ node, message: "A library is opened at import", hint: "Open it on request" });
      },
    };
  },
};

const noDenoByName: Deno.lint.Rule = {
  create(context) {
    return {
      NewExpression(node) {
        if (context.sourceCode.getText(node.callee) !== "Deno.Command") return;
        const program = node.arguments[0];
        if (program?.type !== "Literal" || program.value !== "deno") return;
        context.report({
          node,
          message: 'A process is started as "deno"',
          hint: "It may not be on the search path, or be another version: use Deno.execPath()",
        });
      },
    };
  },
};

/** The plugin. Rule ids are `house/<name>`, as in a `deno-lint-ignore` comment. */
const plugin: Deno.lint.Plugin = {
  name: "house",
  rules: {
    "file-name": fileName,
    "file-length": fileLength,
    "file-doc": fileDoc,
    "export-doc": exportDoc,
    "no-ambient": noAmbient,
    "no-unchecked-cast": noUncheckedCast,
    "no-waiting-tests": noWaitingTests,
    "no-library-at-load": noLibraryAtLoad,
    "no-deno-by-name": noDenoByName,
  },
};

/** See {@link plugin}. */
export default plugin;
