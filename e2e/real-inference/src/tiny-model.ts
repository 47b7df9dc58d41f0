import { type GgufTensor, type GgufValue, writeGguf } from "./gguf.ts";

/** What a tiny model is made from. */
export interface TinyModelOptions {
  readonly name: string;
  /** Other seeds are other models. */
  readonly seed: number;
  readonly contextTokens: number;
}

/**
 * Writes a small but complete `llama` network: no download, no training.
 *
 * Its vocabulary is the 256 bytes. Its embedding tells the last byte, its output matrix holds a table, written by hand,
 * of how well each byte follows another, and two layers of seeded random weights between them add a little noise. So
 * it writes words that can be pronounced, closes what it opens, and comes to an end; what it writes means nothing.
 */
export async function writeTinyModel(path: string, options: TinyModelOptions): Promise<void> {
  await writeGguf(path, toHeader(options), toTensors(options.seed));
}

const unknownToken = 0;
const startToken = 1;
const endToken = 2;
const firstByte = 3;
/** A space as this kind of tokenizer writes it. */
const spaceToken = firstByte + 256;
const vocabulary: readonly string[] = [
  "<unk>",
  "<s>",
  "</s>",
  ...Array.from(
    { length: 256 },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
  ),
  "▁",
];
/** Normal, unknown, control and byte, in llama.cpp's numbers. */
const kinds = { normal: 1, unknown: 2, control: 3, byte: 6 } as const;

const width = 288;
const heads = 9;
const feedForward = 96;
const layers = 2;
/** How loud the random layers are beside the table. */
const noiseScale = 0.02;

const u32 = (value: number): GgufValue => ({ type: "u32", value });
const text = (value: string): GgufValue => ({ type: "string", value });

function toHeader({ name, contextTokens }: TinyModelOptions): Readonly<Record<string, GgufValue>> {
  const kindOf = (token: number): number => {
    if (token === unknownToken) return kinds.unknown;
    if (token < firstByte) return kinds.control;
    return token === spaceToken ? kinds.normal : kinds.byte;
  };
  return {
    "general.architecture": text("llama"),
    "general.name": text(name),
    "general.file_type": u32(0),
    "llama.vocab_size": u32(vocabulary.length),
    "llama.context_length": u32(contextTokens),
    "llama.embedding_length": u32(width),
    "llama.block_count": u32(layers),
    "llama.feed_forward_length": u32(feedForward),
    "llama.attention.head_count": u32(heads),
    "llama.attention.head_count_kv": u32(heads),
    "llama.attention.layer_norm_rms_epsilon": { type: "f32", value: 1e-5 },
    "llama.rope.dimension_count": u32(width / heads),
    "llama.rope.freq_base": { type: "f32", value: 10_000 },
    "tokenizer.ggml.model": text("llama"),
    "tokenizer.ggml.pre": text("default"),
    "tokenizer.ggml.tokens": { type: "strings", value: vocabulary },
    "tokenizer.ggml.scores": {
      type: "f32s",
      value: vocabulary.map((_, token) => (token === spaceToken ? -1 : 0)),
    },
    "tokenizer.ggml.token_type": {
      type: "i32s",
      value: vocabulary.map((_, token) => kindOf(token)),
    },
    "tokenizer.ggml.bos_token_id": u32(startToken),
    "tokenizer.ggml.eos_token_id": u32(endToken),
    "tokenizer.ggml.unknown_token_id": u32(unknownToken),
    "tokenizer.ggml.add_bos_token": { type: "bool", value: true },
    "tokenizer.ggml.add_eos_token": { type: "bool", value: false },
    "tokenizer.ggml.add_space_prefix": { type: "bool", value: false },
    "tokenizer.chat_template": text("{% for m in messages %}{{ m['content'] }}\n{% endfor %}"),
  };
}

