import { expect } from "bun:test";

import type { DoctorCheck, Finding } from "@leasehold/core";

/** The one finding of a check. */
export function find(findings: readonly Finding[], check: DoctorCheck): Finding {
  const found = findings.filter((finding) => finding.check === check);
  expect(found).toHaveLength(1);
  return found[0] ?? { check, status: "fail", message: "It is not there." };
}
