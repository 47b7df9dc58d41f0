import { views } from "./console/views.ts";

const lists = [
  "queues",
  "dead-letters",
  "pauses",
  "limits",
  "workers",
  "resources",
  "schedules",
  "throughput",
  "actions",
  "nothing",
];

/** All that a console shows to an operator: its pages, its lists, and every job that it knows, with the headers. */
export async function readConsole(at: string, token: string): Promise<string> {
  const ask = async (path: string): Promise<string> => {
    const answer = await fetch(`${at}/${path}`, { headers: { authorization: `Bearer ${token}` } });
    return `${answer.status} ${JSON.stringify([...answer.headers])} ${await answer.text()}`;
  };
  const jobs = await ask("api/jobs?limit=200");
  const ids = new Set(jobs.match(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g));
  const paths = [
    ...views,
    ...lists.map((list) => `api/${list}`),
    ...[...ids].flatMap((id) => [`jobs/${id}`, `api/jobs/${id}`, `api/jobs/${id}/explain`]),
  ];
  const told = [jobs];
  // One by one: the console turns away whoever asks too much at once.
  for (const path of paths) told.push(await ask(path));
  return told.join("\n");
}
