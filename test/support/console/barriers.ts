import axe from "axe-core";
import type { Page } from "playwright-core";

/** What axe finds to be serious or critical, and content that is wider than its window. */
export async function findBarriers(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { axe: scanner } = globalThis as unknown as { axe: typeof axe };
    const { violations } = await scanner.run();
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`));
  });
  const over = await page.evaluate<number>(
    "document.documentElement.scrollWidth - document.documentElement.clientWidth",
  );
  return over > 0 ? [...found, `wider than the window by ${over}`] : found;
}
