import { expect, test } from "bun:test";

import { ModelError } from "@leasehold/model";

import { parseOllamaBaseUrl } from "../src/index.ts";

const accepted: readonly [text: string, url: string, host: string][] = [
  ["http://127.0.0.1:11434", "http://127.0.0.1:11434", "127.0.0.1:11434"],
  ["http://127.0.0.1:11434/", "http://127.0.0.1:11434", "127.0.0.1:11434"],
  ["http://127.9.9.9", "http://127.9.9.9", "127.9.9.9:80"],
  ["HTTP://LOCALHOST:11434", "http://localhost:11434", "localhost:11434"],
  ["http://ollama:11434", "http://ollama:11434", "ollama:11434"],
  ["http://ollama_gpu-2:11434", "http://ollama_gpu-2:11434", "ollama_gpu-2:11434"],
  ["https://gpu.internal", "https://gpu.internal", "gpu.internal:443"],
  ["http://a.b.local:1234/ollama/", "http://a.b.local:1234/ollama", "a.b.local:1234"],
  ["http://10.1.2.3:1", "http://10.1.2.3:1", "10.1.2.3:1"],
  ["http://172.16.0.1:1", "http://172.16.0.1:1", "172.16.0.1:1"],
  ["http://172.31.255.255:1", "http://172.31.255.255:1", "172.31.255.255:1"],
  ["http://192.168.178.20:1", "http://192.168.178.20:1", "192.168.178.20:1"],
  // Other spellings of 127.0.0.1 and 10.0.0.1.
  ["http://2130706433:1", "http://127.0.0.1:1", "127.0.0.1:1"],
  ["http://0x7f.1:1", "http://127.0.0.1:1", "127.0.0.1:1"],
  ["http://012.0.0.1:1", "http://10.0.0.1:1", "10.0.0.1:1"],
  ["http://[::1]:11434", "http://[::1]:11434", "[::1]:11434"],
  ["http://[fd12:3456::1]:1", "http://[fd12:3456::1]:1", "[fd12:3456::1]:1"],
  ["http://[::ffff:192.168.1.1]:1", "http://[::ffff:c0a8:101]:1", "[::ffff:c0a8:101]:1"],
];

test.each(accepted)("accepts %s", (text, url, host) => {
  expect(parseOllamaBaseUrl(text)).toEqual({ url, host, local: true });
});

const refused: readonly [text: string, problem: RegExp][] = [
  ["", /expected an address/],
  ["ollama:11434", /expected an address/],
  ["127.0.0.1:11434", /expected an address/],
  ["ftp://127.0.0.1", /expected an address/],
  ["file:///etc/passwd", /expected an address/],
  ["http://", /expected an address/],
  ["http:127.0.0.1", /expected an address/],
  ["http://127.0.0.1:99999", /expected an address/],
  // One host to the eye, another to the parser.
  ["http://127.0.0.1@evil.example", /without user name/],
  ["http://evil.example\\@127.0.0.1", /without user name/],
  ["http://evil.example\\.local", /backslash/],
  ["http://user:secret@127.0.0.1", /without user name/],
  ["http://@127.0.0.1", /without user name/],
  ["http://127.0.0.1\t.evil.example", /blank/],
  ["http://127.0.0.1\n", /blank/],
  [" http://127.0.0.1", /blank/],
  ["http://127.0.0.1\u0000.evil.example", /blank/],
  ["http://127.0.0.1?key=secret", /query/],
  ["http://127.0.0.1/#", /fragment/],
  // Public, in all spellings.
  ["http://evil.example", /host "evil.example" is neither/],
  ["http://evil.example:11434", /host "evil.example" is neither/],
  ["http://8.8.8.8", /host "8.8.8.8" is neither/],
  ["http://134744072", /host "8.8.8.8" is neither/],
  ["http://0x08080808", /host "8.8.8.8" is neither/],
  ["http://010.8.8.8", /host "8.8.8.8" is neither/],
  ["http://[2001:db8::1]", /is neither/],
  ["http://[::ffff:8.8.8.8]", /is neither/],
  ["http://[::ffff:808:808]", /is neither/],
  ["http://[::127.0.0.1]", /is neither/],
  ["http://[64:ff9b::a00:1]", /is neither/],
  ["http://[2002:7f00:1::]", /is neither/],
  ["http://[fe80::1]", /is neither/],
  ["http://[::]", /is neither/],
  ["http://0.0.0.0:11434", /is neither/],
  ["http://169.254.169.254", /is neither/],
  ["http://100.64.0.1", /is neither/],
  ["http://172.15.255.255", /is neither/],
  ["http://172.32.0.1", /is neither/],
  ["http://192.169.0.1", /is neither/],
  ["http://11.0.0.1", /is neither/],
  // Names that only look private.
  ["http://localhost.", /is neither/],
  ["http://ollama.", /is neither/],
  ["http://gpu.local.", /is neither/],
  ["http://gpu.internal.evil.example", /is neither/],
  ["http://gpu.local.com", /is neither/],
  ["http://notlocal.com", /is neither/],
  ["http://127.0.0.1.nip.io", /is neither/],
  ["http://.local", /is neither/],
  ["http://ollama%2eevil%2eexample", /host "ollama.evil.example" is neither/],
  ["http://evil。example", /host "evil.example" is neither/],
];

test.each(refused)("refuses %j", (text, problem) => {
  const parse = (): unknown => parseOllamaBaseUrl(text);

  expect(parse).toThrow(problem);
  expect(parse).toThrow(expect.objectContaining({ code: "config_invalid", scope: "config" }));
});

test("never quotes a password or a query", () => {
  for (const text of [
    "http://user:secret@evil.example",
    "http://secret:80/x@evil.example",
    "http://evil.example/secret?key=secret#secret",
    "http://user:sec ret@127.0.0.1",
    "secret",
  ]) {
    expect(() => parseOllamaBaseUrl(text)).toThrow(ModelError);
    expect(() => parseOllamaBaseUrl(text)).not.toThrow(/secret|sec ret/);
  }
});

test("accepts a public origin that is named, and says that it is not local", () => {
  const base = parseOllamaBaseUrl("https://ollama.example.org/v", ["https://ollama.example.org"]);

  expect(base).toEqual({
    url: "https://ollama.example.org/v",
    host: "ollama.example.org:443",
    local: false,
  });
});

test("takes an allowed origin by the letter: scheme, host and port", () => {
  const parse = (text: string) => () => parseOllamaBaseUrl(text, ["https://ollama.example.org"]);

  expect(parse("http://ollama.example.org")).toThrow(/is neither/);
  expect(parse("https://ollama.example.org:8443")).toThrow(/is neither/);
  expect(parse("https://x.ollama.example.org")).toThrow(/is neither/);
});

test("reports every problem at once", () => {
  const parse = (): unknown =>
    parseOllamaBaseUrl("http://evil.example/?a", ["https://ok.example", "ollama.example.org", "*"]);

  expect(parse).toThrow(
    /allowOrigins\[1\] must.*allowOrigins\[2\] must.*query.*host "evil.example" is neither/,
  );
});
