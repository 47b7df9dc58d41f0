import type {
  Attempt,
  Counter,
  HookCall,
  Job,
  JobType,
  Lane,
  Lease,
  Ready,
  Resource,
  Result,
  Stopped,
} from "./rows.ts";

/** A table whose changes can be undone. Rows are never changed, only replaced. */
export interface Table<Key, Row> {
  get(key: Key): Row | undefined;
  set(key: Key, row: Row): void;
  /** Answers what was there. */
  delete(key: Key): Row | undefined;
  rows(): Iterable<Row>;
  count(): number;
}

/** The tables of one schema; those with several rows per job hold them together, in their order. */
export interface Tables {
  /** Set up once and never undone, as the lanes. */
  readonly jobTypes: Map<string, JobType>;
  readonly lanes: Lane[];
  readonly job: Table<number, Job>;
  readonly ready: Table<number, Ready>;
  readonly lease: Table<number, Lease>;
  readonly attempt: Table<number, readonly Attempt[]>;
  readonly jobCounter: Table<number, readonly Counter[]>;
  readonly result: Table<number, readonly Result[]>;
  readonly stopped: Table<number, Stopped>;
  /** By name. */
  readonly resource: Table<string, Resource>;
  /** By queue and key. */
  readonly uniqueKey: Table<string, number>;
  /** The host's own: what its hook wrote, per job. */
  readonly hookCall: Table<number, readonly HookCall[]>;
  /** The host's own: what its fenced statements wrote, per job. */
  readonly effect: Table<number, readonly unknown[]>;
}

/** What was changed since it was emptied, newest last. */
export interface Journal {
  mark(): number;
  /** Undoes all changes since the mark. */
  rollBack(mark: number): void;
  empty(): void;
  /** The jobs whose rows were changed, each once. */
  changedJobs(): readonly number[];
}

interface Change {
  readonly key: unknown;
  readonly undo: () => void;
}

/** Makes empty tables. */
export function createTables(): { readonly tables: Tables; readonly journal: Journal } {
  const changes: Change[] = [];
  const createTable = <Key, Row>(): Table<Key, Row> => {
    const rows = new Map<Key, Row>();
    const remember = (key: Key): Row | undefined => {
      const before = rows.get(key);
      const undo =
        before === undefined ? () => void rows.delete(key) : () => void rows.set(key, before);
      changes.push({ key, undo });
      return before;
    };
    return {
      get: (key) => rows.get(key),
      set(key, row) {
        remember(key);
        rows.set(key, row);
      },
      delete(key) {
        if (!rows.has(key)) return undefined;
        const before = remember(key);
        rows.delete(key);
        return before;
      },
      rows: () => rows.values(),
      count: () => rows.size,
    };
  };
  return {
    tables: {
      jobTypes: new Map(),
      lanes: [],
      job: createTable(),
      ready: createTable(),
      lease: createTable(),
      attempt: createTable(),
      jobCounter: createTable(),
      result: createTable(),
      stopped: createTable(),
      resource: createTable(),
      uniqueKey: createTable(),
      hookCall: createTable(),
      effect: createTable(),
    },
    journal: {
      mark: () => changes.length,
      rollBack(mark) {
        while (changes.length > mark) changes.pop()?.undo();
      },
      empty() {
        changes.length = 0;
      },
      changedJobs() {
        const jobs: number[] = [];
        for (const { key } of changes) {
          if (typeof key === "number" && !jobs.includes(key)) jobs.push(key);
        }
        return jobs;
      },
    },
  };
}
