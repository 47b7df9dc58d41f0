const methods = ["debug", "error", "info", "log", "trace", "warn"] as const;

/** What was printed while work ran: the names of the console's methods, never what they were given. */
export async function watchConsole(work: () => Promise<unknown>): Promise<readonly string[]> {
  const { console } = globalThis;
  const printed: string[] = [];
  const originals = methods.map((method) => [method, console[method]] as const);
  for (const method of methods) console[method] = () => void printed.push(method);
  try {
    await work();
  } finally {
    for (const [method, original] of originals) console[method] = original;
  }
  return printed;
}
