/** Whether a connection is lent to others between two transactions: what one leaves behind, the next does not find. */
export function isPooled(connection: string | { readonly pooled?: boolean }): boolean {
  if (typeof connection === "string") return /[?&]pgbouncer=true(?:&|$)/.test(connection);
  return connection.pooled === true;
}

/** The URL for a driver of one's own: without `?pgbouncer=true`, which the driver would send to the server as a setting. */
export function toDriverUrl(url: string): string {
  return url.replace(/&pgbouncer=\w*(?=&|$)|\?pgbouncer=\w*$|(?<=\?)pgbouncer=\w*&/, "");
}