function toTensors(seed: number): readonly GgufTensor[] {
  const size = vocabulary.length;
  const normal = createNormal(seed);
  const ones = new Float32Array(width).fill(1);
  /** Random weights of so many rows. */
  const random = (name: string, shape: readonly [number, number], scale: number): GgufTensor => ({
    name,
    shape,
    values: Float32Array.from({ length: shape[0] * shape[1] }, () => normal() * scale),
  });
  const quiet = 1 / Math.sqrt(width);
  const layer = (index: number): readonly GgufTensor[] => {
    const name = (part: string): string => `blk.${index}.${part}.weight`;
    return [
      { name: name("attn_norm"), shape: [width], values: ones },
      random(name("attn_q"), [width, width], quiet),
      random(name("attn_k"), [width, width], quiet),
      random(name("attn_v"), [width, width], quiet),
      random(name("attn_output"), [width, width], noiseScale * quiet),
      { name: name("ffn_norm"), shape: [width], values: ones },
      random(name("ffn_gate"), [width, feedForward], quiet),
      random(name("ffn_up"), [width, feedForward], quiet),
      random(name("ffn_down"), [feedForward, width], noiseScale / Math.sqrt(feedForward)),
    ];
  };
  return [
    {
      name: "token_embd.weight",
      shape: [width, size],
      values: toMatrix(size, (token, column) => (token === column ? 1 : 0)),
    },
    { name: "output_norm.weight", shape: [width], values: ones },
    {
      name: "output.weight",
      shape: [width, size],
      // A vector with a single one has this length after the norm.
      values: toMatrix(size, (next, last) => (last < size ? rate(last, next) * quiet : 0)),
    },
    ...Array.from({ length: layers }, (_, index) => layer(index)).flat(),
  ];
}

function toMatrix(rows: number, value: (row: number, column: number) => number): Float32Array {
  return Float32Array.from({ length: rows * width }, (_, index) =>
    value(Math.floor(index / width), index % width),
  );
}

const never = -40;

/** How well one byte follows another, as the logarithm of a weight. */
function rate(last: number, next: number): number {
  const [before, after] = [toCharacter(last), toCharacter(next)];
  if (next === endToken) return rateEnd(before);
  // One spelling of a space is enough.
  if (after === "" || next === firstByte + 0x20) return never;
  if (isLetter(after)) return rateLetter(before, after);
  if (isDigit(after)) return rateDigit(before);
  const isValue = before === '"' || isDigit(before);
  switch (after) {
    case " ":
      if (isLetter(before)) return 2.4;
      return before === "." ? 3 : -9;
    case '"':
      return rateQuote(before);
    case ":":
      return before === '"' ? 2 : -7;
    case ",":
      return isValue ? 2 : -5;
    case "}":
    case "]":
      return isValue || before === "}" || before === "]" ? 2 : -7;
    case "{":
    case "[":
      return opens(before) ? 3 : -7;
    case ".":
      // Sentences of some length: an answer of three words would be refused.
      return isLetter(before) ? -1.2 : -7;
    default:
      return after >= " " && after < "\u007f" ? -9 : -14;
  }
}

function rateEnd(before: string): number {
  if (before === ".") return 6;
  return before === "}" || before === "]" ? 4 : -9;
}

function rateLetter(before: string, after: string): number {
  const common = "etaoinshrdlu".includes(after) ? 0.5 : 0;
  if (!isLetter(before)) return isDigit(before) ? -6 : 1 + common;
  return (isVowel(before) === isVowel(after) ? -1.5 : 1.5) + common;
}

function rateDigit(before: string): number {
  if (isDigit(before)) return -1;
  if (isLetter(before)) return -7;
  return opens(before) ? 3 : -3;
}

function rateQuote(before: string): number {
  if (isLetter(before)) return 1.2;
  if (before === ".") return 2.5;
  if (opens(before)) return 4;
  return before === '"' ? -3 : -4;
}

function toCharacter(token: number): string {
  if (token === spaceToken) return " ";
  return token >= firstByte && token < spaceToken ? String.fromCharCode(token - firstByte) : "";
}

const isLetter = (character: string): boolean => character >= "a" && character <= "z";
const isDigit = (character: string): boolean => character >= "0" && character <= "9";
const isVowel = (character: string): boolean => "aeiou".includes(character);
const opens = (character: string): boolean => [":", ",", "{", "["].includes(character);

/** Normally distributed numbers, the same for the same seed (mulberry32, then Box and Muller). */
function createNormal(seed: number): () => number {
  let state = seed | 0;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
