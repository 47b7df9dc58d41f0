import { writeFile } from "node:fs/promises";

/** A value of a model file's header. */
export type GgufValue =
  | { readonly type: "u32"; readonly value: number }
  | { readonly type: "f32"; readonly value: number }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "strings"; readonly value: readonly string[] }
  | { readonly type: "f32s"; readonly value: readonly number[] }
  | { readonly type: "i32s"; readonly value: readonly number[] };

/** Numbers of a model. `shape` names the fastest dimension first, as ggml does. */
export interface GgufTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** The codes of GGUF version 3. */
const codes = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, list: 9 } as const;
const tensorF32 = 0;
const alignment = 32;

/** Writes a GGUF file of version 3, all of it in 32-bit floats. */
export async function writeGguf(
  path: string,
  header: Readonly<Record<string, GgufValue>>,
  tensors: readonly GgufTensor[],
): Promise<void> {
  const entries = Object.entries(header);
  const head = [
    Buffer.from("GGUF"),
    toU32(3),
    toU64(tensors.length),
    toU64(entries.length),
    ...entries.flatMap(([name, value]) => [toText(name), ...toValue(value)]),
    ...toDirectory(tensors),
  ];
  const pieces = [pad(Buffer.concat(head)), ...tensors.map((tensor) => pad(toData(tensor)))];
  await writeFile(path, Buffer.concat(pieces));
}

function toDirectory(tensors: readonly GgufTensor[]): readonly Buffer[] {
  let offset = 0;
  return tensors.flatMap(({ name, shape, values }) => {
    const size = shape.reduce((product, length) => product * length, 1);
    if (size !== values.length) throw new Error(`${name} has ${values.length} values, not ${size}`);
    const entry = [
      toText(name),
      toU32(shape.length),
      ...shape.map(toU64),
      toU32(tensorF32),
      toU64(offset),
    ];
    offset += toAligned(values.byteLength);
    return entry;
  });
}

function toValue(value: GgufValue): readonly Buffer[] {
  switch (value.type) {
    case "u32":
      return [toU32(codes.u32), toU32(value.value)];
    case "f32":
      return [toU32(codes.f32), toF32(value.value)];
    case "bool":
      return [toU32(codes.bool), Buffer.from([value.value ? 1 : 0])];
    case "string":
      return [toU32(codes.string), toText(value.value)];
    case "strings":
      return [...toListHead(codes.string, value.value.length), ...value.value.map(toText)];
    case "f32s":
      return [...toListHead(codes.f32, value.value.length), ...value.value.map(toF32)];
    default:
      return [...toListHead(codes.i32, value.value.length), ...value.value.map(toI32)];
  }
}

function toListHead(code: number, length: number): readonly Buffer[] {
  return [toU32(codes.list), toU32(code), toU64(length)];
}

function toData({ values }: GgufTensor): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}

function toText(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([toU64(bytes.length), bytes]);
}

function toU32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function toI32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function toU64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function toF32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function toAligned(length: number): number {
  return Math.ceil(length / alignment) * alignment;
}

function pad(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(toAligned(bytes.length) - bytes.length)]);
}
