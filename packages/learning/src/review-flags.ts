/** Why a teacher should look at a submission. Words of ours only. */
export const reviewFlags = ["suspicious_instructions", "hidden_text"] as const;
export type ReviewFlag = (typeof reviewFlags)[number];

/**
 * Finds what in a text speaks to a model rather than to a reader. A flag is a reason to look, never a verdict: an essay
 * on such tricks has them, too.
 */
export function findReviewFlags(
  text: string,
  { pagesHideText = false }: { readonly pagesHideText?: boolean } = {},
): readonly ReviewFlag[] {
  return [
    ...(givesInstructions(text) ? (["suspicious_instructions"] as const) : []),
    ...(pagesHideText || hidesText(text) ? (["hidden_text"] as const) : []),
  ];
}

const earlier =
  "(?:vorig|vorherig|bisherig|obig|frueher|vorangegangen|vorhergehend|vorstehend|alt|andere)\\w*|previous|prior|above|earlier|preceding|former|other|original|initial|system";
const orders =
  "(?:arbeits)?anweisung\\w*|instruktion\\w*|regeln?|befehle?|vorgaben?|hinweise?|kriterien|anleitung\\w*|prompts?|instructions?|rules?|directions?|directives?|commands?|guidelines?|criteria|orders?";
const all =
  "alle[nsr]?|all|any|every|the|die|den|deine[nr]?|your|my|of|these|those|saemtliche[nr]?|jegliche[nr]?|sie|bitte";

/** Patterns over words that are folded by {@link fold}: no case, no accents, one space between. */
const instructionPatterns: readonly RegExp[] = [
  new RegExp(
    `\\b(?:ignor\\w*|vergiss|vergesst|missacht\\w*|verwirf|uebergeh\\w*|disregard|forget|override|bypass|skip)(?: (?:${all}|${earlier}))* (?:${orders}|everything|anything|alles)\\b`,
  ),
  new RegExp(
    `\\b(?:ignor\\w*|vergiss|disregard|forget) (?:all|alles|everything|anything)(?: \\w+){0,2} (?:${earlier}|before|davor|bisher)\\b`,
  ),
  /\b(?:system|developer) ?(?:prompt|message|nachricht|anweisung)\b/,
  /\b(?:new|updated|neue|geaenderte) (?:system )?(?:instructions?|anweisung(?:en)?|orders|befehle) ?:/,
  /\b(?:you are now|from now on you|act as (?:a|an|the|my) (?:ai|assistant|teacher|grader|model|system)|pretend (?:to be|that you)|as an? (?:ai|large) ?(?:language )?model)\b/,
  /\b(?:du bist (?:jetzt|nun|ab jetzt|ab sofort)|ab (?:jetzt|sofort) (?:bist|sollst|musst|wirst) du|(?:tu|verhalte dich) so,? als|als (?:ki|sprachmodell|ki sprachmodell))\b/,
  /\b(?:give|award|grant|assign|rate|grade|score|mark)(?: \w+){0,5} (?:full|maximum|max|highest|top|perfect|all|best|10\/10|100)(?: \w+)? (?:points?|marks?|scores?|grades?|credit|rating|percent)\b/,
  /\b(?:gib|gebt|geben sie|vergib|vergebt|bewerte|bewerten sie|benote)(?: \w+){0,6} (?:voll\w*|maximal\w*|hoechst\w*|best\w*|all\w*|10)(?: \w+)? (?:punkt\w*|note\w*|bewertung\w*|wertung)\b/,
  /\b(?:reveal|print|show|repeat|output|tell me|verrate|zeige?|nenne|wiederhole|gib)(?: \w+){0,4} (?:hints?|loesungshinweise?n?|your instructions|deine anweisungen|solution hints?)\b/,
  /\b(?:do not|don t|never) (?:grade|mark|assess|evaluate)\b|\b(?:bewerte|beurteile|benote) (?:das|dies|diesen text|die arbeit|mich) nicht\b/,
];

/** What only a prompt or an answer has: marks of roles, and the keys that a model answers under. Without emphasis. */
const machinePatterns: readonly RegExp[] = [
  /<\|[a-z]+\|>|\[\/?inst\]|<<\/?sys>>|<\/?(?:system|assistant|user|instructions?)>/i,
  /(?:^\s*|#{1,4}\s*)(?:system|assistant|developer)\s*:/im,
  /["'](?:score|noevidencefound|explanationmd|criteriaresults|feedbackmd)["']\s*:/i,
];

function givesInstructions(text: string): boolean {
  const visible = text.normalize("NFKC").replaceAll(invisible, "");
  const bare = visible.replaceAll(/[*_`]/g, "");
  if (machinePatterns.some((pattern) => pattern.test(bare))) return true;
  const folded = fold(visible);
  return instructionPatterns.some((pattern) => pattern.test(folded));
}

const invisible = /[\u00AD\u200B-\u200F\u202A-\u202E\u2060-\u206F\uFEFF\u{E0000}-\u{E007F}]/gu;

/** Cyrillic and Greek letters that look like Latin ones. */
const lookalikes: Readonly<Record<string, string>> = {
  а: "a",
  е: "e",
  о: "o",
  р: "p",
  с: "c",
  у: "y",
  х: "x",
  і: "i",
  ѕ: "s",
  ј: "j",
  ո: "n",
  α: "a",
  ε: "e",
  ο: "o",
  ρ: "p",
  ι: "i",
  ν: "v",
  τ: "t",
  κ: "k",
  υ: "u",
};

/** Makes one spelling of the many in which the same words can be written. */
function fold(text: string): string {
  return text
    .toLowerCase()
    .replaceAll("ä", "ae")
    .replaceAll("ö", "oe")
    .replaceAll("ü", "ue")
    .replaceAll("ß", "ss")
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/[\u0370-\u03FF\u0400-\u04FF\u0578]/g, (letter) => lookalikes[letter] ?? letter)
    .replaceAll(/[^a-z0-9:/\p{L}]+/gu, " ");
}

/** The tags after a black flag are the flags of England, Scotland and Wales. */
const hiddenTags = /(?<!\u{1F3F4})(?<![\u{E0020}-\u{E007F}])[\u{E0020}-\u{E007F}]/u;
const turnedAround = /[\u202D\u202E]/;
/** Between two letters nothing has to be invisible; between words it comes from copying. */
const insideWord = /\p{L}[\u200B\u2060-\u2064\uFEFF]+\p{L}/u;

function hidesText(text: string): boolean {
  return hiddenTags.test(text) || turnedAround.test(text) || insideWord.test(text);
}
