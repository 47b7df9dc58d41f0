import { z } from "zod";

/** What `demo --json` says last, for programs. */
export interface DemoLine {
  readonly ok: boolean;
  readonly backend: string;
  readonly seconds: number;
  readonly submissions: readonly {
    readonly id: string;
    readonly kind: string;
    readonly media_type: string;
    readonly status: string;
    readonly phases: readonly {
      readonly phase: string;
      readonly attempts: number;
      readonly ms: number;
    }[];
    readonly analysis_schema: string | null;
    readonly score: number | null;
    readonly provenance: Readonly<Record<string, unknown>>;
  }[];
}

/** Strict all through: whoever reads this line relies on its shape, and a new field is a decision. */
const demoLine: z.ZodType<DemoLine> = z.strictObject({
  ok: z.boolean(),
  backend: z.string(),
  seconds: z.number(),
  submissions: z.array(
    z.strictObject({
      id: z.uuid(),
      kind: z.enum(["text", "image", "file"]),
      media_type: z.string(),
      status: z.enum(["pending", "extracted", "completed", "failed"]),
      phases: z.array(
        z.strictObject({ phase: z.string(), attempts: z.int().min(1), ms: z.number().min(0) }),
      ),
      analysis_schema: z.string().nullable(),
      score: z.number().nullable(),
      provenance: z.record(z.string(), z.unknown()),
    }),
  ),
});

/** Reads the last line of a demonstration's answer. */
export function readDemoLine(stdout: string): DemoLine {
  return demoLine.parse(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? ""));
}
