import { describe, expect, test } from "bun:test";

import type { NewSubmission } from "../src/learning-store.ts";
import { submissionInput } from "../src/submission.ts";
import { rejection } from "./fixtures/errors.ts";
import { createHands, feedbackResult } from "./support/hands.ts";
import { useLearning } from "./support/learning.ts";

const setup = useLearning();

const text: NewSubmission = {
  studentSub: "ada",
  content: { kind: "text", text: "Der Bach rauscht." },
};

const file: NewSubmission = {
  studentSub: "ada",
  content: {
    kind: "file",
    storageKey: "submissions/essay.pdf",
    mediaType: "application/pdf",
    bytes: 1000,
    sha256: "ab".repeat(32),
  },
};

describe("submitting", () => {
  test("stores a submission, and a job with an input that the pipeline takes", async () => {
    await using learning = await setup();

    const { id, jobId } = await learning.store.submit({
      ...file,
      criteria: ["Inhalt", { name: "Sprache", maxScore: 4 }],
      instruction: "Beschreibe.",
      hints: "Der Bach.",
      language: "en",
    });

    const { payload } = await learning.row('select payload from :"schema".job');
    expect(submissionInput.parse(payload)).toEqual({
      submissionId: id,
      kind: "file",
      media: {
        storageKey: "submissions/essay.pdf",
        mediaType: "application/pdf",
        bytes: 1000,
        sha256: "ab".repeat(32),
      },
      criteria: [
        { id: "c1", name: "Inhalt", maxScore: 10 },
        { id: "c2", name: "Sprache", maxScore: 4 },
      ],
      instruction: "Beschreibe.",
      hints: "Der Bach.",
      language: "en",
    });
    expect(await learning.submission(id)).toMatchObject({ student_sub: "ada", kind: "file" });
    expect(await learning.client.getJob(jobId)).toMatchObject({ state: "queued", phase: "vision" });
  });

  test("under the same id changes nothing", async () => {
    await using learning = await setup();
    const id = crypto.randomUUID();

    const first = await learning.store.submit({ ...text, id });
    const again = await learning.store.submit({ ...file, id });

    expect(again).toEqual(first);
    expect(await learning.submission(id)).toMatchObject({ kind: "text" });
  });

  test("replaces what Postgres can't store", async () => {
    await using learning = await setup();
    const odd = { kind: "text", text: "Der\u0000Bach \uD83E rauscht 🦆." } as const;

    const { id } = await learning.store.submit({ ...text, content: odd });

    const { text: stored } = (await learning.store.readSubmission(id)) ?? {};
    expect(stored).toBe("Der\uFFFDBach \uFFFD rauscht 🦆.");
  });

  const { content } = file;
  test.each([
    ["text", { ...text, content: { kind: "text", text: "x".repeat(60_001) } }],
    ["media.mediaType", { ...file, content: { ...content, mediaType: "image/gif" } }],
    ["media.bytes", { ...file, content: { ...content, bytes: 10_485_761 } }],
    ["media.sha256", { ...file, content: { ...content, sha256: "x" } }],
    ["media.storageKey", { ...file, content: { ...content, storageKey: "" } }],
    ["kind", { ...text, content: { kind: "audio", text: "x" } }],
    ["submissionId", { ...text, id: "one" }],
    ["studentSub", { ...text, studentSub: "" }],
    ["studentSub", { ...text, studentSub: "x".repeat(257) }],
    ["criteria", { ...text, criteria: Array(21).fill("Inhalt") }],
    ["criteria.0.name", { ...text, criteria: [""] }],
    ["criteria.1.maxScore", { ...text, criteria: ["Inhalt", { name: "x", maxScore: 11 }] }],
    ["instruction", { ...text, instruction: "x".repeat(4_001) }],
    ["hints", { ...text, hints: "x".repeat(4_001) }],
    ["language", { ...text, language: "fr" }],
    ["(top)", { ...text, course: "7b" }],
  ])("refuses a bad %s by its name, and stores nothing", async (field, submission) => {
    await using learning = await setup();

    const error = await rejection(learning.store.submit(submission as NewSubmission));

    expect(error).toMatchObject({ code: "input_invalid", scope: "job", retryable: false });
    expect(error.message).toContain(`${field}: `);
    expect(await learning.query("select from public.learning_submissions")).toEqual([]);
  });

  test("names every problem at once, and quotes nothing", async () => {
    await using learning = await setup();
    const submission = {
      ...text,
      studentSub: "",
      language: "Canary",
      hints: "Canary ".repeat(999),
    };

    const error = await rejection(learning.store.submit(submission as unknown as NewSubmission));

    expect(error.message).toMatch(/hints: .*language: .*studentSub: /);
    expect(error.message).not.toContain("Canary");
  });
});

describe("reading back", () => {
  test("gives what the worker left, with the newest job", async () => {
    await using learning = await setup();
    const { id, jobId } = await learning.store.submit(text);
    const { claimOne, complete } = createHands(learning);
    await complete(await claimOne());

    const report = await learning.store.readSubmission(id);

    expect(report).toEqual({
      id,
      jobId,
      kind: "text",
      mediaType: undefined,
      status: "completed",
      errorCode: undefined,
      text: "Der Bach rauscht.",
      feedbackMd: feedbackResult.feedbackMd,
      analysis: feedbackResult.analysis,
      path: "program",
      needsReview: false,
      flags: [],
      provenance: {
        vision: { skipped: "text_submission" },
        feedback: { adapter: "hand", model: "tiny" },
      },
    });
  });

  test("gives what is not there yet as nothing", async () => {
    await using learning = await setup();
    const { id } = await learning.store.submit(file);

    const report = await learning.store.readSubmission(id);

    expect(report).toMatchObject({ status: "pending", mediaType: "application/pdf" });
    expect([report?.text, report?.feedbackMd, report?.analysis, report?.provenance]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(await learning.store.readSubmission(crypto.randomUUID())).toBeUndefined();
  });

  test("tells who is connected", async () => {
    await using learning = await setup();

    const { login, isSuperuser } = await learning.store.currentLogin();

    expect({ login, isSuperuser }).toEqual({ login: "leasehold", isSuperuser: false });
  });
});
