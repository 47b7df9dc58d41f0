/** The version of this package, as its manifest has it. */
export const coreVersion = "0.1.0";
