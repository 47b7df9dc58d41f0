import { describe, expect, test } from "bun:test";

import { submissionPipeline } from "../src/submission-pipeline.ts";
import { type SubmissionInput, submissionInput } from "../src/submission.ts";
import { createHands } from "./support/hands.ts";
import { fileSubmission, type Learning, textSubmission, useLearning } from "./support/learning.ts";
import { createRandom } from "./support/random.ts";
import { refusal } from "./support/refusal.ts";
import { openSession } from "./support/session.ts";

const setup = useLearning();

const enqueue = 'select :"schema".learning_enqueue($1, $2::text::jsonb) as id';

async function payloadOf({ row }: Learning, jobId: string): Promise<unknown> {
  return (await row('select payload from :"schema".job where public_id = $1', jobId))["payload"];
}

async function countJobs({ row }: Learning): Promise<number> {
  return Number((await row('select count(*) as ct from :"schema".job'))["ct"]);
}

describe("the payload of a submission", () => {
  test.each([
    ["names", ["Inhalt", "Sprache"], [10, 10]],
    ["objects", [{ name: "Inhalt", max_score: 4 }, { name: "Sprache" }], [4, 10]],
    [
      "objects by the runbook's word",
      [{ criterion: "Inhalt" }, { criterion: "Sprache" }],
      [10, 10],
    ],
    ["both", ["Inhalt", { name: "Sprache", max_score: 1 }], [10, 1]],
    ["points as a decimal", ["Inhalt", { name: "Sprache", max_score: 7.0 }], [10, 7]],
    ["points that are null", ["Inhalt", { name: "Sprache", max_score: null }], [10, 10]],
  ])("takes criteria as %s", async (_, criteria, [first, second]) => {
    await using learning = await setup();

    const { jobId } = await learning.submit({ ...textSubmission, criteria });

    const { criteria: taken } = submissionInput.parse(await payloadOf(learning, jobId));
    expect(taken).toEqual([
      { id: "c1", name: "Inhalt", maxScore: Number(first) },
      { id: "c2", name: "Sprache", maxScore: Number(second) },
    ]);
  });

  test.each([[undefined], [null], [[]]])(
    "has one criterion, the whole, when given %j",
    async (criteria) => {
      await using learning = await setup();

      const { jobId } = await learning.submit({ ...textSubmission, criteria });

      const input = submissionInput.parse(await payloadOf(learning, jobId));
      expect(input.criteria).toEqual([{ id: "c1", name: "overall", maxScore: 10 }]);
    },
  );

  test("of a text has the text and the default language, and no key without a value", async () => {
    await using learning = await setup();
    const request = { ...textSubmission, instruction_md: null, hints_md: null };

    const { id, jobId } = await learning.submit(request);

    expect(await payloadOf(learning, jobId)).toEqual({
      submissionId: id,
      kind: "text",
      text: "Die Sonne scheint. Der Bach rauscht.",
      criteria: [
        { id: "c1", name: "Inhalt", maxScore: 10 },
        { id: "c2", name: "Sprache", maxScore: 10 },
      ],
      language: "de",
    });
  });

  test("of an upload says where it lies, and takes instruction, hints and language", async () => {
    await using learning = await setup();
    const words = { instruction_md: "Beschreibe.", hints_md: "Der Bach.", language: "en" };

    const { id, jobId } = await learning.submit({ ...fileSubmission, ...words });

    const payload = await payloadOf(learning, jobId);
    expect(payload).toMatchObject({
      submissionId: id,
      kind: "file",
      media: {
        storageKey: "submissions/essay.pdf",
        mediaType: "application/pdf",
        bytes: 1000,
        sha256: "ab".repeat(32),
      },
      instruction: "Beschreibe.",
      hints: "Der Bach.",
      language: "en",
    });
    expect(submissionInput.parse(payload)).toEqual(payload as SubmissionInput);
  });

  test("has 60,000 characters of text and 20 criteria of 500 characters at most", async () => {
    await using learning = await setup();
    const largest = {
      ...textSubmission,
      text_body: "🦆".repeat(60_000),
      criteria: Array.from({ length: 20 }, () => "🦆".repeat(500)),
      instruction_md: "🦆".repeat(4_000),
      hints_md: "🦆".repeat(4_000),
    };

    const { jobId } = await learning.submit(largest);

    const parsed = submissionInput.safeParse(await payloadOf(learning, jobId));
    expect(parsed.success).toBe(true);
  });
});

