/** What a unit file of systemd says, by section and name; a name may be given several times. */
export type UnitFile = ReadonlyMap<string, readonly string[]>;

/** Reads a unit file. Names are written `Section.Name`. */
export function parseUnitFile(text: string): UnitFile {
  const found = new Map<string, string[]>();
  let section = "";
  for (const line of text.split("\n")) {
    if (line.trim() === "" || /^[#;]/.test(line)) continue;
    const [, heading] = /^\[(\w+)\]$/.exec(line) ?? [];
    const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (heading !== undefined) section = heading;
    else if (name === undefined || value === undefined) throw new Error(`not a setting: ${line}`);
    else found.set(`${section}.${name}`, [...(found.get(`${section}.${name}`) ?? []), value]);
  }
  return found;
}
