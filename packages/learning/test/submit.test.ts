import { describe, expect, test } from "bun:test";

import { fileSubmission, setupLearning, textSubmission, useLearning } from "./support/learning.ts";
import { refusal } from "./support/refusal.ts";
import { useServer } from "./support/server.ts";

const setup = useLearning();
const server = useServer();

describe("learning_submit refuses", () => {
  test.each([
    ["a kind that it does not know", { ...textSubmission, kind: "audio" }],
    ["no kind", { student_sub: "ada", text_body: "Text" }],
    ["nobody's work", { kind: "text", text_body: "Text" }],
    ["a text without text", { student_sub: "ada", kind: "text" }],
    ["a text that is too long", { ...textSubmission, text_body: "x".repeat(60_001) }],
    ["a text with an upload", { ...textSubmission, storage_key: "a.pdf" }],
    ["nobody at all", { ...textSubmission, student_sub: "" }],
    ["a name that is too long", { ...textSubmission, student_sub: "x".repeat(257) }],
    ["an image that is a PDF", { ...fileSubmission, kind: "image" }],
    ["an upload without a place", { ...fileSubmission, storage_key: null }],
    ["an upload without bytes", { ...fileSubmission, size_bytes: 0 }],
    ["an upload that is too large", { ...fileSubmission, size_bytes: 10_485_761 }],
    ["a bad hash", { ...fileSubmission, sha256: "AB".repeat(32) }],
    ["a long storage key", { ...fileSubmission, storage_key: "a".repeat(257) }],
    ["21 criteria", { ...textSubmission, criteria: Array(21).fill("Inhalt") }],
    ["criteria that are no array", { ...textSubmission, criteria: "Inhalt" }],
    ["a criterion without a name", { ...textSubmission, criteria: [{ max_score: 3 }] }],
    ["an empty name", { ...textSubmission, criteria: [""] }],
    ["a name that is a number", { ...textSubmission, criteria: [7] }],
    ["a long name", { ...textSubmission, criteria: ["x".repeat(501)] }],
    ["no points", { ...textSubmission, criteria: [{ name: "x", max_score: 0 }] }],
    ["11 points", { ...textSubmission, criteria: [{ name: "x", max_score: 11 }] }],
    ["half a point", { ...textSubmission, criteria: [{ name: "x", max_score: 1.5 }] }],
    ["points in words", { ...textSubmission, criteria: [{ name: "x", max_score: "9" }] }],
    ["a language it does not speak", { ...textSubmission, language: "fr" }],
    ["an instruction that is no text", { ...textSubmission, instruction_md: 1 }],
    ["a long instruction", { ...textSubmission, instruction_md: "x".repeat(4_001) }],
    ["long hints", { ...textSubmission, hints_md: "x".repeat(4_001) }],
    ["a request that is no object", []],
  ])("%s, stores nothing, and quotes nothing", async (_, request) => {
    await using learning = await setup();

    const error = await refusal(learning.submit(request));

    expect(error).toMatchObject({ code: "22023" });
    // A constraint would show the whole row in the detail of its error.
    expect(Bun.inspect(error)).not.toMatch(/Sonne|essay|Inhalt/);
    expect(await learning.query('select from :"schema".job')).toEqual([]);
    expect(await learning.query("select from public.learning_submissions")).toEqual([]);
  });

  test("without quoting what does not fit", async () => {
    await using learning = await setup();
    const request = { ...textSubmission, criteria: [{ name: { secret: "Canary" } }] };

    const shown = Bun.inspect(await refusal(learning.submit(request)));

    expect(shown).toContain("the name of a criterion must have");
    expect(shown).not.toContain("Canary");
  });

  test("what another rule of a host's table forbids, and does not take it for the same submission", async () => {
    await using learning = await setupLearning(await server());
    await learning.query(
      "create unique index on public.learning_submissions (student_sub, idempotency_key)",
    );
    await learning.submit({ ...textSubmission, idempotency_key: "key" });

    const again = learning.submit({ ...textSubmission, idempotency_key: "key" });

    expect(await refusal(again)).toMatchObject({ code: "23505" });
  });
});
