/** One instruction of a Dockerfile, with its continued lines put together. */
export interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** Reads a Dockerfile; the instructions of its last stage are what the image is. */
export function parseDockerfile(text: string): readonly (readonly Instruction[])[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !/^\s*#/.test(line));
  const instructions = lines
    .join("\n")
    .replaceAll(/\\\n\s*/g, "")
    .split("\n")
    .map((line): Instruction => {
      const [, name, rest] = /^([A-Z]+)\s+(.+)$/.exec(line) ?? [];
      if (name === undefined || rest === undefined) throw new Error(`not an instruction: ${line}`);
      return { name, text: rest };
    });
  const stages: Instruction[][] = [];
  for (const instruction of instructions) {
    if (instruction.name === "FROM") stages.push([]);
    const stage = stages.at(-1);
    if (stage === undefined) throw new Error("A Dockerfile starts with FROM.");
    stage.push(instruction);
  }
  return stages;
}

/** The words of an instruction in exec form; undefined for the form that a shell would read. */
export function readExecForm(text: string): readonly string[] | undefined {
  try {
    const words: unknown = JSON.parse(text);
    const isForm = Array.isArray(words) && words.every((word) => typeof word === "string");
    return isForm ? words : undefined;
  } catch {
    return undefined;
  }
}
