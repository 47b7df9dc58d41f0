import { describe, expect, test } from "bun:test";

import { textSubmission } from "./support/learning.ts";
import { useInstallation } from "./support/roles.ts";
import { openSession, type Session } from "./support/session.ts";

interface Fixture extends AsyncDisposable {
  /** As gustav_worker. */
  readonly attacker: Session;
  readonly submissionId: string;
}

const open = useInstallation();

/** A session of its own, in which nothing of ours was planned before the attack. */
async function setup(attack: string): Promise<Fixture> {
  const url = (await open()).urlFor("gustav_worker");
  await using other = await openSession(url);
  const submit = "select * from leasehold.learning_submit($1::text::jsonb)";
  const [submitted] = await other.query(submit, JSON.stringify(textSubmission));
  const attacker = await openSession(url);
  await attacker.script(trap + attack);
  return {
    attacker,
    submissionId: String(submitted?.["submission_id"]),
    [Symbol.asyncDispose]: () => attacker[Symbol.asyncDispose](),
  };
}

/** Raises as soon as somebody else than its maker runs it: that is what an attacker would be after. */
const trap = `
  create temp table warm ();
  create function pg_temp.trap(value anyelement) returns boolean language plpgsql as $trap$ begin
    if current_user <> 'gustav_worker' then
      raise exception using errcode = 'TRAPP', message = format('ran as %s', current_user);
    end if;
    return true;
  end $trap$;`;

/** Types that our functions name, and what domains of these names stand in for. */
const types = {
  bigint: "int8",
  boolean: "bool",
  integer: "int4",
  interval: "interval",
  jsonb: "jsonb",
  numeric: "numeric",
  oid: "oid",
  regnamespace: "regnamespace",
  regproc: "regproc",
  regprocedure: "regprocedure",
  smallint: "int2",
  text: "text",
  timestamptz: "timestamptz",
  uuid: "uuid",
};

const domains = Object.entries(types)
  .map(
    ([name, type]) =>
      `create domain pg_temp."${name}" as pg_catalog.${type} check (pg_temp.trap(value));`,
  )
  .join("\n");

const attacks: readonly (readonly [string, string])[] = [
  ["domains in the place of types", domains],
  [
    "tables in the place of ours",
    `create temp table learning_submissions (like pg_catalog.pg_class);
     create temp table job (id int8, public_id uuid, payload jsonb, type text);
     create temp table result (job_id int8); create temp table lease (job_id int8, token uuid);
     create temp table pg_proc (oid oid, proname name, pronamespace oid); create temp table pg_roles (rolname name);`,
  ],
  [
    "functions and operators in the place of Postgres' own",
    `create function pg_temp.clock() returns timestamptz language sql as 'select null::timestamptz';
     create function pg_temp.coalesce_trap(a text, b text) returns boolean language plpgsql
       as $$ begin return pg_temp.trap(a); end $$;
     create function pg_temp.left(a text, b integer) returns text language plpgsql
       as $$ begin perform pg_temp.trap(a); return a; end $$;
     create function pg_temp.format(a text, variadic b text[]) returns text language plpgsql
       as $$ begin perform pg_temp.trap(a); return a; end $$;
     create operator pg_temp.= (leftarg = text, rightarg = text, function = pg_temp.coalesce_trap);
     create operator pg_temp.|| (leftarg = text, rightarg = text, function = pg_temp.coalesce_trap);`,
  ],
];

/** Calls what a worker calls, and answers those calls in which the trap was sprung. */
async function listSprung(attacker: Session): Promise<readonly string[]> {
  const sprung: string[] = [];
  for (const call of [
    "leasehold.lapse_leases()",
    "leasehold.cancel_job(pg_catalog.gen_random_uuid())",
    "leasehold.declare_lanes('learning', 'learning.submission', '1', '{feedback}')",
    "leasehold.claim_jobs('w', pg_catalog.gen_random_uuid(), '{1}', '{2}', 1, 1000)",
    "leasehold.get_queue()",
    `leasehold.learning_submit('${JSON.stringify(textSubmission)}')`,
  ]) {
    try {
      await attacker.query(`select * from ${call}`);
    } catch (error) {
      expect(error).toMatchObject({ code: "TRAPP" });
      sprung.push(call);
    }
  }
  return sprung;
}

describe("a worker's login gains nothing by putting", () => {
  test.each([...attacks])("%s, from the learning functions", async (_, attack) => {
    await using fixture = await setup(attack);
    const { attacker, submissionId } = fixture;

    const probe = await attacker.query("select * from public.learning_worker_health_probe()");
    const read = await attacker.query(
      "select status, text_body from leasehold.learning_read_submission($1::pg_catalog.uuid)",
      submissionId,
    );

    expect(probe).toHaveLength(4);
    expect(read).toMatchObject([{ status: "pending", text_body: textSubmission["text_body"] }]);
  });

  test.each(attacks.slice(1))("%s, from the leasing functions", async (_, attack) => {
    await using fixture = await setup(attack);

    expect(await listSprung(fixture.attacker)).toEqual([]);
  });

  // An empty search_path still looks into pg_temp first, for types as for tables.
  test("domains in the place of types, from the leasing functions", async () => {
    await using fixture = await setup(domains);

    expect(await listSprung(fixture.attacker)).toEqual([]);
  });
});

test("no learning function looks for anything where its caller can put it", async () => {
  const { admin } = await open();

  const unpinned = await admin.query(
    `select oid::regprocedure::text as name from pg_proc
     where pronamespace in ('leasehold'::regnamespace, 'public'::regnamespace) and proname like 'learning%'
       and not coalesce(proconfig, '{}') @> array['search_path=pg_catalog, pg_temp']`,
  );

  expect(unpinned).toEqual([]);
});
