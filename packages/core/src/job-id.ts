/** Ids come from anywhere, also from the address bar of a browser: one that is no uuid is the id of no job. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}
