import { join } from "node:path";

/** What a URL leads to. */
export interface ConnectionTarget {
  /** The folder that holds the server's socket. */
  readonly socketFolder: string;
  readonly database: string;
  readonly role: string;
}

/** The superuser of the cluster. */
export const adminRole: string = "postgres";
/** The ordinary login, and the database it owns. */
export const ordinaryRole: string = "leasehold";
/** The number in the socket's name. */
export const socketPort: number = 5432;

// Names that need no escaping in a URL: the `postgres` client does not decode a database's name.
const plainName = /^[A-Za-z0-9_-]{1,63}$/;

/** Tells whether a database or role may be named so. */
export function isPlainName(name: string): boolean {
  return plainName.test(name);
}

/**
 * The folders a server must listen in, so that one URL serves every client.
 *
 * There is no form of URL for a Unix socket that all clients know. `postgres` decodes a host only if it is a list, and
 * then takes list and port for one path. libpq and `psql` try the members of the list in turn. `pg` and Bun take the
 * list for a path, too, without the port. So the host is a list of `<folder>/s` and `:`, and there are three folders:
 * `s` for libpq, `s,:` for `pg` and Bun, `s,::5432` for `postgres`.
 *
 * The second member must be a colon: no machine is called so, and what `postgres` makes of it is empty. With a second
 * host to try, it never rejects a statement whose connection is lost. The port is named because PGPORT, set for another
 * server, would win otherwise.
 */
export function connectionFolders(runFolder: string): readonly string[] {
  return ["s", "s,:", `s,::${socketPort}`].map((name) => join(runFolder, name));
}

/** The URL for `postgres`, `pg`, `Bun.SQL`, libpq and `psql`. */
export function connectionUrl(target: ConnectionTarget): string {
  const host = `${encodeURIComponent(target.socketFolder)},%3A:${socketPort}`;
  return `postgres://${target.role}@${host}/${target.database}`;
}