describe("the job of a submission", () => {
  test.each(Array.from({ length: 40 }, (_, seed) => seed))(
    "is the one that the pipeline itself would enqueue (draw %d)",
    async (seed) => {
      await using learning = await setup();
      const { request, input } = drawSubmission(seed);
      const read = async (jobId: string): Promise<unknown> =>
        await learning.row(
          `select j.queue, j.type, j.version, j.priority, j.tenant, j.payload, l.phase, l.solo, r.attempt,
             (select jsonb_agg(to_jsonb(s) - 'job_id' - 'saved_at') from :"schema".result as s where s.job_id = j.id)
           from :"schema".job as j
           join :"schema".ready as r on r.job_id = j.id join :"schema".lane as l on l.id = r.lane_id
           where j.public_id = $1`,
          jobId,
        );

      const { id, jobId } = await learning.submit(request);
      const other = await learning.client.enqueue(submissionPipeline, {
        ...input,
        submissionId: id,
      });

      expect(await read(jobId)).toEqual(await read(other.id));
    },
  );

  test("is due at once, or not before its time", async () => {
    await using learning = await setup();
    const { claim } = createHands(learning);
    const { id } = await learning.submit({ ...textSubmission, id: crypto.randomUUID() });
    await learning.query('select :"schema".cancel_job(public_id) from :"schema".job');
    await learning.query("update public.learning_submissions set analysis_status = 'pending'");

    await learning.query("select :\"schema\".learning_enqueue($1, '{}', p_delay_ms => 60000)", id);

    expect(await claim()).toEqual([]);
    await learning.database.advance(61_000);
    expect(await claim()).toHaveLength(1);
  });

  test("can have an id of the caller's choice, but not that of another job", async () => {
    await using learning = await setup();
    const first = await learning.submit();
    const [one, two] = [crypto.randomUUID(), crypto.randomUUID()];
    await learning.query(
      `insert into public.learning_submissions (id, student_sub, kind, text_body)
       values ($1, 'ada', 'text', 'Eins.'), ($2, 'ada', 'text', 'Zwei.')`,
      one,
      two,
    );
    const enqueueAs = "select :\"schema\".learning_enqueue($1, '{}', $2) as id";
    const chosen = crypto.randomUUID();

    const answer = await learning.row(enqueueAs, one, chosen);
    const stolen = learning.row(enqueueAs, two, first.jobId);

    expect(answer["id"]).toBe(chosen);
    expect(await refusal(stolen)).toMatchObject({ code: "23505" });
  });

  test("is the only live one of its submission", async () => {
    await using learning = await setup();
    const { id, jobId } = await learning.submit();

    const again = await learning.row(enqueue, id, { criteria: ["Anderes"] });

    expect(again["id"]).toBe(jobId);
    expect(await countJobs(learning)).toBe(1);
  });

  test("is the only one also when eight ask for it at once", async () => {
    await using learning = await setup();
    const request = { ...textSubmission, id: crypto.randomUUID() };

    const answers = await Promise.all(Array.from({ length: 8 }, () => learning.submit(request)));

    expect(new Set(answers.map(({ jobId }) => jobId)).size).toBe(1);
    expect(answers.every(({ id }) => id === request.id)).toBe(true);
    expect(await countJobs(learning)).toBe(1);
  });

  test("comes and goes with the caller's transaction", async () => {
    await using learning = await setup();
    await using session = await openSession(learning.url);

    await session.script("begin");
    await session.query(
      "select leasehold.learning_submit($1::text::jsonb)",
      JSON.stringify(textSubmission),
    );
    await session.script("rollback");

    expect(await countJobs(learning)).toBe(0);
  });
});

