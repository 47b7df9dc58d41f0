/** A TypeScript file, taken apart just far enough that no rule trips over prose. */
export interface SourceText {
  /** The code. Comments and the contents of literals are blank; every offset is that of the file. */
  readonly code: string;
  /** Strings, and templates with `${}` for each substitution, in the order of their ends. */
  readonly literals: readonly Literal[];
}

export interface Literal {
  readonly text: string;
  /** Where the opening quote stands. */
  readonly index: number;
}

const token =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'|[\w$]+|\s+|[\s\S]/y;
const templatePart = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*(`|\$\{)/y;
const regularExpression = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
/** After these a slash begins a regular expression; after anything else it divides. */
const beforeExpression = /(?:^|[(,=:[!&|?{};+\-*%^~<>]|\b(?:return|typeof|case|in|of|void|else))$/;

const known = new Map<string, SourceText>();

/** Reads a TypeScript file as far as the rules need it: what is comment, what is literal, what is code. */
export function readSource(text: string): SourceText {
  const source = known.get(text) ?? takeApart(text);
  known.set(text, source);
  return source;
}

function takeApart(text: string): SourceText {
  const literals: Literal[] = [];
  /** One entry for each template we are inside of, with the braces open since its substitution. */
  const templates: { text: string; readonly index: number; braces: number }[] = [];
  let code = "";

  const readTemplate = (): void => {
    const template = templates.at(-1);
    if (template === undefined) return;
    const [part = "", end] = match(templatePart, text, code.length) ?? [text.slice(code.length)];
    code += blank(part);
    template.text += end === "`" ? part.slice(0, -1) : part;
    if (end === "${") return;
    templates.pop();
    literals.push({ text: template.text, index: template.index });
  };

  while (code.length < text.length) {
    const index = code.length;
    const found = match(token, text, index)?.[0] ?? "";
    const template = templates.at(-1);
    if (found.startsWith("//") || found.startsWith("/*")) {
      code += blank(found);
    } else if (found === "/" && beforeExpression.test(code.trimEnd())) {
      code += blank(match(regularExpression, text, index)?.[0] ?? found);
    } else if (/^["']./s.test(found)) {
      literals.push({ text: found.slice(1, -1), index });
      code += blank(found);
    } else if (found === "`") {
      templates.push({ text: "", index, braces: 0 });
      code += " ";
      readTemplate();
    } else if (found === "}" && template?.braces === 0) {
      template.text += "}";
      code += " ";
      readTemplate();
    } else {
      if (template !== undefined) template.braces += { "{": 1, "}": -1 }[found] ?? 0;
      code += found;
    }
  }
  return { code, literals };
}

/** What a file imports, with `import`, `export … from`, types included. */
export function listImports({ code, literals }: SourceText): readonly Literal[] {
  return literals.filter(({ index }) =>
    /(?:\bfrom|\bimport|\b(?:import|require)\s*\()\s*$/.test(code.slice(0, index)),
  );
}

/** The imports of a module that name something the pattern finds. */
export function findNamedImports(
  source: SourceText,
  module: RegExp,
  names: RegExp,
): readonly Literal[] {
  return listImports(source).filter(({ text, index }) => {
    const [clause = ""] = /\{[^{}]*\}\s*from\s*$/.exec(source.code.slice(0, index)) ?? [];
    return module.test(text) && names.test(clause);
  });
}

function match(pattern: RegExp, text: string, index: number): RegExpExecArray | null {
  pattern.lastIndex = index;
  return pattern.exec(text);
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, " ");
}
