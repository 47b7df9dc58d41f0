/** A corrupt answer, and what it must be refused for. */
export interface CorruptAnswer {
  readonly name: string;
  readonly text: string;
  readonly reason: "not_json" | "schema_violated" | "check_failed" | "hints_leaked";
}

/** Stands in every corrupt answer: it must be found nowhere else. */
export const canary = "Ilse Abendroth";

/** What the teacher wrote for the model alone. */
export const corruptHints = "Die richtige Quelle liegt oberhalb der alten Mühle.";

type Judgement = Readonly<Record<string, unknown>>;
type Answer = Readonly<Record<string, unknown>>;

const right: Judgement = { evidence: ["s1"], explanation_md: `Wie ${canary} sagt.`, score: 3 };
const good: Answer = { c1: right, c2: right };
const json = (value: unknown): string => JSON.stringify(value);

/** Ways to spoil one judgement. */
const judgements: readonly (readonly [string, Judgement])[] = [
  ["points above the most", { ...right, score: 11 }],
  ["points far above the most", { ...right, score: 1e12 }],
  ["points below 0", { ...right, score: -1 }],
  ["half points", { ...right, score: 2.5 }],
  ["points in words", { ...right, score: "3" }],
  ["points of null", { ...right, score: null }],
  ["points as a list", { ...right, score: [3] }],
  ["points that are true", { ...right, score: true }],
  ["no points", { evidence: ["s1"], explanation_md: canary }],
  ["no reason", { evidence: ["s1"], score: 3 }],
  ["an empty reason", { ...right, explanation_md: "", note: canary }],
  ["an endless reason", { ...right, explanation_md: canary.repeat(200) }],
  ["a reason that is a number", { ...right, explanation_md: 7, note: canary }],
  ["no evidence", { explanation_md: canary, score: 3 }],
  ["an unknown segment", { ...right, evidence: ["s99"] }],
  ["a segment in another case", { ...right, evidence: ["S1"] }],
  ["a segment by number", { ...right, evidence: [1] }],
  ["a quote for a segment", { ...right, evidence: [canary] }],
  ["evidence that is no list", { ...right, evidence: "s1" }],
  ["more evidence than is allowed", { ...right, evidence: ["s1", "s2", "s1", "s2"] }],
  ["points without evidence", { ...right, evidence: [] }],
  ["a zero without a word on evidence", { ...right, evidence: [], score: 0 }],
  ["points for what was not found", { ...right, evidence: [], no_evidence_found: true }],
  ["evidence that was not found", { ...right, no_evidence_found: true, score: 0 }],
  ["a zero that denies it", { ...right, evidence: [], no_evidence_found: false, score: 0 }],
  ["a key of its own", { ...right, confidence: 0.9 }],
  ["the name for the points changed", { evidence: ["s1"], explanation_md: canary, points: 3 }],
];

