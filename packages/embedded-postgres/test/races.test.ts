import { afterAll, expect, test } from "bun:test";

import { query, removeSeed, setup, timeoutMs } from "./setup.ts";

afterAll(removeSeed);

test(
  "lets two processes start at once on an empty folder, with one server",
  async () => {
    await using bench = await setup();

    const members = [bench.spawnMember(), bench.spawnMember()];
    const lines = await Promise.all(members.map((member) => member.next("entered")));

    expect(lines.map(({ found }) => String(found)).toSorted()).toEqual(["joined", "started"]);
    expect(lines[0]?.["url"]).toBe(lines[1]?.["url"] ?? "none");
    expect(await bench.listServers()).toHaveLength(1);
  },
  timeoutMs,
);

test(
  "lets several starts of one process happen at once",
  async () => {
    await using bench = await setup({ seeded: true });

    const databases = await Promise.all([bench.start(), bench.start(), bench.start()]);
    await Promise.all(databases.map((database) => database.stop()));

    expect(databases.map(({ found }) => found).toSorted()).toEqual(["joined", "joined", "started"]);
    expect(await bench.listServers()).toEqual([]);
  },
  timeoutMs,
);

test(
  "lets two processes recover at once after everything was killed",
  async () => {
    await using bench = await setup({ seeded: true });
    const victim = bench.spawnMember();
    await victim.next("entered");
    await Promise.all([victim.kill(), bench.killServers()]);

    const members = [bench.spawnMember(), bench.spawnMember(), bench.spawnMember()];
    const lines = await Promise.all(members.map((member) => member.next("entered")));

    expect(lines.map(({ found }) => String(found)).toSorted()).toEqual([
      "joined",
      "joined",
      "recovered",
    ]);
    expect(await bench.listServers()).toHaveLength(1);
  },
  timeoutMs,
);

test(
  "loses no visit when three processes come and go twenty times",
  async () => {
    await using bench = await setup({ seeded: true });
    const rounds = 20;

    const members = Array.from({ length: 3 }, () => bench.spawnMember({ rounds }));
    const lines = (await Promise.all(members.map((member) => member.ended))).flat();

    expect(lines.filter(({ event }) => event !== "visited")).toEqual([]);
    expect(lines).toHaveLength(3 * rounds);
    expect(await bench.listServers()).toEqual([]);
    const database = await bench.start();
    const counts = "select count(*)::int, count(distinct id)::int from visit";
    expect(await query(database.url, counts)).toEqual([3 * rounds, 3 * rounds]);
    const met = Object.entries(Object.groupBy(lines, ({ found }) => String(found)));
    process.stdout.write(
      `They met: ${met.map(([found, of]) => `${found} ${of?.length}`).join(", ")}.\n`,
    );
  },
  timeoutMs,
);

test(
  "serves those who stay while others are killed in the middle of coming and going",
  async () => {
    await using bench = await setup({ seeded: true });
    const isDone = { value: false };
    const staying = bench.spawnMember({ rounds: 15 });
    const killOthers = async (): Promise<void> => {
      while (!isDone.value) {
        const victim = bench.spawnMember({ rounds: 1_000 });
        await Promise.race([victim.next("visited"), staying.ended]);
        await victim.kill();
      }
    };

    const killing = Promise.all([killOthers(), killOthers()]);
    const lines = await staying.ended;
    isDone.value = true;
    await killing;
    const database = await bench.start();
    await database.stop();

    expect(lines.filter(({ event }) => event !== "visited")).toEqual([]);
    expect(lines).toHaveLength(15);
    expect(await bench.listServers()).toEqual([]);
  },
  timeoutMs,
);
