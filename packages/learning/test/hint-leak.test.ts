import { describe, expect, test } from "bun:test";

import { createLeakCheck, type LeakCheckOptions } from "../src/programs/hint-leak.ts";

const hints = [
  "Die Quelle liegt oberhalb der alten Mühle.",
  "Der Erzähler ist unzuverlässig",
  "Antwort: 42",
].join("\n");

function setup(changes: Partial<LeakCheckOptions> = {}): (text: string) => boolean {
  return createLeakCheck({ hints, instruction: undefined, segments: [], criteria: [], ...changes });
}

describe("the hints are found", () => {
  test.each([
    ["word for word", "Beachte: Die Quelle liegt oberhalb der alten Mühle."],
    ["five words of them", "Und so liegt oberhalb der alten Mühle ein Haus."],
    ["in capitals", "LIEGT OBERHALB DER ALTEN MÜHLE"],
    ["stressed", "liegt **oberhalb** _der_ alten `Mühle`"],
    ["over lines", "liegt oberhalb\n\n> der alten\n> Mühle"],
    ["without its dots", "liegt oberhalb der alten Muhle"],
    ["with what nobody sees", "liegt ober\u200Bhalb der al\u00ADten Mühle"],
    ["in letters of another width", "ｌｉｅｇｔ oberhalb der alten Mühle"],
    ["a short line as a whole", "Gut gesehen: Der Erzähler ist unzuverlässig!"],
  ])("%s", (_, text) => {
    expect(setup()(text)).toBe(true);
  });
});

describe("the hints are not found", () => {
  test.each([
    ["in four of their words", "Das Haus liegt oberhalb der alten Brücke."],
    ["in their words in another order", "Der Mühle alten oberhalb liegt Quelle die."],
    ["within longer words", "liegt oberhalb der alten Mühlenbrücke"],
    ["in a line that is too short to be one", "Du hast die Antwort 42 genannt."],
    ["in nothing", ""],
  ])("%s", (_, text) => {
    expect(setup()(text)).toBe(false);
  });

  test.each([
    ["the learner", { segments: [{ text: "Die Quelle liegt oberhalb der alten Mühle." }] }],
    ["the task", { instruction: "Erkläre: Die Quelle liegt oberhalb der alten Mühle." }],
    ["a criterion", { criteria: [{ name: "Die Quelle liegt oberhalb der alten Mühle" }] }],
  ])("in what %s said first", (_, known) => {
    const leaks = setup(known);

    expect(leaks("Die Quelle liegt oberhalb der alten Mühle.")).toBe(false);
    expect(leaks("Der Erzähler ist unzuverlässig.")).toBe(true);
  });

  test("where there are none", () => {
    expect(setup({ hints: undefined })("Die Quelle liegt oberhalb der alten Mühle.")).toBe(false);
    expect(setup({ hints: " \n… " })("Die Quelle liegt oberhalb der alten Mühle.")).toBe(false);
  });
});
