import { createHash } from "node:crypto";

type Frame = Readonly<Record<string, unknown>>;

/** What the server that is played has, and what it holds in memory. */
export interface ReplayCatalogue {
  has(model: string): boolean;
  /** Notes that a model is in memory now, with the window of the request. */
  load(body: Frame): void;
  answer(
    kind: "load" | "ps" | "show" | "tags" | "version",
    body: Frame,
  ): { readonly status: number; readonly body: Frame };
}

/** Answers as recorded, for the recorded models and for those that are added. */
export function createReplayCatalogue(
  readLine: (name: string, index: number) => Frame,
  options: {
    readonly models?: readonly string[];
    readonly version?: string;
    readonly gpuShare?: number;
  },
): ReplayCatalogue {
  const { models = [], version } = options;
  const loaded = new Map<string, Frame>();
  const recorded = readLine("tags", 0)["models"] as readonly Frame[];
  const added = models.map((name) => ({
    ...recorded[0],
    name,
    model: name,
    digest: createHash("sha256").update(name).digest("hex"),
  }));
  const all: readonly Frame[] = [...recorded, ...added];
  const find = (model: string): Frame | undefined =>
    all.find(({ name }) => name === model || name === `${model}:latest`);

  const load = (body: Frame): void => {
    const entry = find(String(body["model"]));
    if (entry === undefined) return;
    const { num_ctx } = (body["options"] ?? {}) as { readonly num_ctx?: number };
    if (body["keep_alive"] === 0) {
      loaded.delete(String(entry["name"]));
      return;
    }
    const [like = {}] = readLine("ps", 0)["models"] as readonly Frame[];
    const { gpuShare = 0 } = options;
    const size = Number(like["size"]);
    const { name, model, digest } = entry;
    const size_vram = Math.floor(size * gpuShare);
    loaded.set(String(name), {
      ...like,
      name,
      model,
      digest,
      size_vram,
      context_length: num_ctx,
    });
  };

  const show = (model: string): { readonly status: number; readonly body: Frame } => {
    const entry = find(model);
    if (entry === undefined) {
      return { status: 404, body: { error: `model '${model}' not found` } };
    }
    const name = String(entry["name"]);
    if (!models.includes(name)) {
      return {
        status: 200,
        body: readLine(name === "tinyvision:latest" ? "show vision" : "show", 0),
      };
    }
    const like = readLine("show vision", 0);
    const info = { ...(like["model_info"] as Frame), "llama.context_length": 131_072 };
    return { status: 200, body: { ...like, model_info: info } };
  };

  return {
    has: (model) => find(model) !== undefined,
    load,
    answer(kind, body) {
      if (kind === "version") {
        return { status: 200, body: version === undefined ? readLine("version", 0) : { version } };
      }
      if (kind === "tags") return { status: 200, body: { models: all } };
      if (kind === "ps") return { status: 200, body: { models: [...loaded.values()] } };
      const model = String(body["model"]);
      if (kind === "show") return show(model);
      if (find(model) === undefined) {
        return { status: 404, body: { error: `model '${model}' not found` } };
      }
      load(body);
      const isUnloaded = body["keep_alive"] === 0;
      const like = readLine(isUnloaded ? "unload" : "load, streamed", 0);
      return { status: 200, body: { ...like, model } };
    },
  };
}
