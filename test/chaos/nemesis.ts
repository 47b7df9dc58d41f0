import type { Random } from "../simulation/world/random.ts";
import type { ChaosArena } from "./chaos-arena.ts";
import type { FleetWorker } from "./fleet.ts";

/**
 * What may go wrong. `kill`: SIGKILL of a worker. `stop`: SIGSTOP for longer than a lease, then SIGCONT. `dismiss`:
 * SIGTERM. `restart`: a crash of Postgres. `outage`: a crash after which Postgres is away for three leases.
 */
export type Disaster = "kill" | "stop" | "dismiss" | "restart" | "outage";

/** How many of each. None of those that are not named. */
export type DisasterCounts = Readonly<Partial<Record<Disaster, number>>>;

/** Brings disasters about. */
export interface Nemesis {
  strike(disaster: Disaster): Promise<void>;
}

/** Every disaster of a run, in an order that depends on the seed alone. */
export function planDisasters(counts: DisasterCounts, random: Random): readonly Disaster[] {
  const kinds = Object.keys(counts) as readonly Disaster[];
  return kinds
    .flatMap((kind) => Array.from({ length: counts[kind] ?? 0 }, () => kind))
    .map((kind) => ({ kind, place: random.next() }))
    .toSorted((one, other) => one.place - other.place)
    .map(({ kind }) => kind);
}

/** Somebody must do the work meanwhile. */
const awakeMin = 2;
const pollMs = 20;
/** A pause is longer than a lease, and over while the jobs that were taken away are still run by others. */
const pauseLeases = { min: 1.05, max: 1.5 };
const outageLeases = 3;

export function createNemesis(arena: ChaosArena, random: Random): Nemesis {
  const { server, fleet, leaseMs, history } = arena;
  const pickVictim = async (): Promise<FleetWorker> => {
    for (;;) {
      const [first, ...rest] = fleet.workers().filter((worker) => !worker.isPaused());
      if (first !== undefined && rest.length >= awakeMin) return random.pick([first, ...rest]);
      await Bun.sleep(pollMs);
    }
  };
  const strikeWorker = async (
    disaster: Disaster,
    blow: (worker: FleetWorker) => unknown,
  ): Promise<void> => {
    const victim = await pickVictim();
    history.write({ name: `disaster.${disaster}`, worker: victim.name });
    await blow(victim);
  };
  const strikeServer = async (disaster: Disaster, downMs: number): Promise<void> => {
    history.write({ name: `disaster.${disaster}` });
    await server.restart(downMs);
  };
  const strikes: Readonly<Record<Disaster, () => Promise<void>>> = {
    kill: () => strikeWorker("kill", (worker) => fleet.kill(worker)),
    stop: () => {
      const forMs = leaseMs * random.between(pauseLeases.min, pauseLeases.max);
      return strikeWorker("stop", (worker) => fleet.pause(worker, forMs));
    },
    dismiss: () => strikeWorker("dismiss", (worker) => fleet.dismiss(worker)),
    restart: () => strikeServer("restart", 0),
    outage: () => strikeServer("outage", outageLeases * leaseMs),
  };
  return { strike: (disaster) => strikes[disaster]() };
}
