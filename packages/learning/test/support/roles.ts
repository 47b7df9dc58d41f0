import { afterAll } from "bun:test";

import { migrate, migrateRoles, type RoleNames } from "@leasehold/core";
import type { EmbeddedPostgres } from "@leasehold/embedded-postgres";

import { learningSql } from "../../src/learning-sql.ts";
import { joinServer } from "./server.ts";
import { openSession, type Session } from "./session.ts";

/** The runbook's names. */
export const runbookRoles: Required<RoleNames> = {
  owner: "leasehold_owner",
  worker: "gustav_worker",
  limited: "gustav_limited",
};

/** A database as an administrator leaves it: migrated, with the roles, and nothing of the tests' own in it. */
export interface Installation extends AsyncDisposable {
  /** The login that owned everything before. */
  readonly url: string;
  readonly adminUrl: string;
  readonly admin: Session;
  urlFor(role: string): string;
  /** A login of this test's own; its attributes and memberships in SQL. It goes when the test ends. */
  createLogin(attributes: string): Promise<string>;
}

/** Gives all tests of a file the same installation: they look at it and leave nothing behind. */
export function useInstallation(): () => Promise<Installation> {
  const stack = new AsyncDisposableStack();
  const make = async (): Promise<Installation> =>
    stack.use(await install(stack.use(await joinServer())));
  let made: Promise<Installation> | undefined;
  afterAll(() => stack.disposeAsync());
  return () => (made ??= make());
}

export interface InstallOptions {
  readonly roles?: Required<RoleNames>;
  /** Run by the superuser in the empty database. */
  readonly before?: string;
}

export async function install(
  server: EmbeddedPostgres,
  { roles = runbookRoles, before }: InstallOptions = {},
): Promise<Installation> {
  const name = `learning_${crypto.randomUUID().replaceAll("-", "")}`;
  const url = await server.createDatabase(name);
  const adminUrl = server.databaseUrl(name, "postgres");
  const admin = await openSession(adminUrl);
  if (before !== undefined) await admin.script(before);
  await migrate({ connection: url, bundles: [learningSql] });
  await migrateRoles({ connection: adminUrl, bundles: [learningSql], ...roles });
  const logins: string[] = [];
  return {
    url,
    adminUrl,
    admin,
    urlFor: (role) => server.databaseUrl(name, role),
    async createLogin(attributes) {
      const login = `login_${crypto.randomUUID().replaceAll("-", "")}`;
      logins.push(login);
      await admin.script(`create role ${login} login ${attributes}`);
      return login;
    },
    async [Symbol.asyncDispose]() {
      for (const login of logins) await admin.script(`drop owned by ${login}; drop role ${login}`);
      await admin[Symbol.asyncDispose]();
      await server.dropDatabase(name);
    },
  };
}
