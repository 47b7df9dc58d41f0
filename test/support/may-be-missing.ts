/** Whether a test may be skipped where this machine lacks what it needs. In CI it may not: then it fails. */
export const mayBeMissing: boolean = process.env["CI"] !== "true";