describe("the same submission again", () => {
  test("changes nothing and gets the same answer, whatever else it says", async () => {
    await using learning = await setup();
    const first = await learning.submit();
    const before = await learning.submission(first.id);

    const again = await learning.submit({
      id: first.id,
      student_sub: "eve",
      kind: "text",
      text_body: "Etwas anderes.",
    });

    expect(again).toEqual(first);
    expect(await learning.submission(first.id)).toEqual(before);
    expect(await countJobs(learning)).toBe(1);
  });

  test("gets the same answer when the work is done", async () => {
    await using learning = await setup();
    const first = await learning.submit();
    const { claimOne, complete } = createHands(learning);
    await complete(await claimOne());

    const again = await learning.submit({ ...textSubmission, id: first.id });

    expect(again).toEqual(first);
    expect(await countJobs(learning)).toBe(1);
  });
});

describe("learning_enqueue refuses", () => {
  test("a submission that is not there", async () => {
    await using learning = await setup();

    const answer = learning.row(enqueue, crypto.randomUUID(), {});

    expect(await refusal(answer)).toMatchObject({ code: "P0002" });
  });

  test.each(["completed", "failed"])(
    "a submission that is %s, whose result would have nowhere to go",
    async (status) => {
      await using learning = await setup();
      const { id } = await learning.submit();
      const { claimOne, complete, fail } = createHands(learning);
      if (status === "completed") await complete(await claimOne());
      else await fail(await claimOne(), "output_invalid");

      const answer = learning.row(enqueue, id, {});

      expect(await refusal(answer)).toMatchObject({ code: "55000" });
      expect(await countJobs(learning)).toBe(1);
    },
  );

  test("a submission that somebody deletes at this moment", async () => {
    await using learning = await setup();
    const { id } = await learning.submit();
    await learning.query('select :"schema".cancel_job(public_id) from :"schema".job');
    await learning.query("update public.learning_submissions set analysis_status = 'pending'");
    await using deleter = await openSession(learning.url);
    await using enqueuer = await openSession(learning.url);
    await deleter.script("begin");
    await deleter.query("delete from public.learning_submissions where id = $1", id);

    const refused = refusal(enqueuer.query("select leasehold.learning_enqueue($1, '{}')", id));
    await enqueuer.blocked();
    await deleter.script("commit");

    expect(await refused).toMatchObject({ code: "P0002" });
    expect(await countJobs(learning)).toBe(1);
  });
});

/** The same submission as a host says it in SQL and as the pipeline takes it. */
function drawSubmission(seed: number): {
  readonly request: object;
  readonly input: Omit<SubmissionInput, "submissionId">;
} {
  const random = createRandom(seed + 1);
  const criteria = Array.from({ length: 1 + random.below(20) }, () => ({
    name: random.text(1 + random.below(5)).slice(0, 40),
    maxScore: 1 + random.below(10),
  }));
  const kind = random.one(["text", "image", "file"] as const);
  const imageType = random.one(["image/png", "image/jpeg"] as const);
  const mediaType = kind === "file" ? "application/pdf" : imageType;
  const text = random.text(random.below(80));
  const media = {
    storageKey: `uploads/${random.below(1_000)}.bin`,
    mediaType,
    bytes: 1 + random.below(10_485_760),
    sha256: random.below(16).toString(16).repeat(64),
  } as const;
  const instruction = random.maybe(random.text(random.below(30)));
  const hints = random.maybe(random.text(random.below(30)));
  const language = random.maybe(random.one(["de", "en"] as const));
  return {
    request: {
      student_sub: `learner-${random.below(99)}`,
      kind,
      ...(kind === "text"
        ? { text_body: text }
        : {
            storage_key: media.storageKey,
            mime_type: media.mediaType,
            size_bytes: media.bytes,
            sha256: media.sha256,
          }),
      criteria: criteria.map(({ name, maxScore }) =>
        maxScore === 10 ? name : { name, max_score: maxScore },
      ),
      instruction_md: instruction,
      hints_md: hints,
      language,
    },
    input: {
      kind,
      ...(kind === "text" ? { text } : { media }),
      criteria: criteria.map((criterion, index) => ({ id: `c${index + 1}`, ...criterion })),
      ...(instruction === undefined ? {} : { instruction }),
      ...(hints === undefined ? {} : { hints }),
      language: language ?? "de",
    },
  };
}