/** Ways to spoil the whole, the answer itself being good. */
const wholes: readonly (readonly [string, string, CorruptAnswer["reason"]])[] = [
  ["nothing", "", "not_json"],
  ["white space", " \n\t ", "not_json"],
  ["prose", `Die Arbeit von ${canary} ist gut.`, "not_json"],
  ["a refusal", `I cannot assess ${canary}.`, "not_json"],
  ["a preface", `Hier ist es:\n${json(good)}`, "not_json"],
  ["an afterword", `${json(good)}\nFertig, ${canary}.`, "not_json"],
  ["two answers", `${json(good)}${json(good)}`, "not_json"],
  ["two fenced answers", `\`\`\`json\n${json(good)}\n\`\`\`\n\`\`\`json\n{}\n\`\`\``, "not_json"],
  ["a fence without an end", `\`\`\`json\n${json(good)}`, "not_json"],
  ["a fence of another language", `\`\`\`yaml\n${json(good)}\n\`\`\``, "not_json"],
  ["single quotes", json(good).replaceAll('"', "'"), "not_json"],
  ["a comma too many", json(good).replace(/}$/, ",}"), "not_json"],
  ["a comment", json(good).replace("{", `{/* ${canary} */`), "not_json"],
  ["bare keys", json(good).replaceAll(/"(c\d|score)"/g, "$1"), "not_json"],
  ["a line break in a string", json(good).replace("Wie ", "Wie\n"), "not_json"],
  ["NaN", json(good).replace("3", "NaN"), "not_json"],
  ["points with a leading zero", json(good).replace(":3", ":03"), "not_json"],
  ["points in hexadecimal", json(good).replace(":3", ":0x3"), "not_json"],
  ["Python's None", json(good).replace(":3", ":None"), "not_json"],
  ["reasoning aloud", `<think>${canary}</think>${json(good)}`, "not_json"],
  ["a byte order in the middle", `${json(good)}\uFEFF{`, "not_json"],
  ["a list", json([good]), "schema_violated"],
  ["a text", json(json(good)), "schema_violated"],
  ["a number", "7", "schema_violated"],
  ["null", "null", "schema_violated"],
  ["true", "true", "schema_violated"],
  ["an empty object", "{}", "schema_violated"],
  ["an empty list", "[]", "schema_violated"],
  ["one criterion", json({ c1: right }), "schema_violated"],
  ["the other criterion", json({ c2: right }), "schema_violated"],
  ["a criterion too many", json({ ...good, c3: right }), "schema_violated"],
  ["criteria by name", json({ Inhalt: right, Sprache: right }), "schema_violated"],
  ["criteria by number", json({ 1: right, 2: right }), "schema_violated"],
  ["criteria in capitals", json({ C1: right, C2: right }), "schema_violated"],
  ["criteria in a list", json({ criteria_results: [right, right] }), "schema_violated"],
  ["the result in an envelope", json({ answer: good }), "schema_violated"],
  ["the overall score alone", json({ score: 4, note: canary }), "schema_violated"],
  ["an overall score beside", json({ ...good, score: 4 }), "schema_violated"],
  ["an error", json({ error: canary }), "schema_violated"],
  ["the schema itself", json({ type: "object", properties: good }), "schema_violated"],
  ["a prototype", json(good).replace("{", `{"__proto__":{"score":9},`), "schema_violated"],
  ["a criterion twice", json(good).replace("{", `{"c1":${json(right)},`), "schema_violated"],
  ["points twice", json(good).replace('"score":3', '"score":3,"score":0'), "schema_violated"],
  [
    "points twice, once unseen",
    json(good).replace('"score":3', '"score":3,"sco\u200Bre":0'),
    "schema_violated",
  ],
  ["a nesting without end", `${"[".repeat(50_000)}${"]".repeat(50_000)}`, "not_json"],
  [
    "the teacher's hints",
    json({ c1: { ...right, explanation_md: `${canary}: ${corruptHints}` }, c2: right }),
    "hints_leaked",
  ],
  [
    "the teacher's hints, shouted and stressed",
    json({ c1: right, c2: { ...right, explanation_md: "LIEGT *oberhalb* der ALTEN Mühle!" } }),
    "hints_leaked",
  ],
];

/** Ends of a good answer that never came, though the model says that it was done. */
const torn: readonly (readonly [string, string, CorruptAnswer["reason"]])[] = Array.from(
  { length: 12 },
  (_, index) => {
    const whole = json(good);
    const length = Math.floor((whole.length * (index + 1)) / 13);
    return [`torn after ${length} characters`, whole.slice(0, length), "not_json"];
  },
);

/** Over a hundred answers that no worker may use. */
export const corruptAnswers: readonly CorruptAnswer[] = [
  ...judgements.flatMap(([name, judgement]): CorruptAnswer[] => {
    const reason = "schema_violated";
    return [
      { name: `${name}, in the first`, text: json({ ...good, c1: judgement }), reason },
      { name: `${name}, in the last`, text: json({ ...good, c2: judgement }), reason },
    ];
  }),
  ...[...wholes, ...torn].map(([name, text, reason]) => ({ name, text, reason })),
];
