import nodeCrypto from "node:crypto";

import type { ActionRecord, JobCause, LimitRecord, PauseRecord, PauseScope } from "@leasehold/core";

/**
 * A name by which a tenant can be told from others, and is not named. The same tenant has the same one everywhere; whoever
 * can guess the tenant's name can reckon it.
 */
export function hideTenant(tenant: string): string {
  return nodeCrypto.createHash("sha256").update(tenant).digest("hex").slice(0, 12);
}

/** The same limit, with a tenant unnamed. `*` names none. */
export function hideTenantOfLimit(limit: LimitRecord): LimitRecord {
  const { scope } = limit;
  if (!("tenant" in scope) || scope.tenant === "*") return limit;
  return { ...limit, scope: { tenant: hideTenant(scope.tenant) } };
}

/** The same scope, with a tenant unnamed. */
export function hideTenantOfScope(scope: PauseScope): PauseScope {
  return "tenant" in scope ? { tenant: hideTenant(scope.tenant) } : scope;
}

/** The same pause, with a tenant unnamed. */
export function hideTenantOfPause(pause: PauseRecord): PauseRecord {
  return { ...pause, scope: hideTenantOfScope(pause.scope) };
}

/** The scope of which a pause is shown: it may be asked for by the name under which it is shown. */
export function findHiddenScope(scope: PauseScope, pauses: readonly PauseRecord[]): PauseScope {
  if (!("tenant" in scope)) return scope;
  const shown = pauses.find(
    (pause) => "tenant" in pause.scope && hideTenant(pause.scope.tenant) === scope.tenant,
  );
  return shown?.scope ?? scope;
}

/**
 * What was done, with a tenant unnamed that it was done to: alone, or as one of the words of a filter. Acts through the
 * console are written down so; others, such as the command line's, have the name.
 */
export function hideTenantOfAction(action: ActionRecord): ActionRecord {
  const { target } = action;
  if (target === undefined) return action;
  if (target.startsWith(prefix)) return { ...action, target: hidePrefixed(target) };
  return /"tenant"\s*:/.test(target) ? { ...action, target: hideTenantOfFilter(target) } : action;
}

/** A filter as JSON, with a tenant unnamed; nothing of it where it was cut, so that it cannot be read. */
function hideTenantOfFilter(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), (name, value: unknown) =>
      name === "tenant" && typeof value === "string" ? hideOnce(value) : value,
    );
  } catch {
    return "…";
  }
}

const prefix = "tenant ";

function hidePrefixed(words: string): string {
  return `${prefix}${hideOnce(words.slice(prefix.length))}`;
}

/** What looks like a digest is one: it was unnamed when it was written down. */
function hideOnce(tenant: string): string {
  return /^[0-9a-f]{12}$/.test(tenant) ? tenant : hideTenant(tenant);
}

/** The same cause, with a tenant unnamed, in whatever words the schema names one. */
export function hideTenantOfCause(cause: JobCause): JobCause {
  const { blocker = "", sentence } = cause;
  if (blocker.startsWith(prefix)) {
    const hidden = `${prefix}${hideTenant(blocker.slice(prefix.length))}`;
    return { ...cause, blocker: hidden, sentence: sentence.replaceAll(blocker, () => hidden) };
  }
  // From the first of the words before it to the last of those after: a tenant's name may hold either.
  const [, before, tenant, after] =
    /^(.*? of tenant )(.*)( (?:comes after \d+ of them\.|in the queue .*))$/s.exec(sentence) ?? [];
  if (before === undefined || tenant === undefined || after === undefined) return cause;
  return { ...cause, sentence: `${before}${hideTenant(tenant)}${after}` };
}
