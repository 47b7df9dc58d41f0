import type { WorkerErrorCode } from "@leasehold/core";

import type { Advice, CauseName } from "./words.ts";

/** Why a job does not run, in German. */
export const causesDe: Readonly<Record<CauseName, Advice>> = {
  not_found: { what: "Diesen Job gibt es nicht.", todo: "Die Kennung prüfen." },
  completed: { what: "Er ist fertig.", todo: "Nichts. Wiederholen erstellt die Ergebnisse neu." },
  failed: { what: "Er ist endgültig gescheitert.", todo: "Ursache beheben, dann neu einreihen." },
  dead: { what: "Seine Versuche sind verbraucht.", todo: "Ursache beheben, dann neu einreihen." },
  cancelled: { what: "Er wurde abgebrochen.", todo: "Neu einreihen, wenn er doch gewünscht ist." },
  leased: { what: "Er läuft.", todo: "Nichts." },
  held_alone: {
    what: "Ein Worker hält ihn und führt ihn aus, sobald er allein ist.",
    todo: "Nichts: er hat schon einen Worker verloren und soll keine Nachbarn mitreißen.",
  },
  lease_expired: {
    what: "Sein Worker verlängert nicht mehr.",
    todo: "Nichts: ein anderer übernimmt ihn. Bleibt es so, die Worker ansehen.",
  },
  waits_signal: { what: "Er wartet auf ein Signal.", todo: "Es senden oder die Frist abwarten." },
  waits_children: {
    what: "Er wartet auf seine Kinder.",
    todo: "Die von ihm eingereihten ansehen.",
  },
  waits: { what: "Er wartet.", todo: "Nichts vor seiner Zeit." },
  wait_over: { what: "Seine Wartezeit ist vorbei.", todo: "Nichts: ein Worker weckt ihn gleich." },
  delayed: { what: "Er ist für später gewünscht.", todo: "Nichts vor seiner Zeit." },
  backing_off: {
    what: "Er scheiterte und wird nach einer Pause neu versucht.",
    todo: "Den Code lesen: kann es nicht gelingen, abbrechen und die Ursache beheben.",
  },
  outage_wait: {
    what: "Was er braucht, war ausgefallen.",
    todo: "Die Ressourcen ansehen. Dem Job wird nichts angerechnet.",
  },
  paused: {
    what: "Seine Warteschlange oder sein Typ ist angehalten.",
    todo: "Unter Warteschlangen fortsetzen.",
  },
  no_worker: {
    what: "Kein aktiver Worker führt diesen Typ in dieser Version aus.",
    todo: "Einen passenden starten; siehe Worker.",
  },
  workers_busy: {
    what: "Alle Worker, die ihn ausführen könnten, sind voll.",
    todo: "Warten oder mehr Worker starten.",
  },
  runs_alone: {
    what: "Er muss allein laufen, und kein Worker ist leer.",
    todo: "Warten oder noch einen Worker starten.",
  },
  breaker_open: {
    what: "Die Ressource, die er braucht, ist gestört.",
    todo: "Sie reparieren, dann unter Ressourcen wieder freigeben.",
  },
  breaker_probing: {
    what: "Ein Job prüft, ob die Ressource wieder da ist.",
    todo: "Sein Ende abwarten.",
  },
  resource_full: {
    what: "Die Ressource, die er braucht, ist belegt.",
    todo: "Warten oder mehr zugleich erlauben.",
  },
  resource_slow: {
    what: "Die Ressource läuft nach einem Ausfall langsam an.",
    todo: "Warten: mit jedem Erfolg nimmt sie mehr.",
  },
  limit_full: { what: "Seine Grenze ist erreicht.", todo: "Warten oder die Grenze anheben." },
  rate_used_up: { what: "Seine Rate ist verbraucht.", todo: "Das nächste Zeitfenster abwarten." },
  tenant_turn: {
    what: "Andere Mandanten sind vorher dran.",
    todo: "Warten: Mandanten kommen der Reihe nach.",
  },
  waits_turn: { what: "Andere Jobs sind vorher dran.", todo: "Warten, bis er an der Reihe ist." },
  due: { what: "Nichts hält ihn auf.", todo: "Nichts: ein Worker nimmt ihn beim nächsten Blick." },
};

/** What ended or delayed a job, in German. */
export const codesDe: Readonly<Record<WorkerErrorCode, Advice>> = {
  adapter_unknown: {
    what: "Der Adapter warf etwas, das er nicht erklärt.",
    todo: "Das Log des Workers nennt die Art des Fehlers. Adapter beheben, dann neu einreihen.",
  },
  aborted: { what: "Die Phase wurde abgebrochen.", todo: "Neu einreihen." },
  backend_busy: {
    what: "Das Backend hatte keinen Platz.",
    todo: "Weniger zugleich erlauben oder ihm mehr Platz geben. Dann neu einreihen.",
  },
  backend_failed: {
    what: "Das Backend antwortete mit einem eigenen Fehler.",
    todo: "Sein Log ansehen. Neu einreihen, wenn es gesund ist.",
  },
  backend_timeout: {
    what: "Das Backend verstummte.",
    todo: "Ist es überlastet oder das Modell zu groß? Neu einreihen, wenn es antwortet.",
  },
  backend_unreachable: {
    what: "Das Backend war nicht erreichbar.",
    todo: "Adresse prüfen, und ob es läuft. Neu einreihen, wenn es antwortet.",
  },
  cancelled: { what: "Jemand brach ihn ab.", todo: "Neu einreihen, wenn er doch gewünscht ist." },
  config_invalid: {
    what: "Eine Einstellung passt nicht.",
    todo: "Die in der Meldung genannte beheben, Worker neu starten, dann neu einreihen.",
  },
  database_unavailable: {
    what: "Postgres war nicht erreichbar.",
    todo: "Die Datenbank ansehen. Neu einreihen, wenn sie antwortet.",
  },
  deadline_exceeded: {
    what: "Die Phase dauerte länger, als sie darf.",
    todo: "Die Frist verlängern oder die Arbeit verkleinern. Dann neu einreihen.",
  },
  effect_failed: {
    what: "Der Hook der Anwendung löste einen Fehler aus.",
    todo: "Dahinter steht ein SQLSTATE. Hook beheben, dann neu einreihen.",
  },
  expired: {
    what: "Seine Lebenszeit endete, bevor er laufen konnte.",
    todo: "Suchen, was ihn aufhielt. Neu einreihen, wenn er noch gewünscht ist.",
  },
  grant_missing: {
    what: "Dem Login des Workers fehlt ein Recht in der Datenbank.",
    todo: "migrate --roles ausführen, dann neu einreihen.",
  },
  input_corrupt: {
    what: "Die Datei ist nicht lesbar.",
    todo: "Er wird wieder scheitern: die Datei neu anfordern.",
  },
  input_crashes_model: {
    what: "Das Modell stürzte an dieser Eingabe mehrmals ab.",
    todo: "Es wird wieder abstürzen: ein anderes Modell versuchen oder es lassen.",
  },
  input_invalid: {
    what: "Die Eingabe passt nicht zu dem, was ihr Typ erwartet.",
    todo: "Beheben, was sie einreiht. Neu einreihen allein genügt nicht.",
  },
  input_too_large: {
    what: "Die Eingabe ist größer als erlaubt.",
    todo: "Grenze anheben oder eine kleinere anfordern. Dann neu einreihen.",
  },
  input_unsupported: {
    what: "Diese Art von Datei wird nicht unterstützt.",
    todo: "Er wird wieder scheitern: eine andere Art anfordern.",
  },
  lease_lost: { what: "Sein Worker verlor die Zuteilung.", todo: "Neu einreihen." },
  model_missing: {
    what: "Das Modell fehlt auf dem Backend.",
    todo: "Modell laden, unter Ressourcen wieder freigeben, dann neu einreihen.",
  },
  model_unsuitable: {
    what: "Das Modell kann nicht, was die Phase verlangt.",
    todo: "Ein anderes einstellen, dann neu einreihen.",
  },
  not_found: { what: "Etwas, das er braucht, fehlt.", todo: "Die Meldung nennt es." },
  output_invalid: {
    what: "Die Antwort des Modells passte auch nach Reparatur nicht ins Schema.",
    todo: "Einmal neu einreihen. Kommt es wieder, ein anderes Modell nehmen.",
  },
  output_runaway: {
    what: "Das Modell hörte nicht auf zu schreiben.",
    todo: "Einmal neu einreihen. Kommt es wieder, ein anderes Modell nehmen.",
  },
  output_truncated: {
    what: "Die Antwort des Modells wurde abgeschnitten.",
    todo: "Mehr Tokens erlauben, dann neu einreihen.",
  },
  payload_too_large: {
    what: "Die Nutzlast ist größer als erlaubt.",
    todo: "Das Große anderswo ablegen und einen Verweis darauf einreihen.",
  },
  phase_waiting: { what: "Die Phase wartet.", todo: "Nichts." },
  schema_outdated: {
    what: "Das Schema ist älter als der Worker.",
    todo: "migrate ausführen, dann neu einreihen.",
  },
  stalled: {
    what: "Die Phase kam zu lange nicht voran.",
    todo: "Das Backend ansehen. Neu einreihen, wenn es gesund ist.",
  },
  statement_failed: {
    what: "Postgres lehnte eine Anweisung ab.",
    todo: "Die Meldung hat den SQLSTATE. doctor ausführen, dann neu einreihen.",
  },
  superseded: {
    what: "Ein neuerer Job trat an seine Stelle.",
    todo: "Nichts: den neueren ansehen.",
  },
  worker_lost: {
    what: "Sein Worker starb mehrmals, während er lief, auch als er allein lief.",
    todo: "Suchen, was den Prozess beendet: Speicher, ein Absturz. Dann neu einreihen.",
  },
  worker_stopping: { what: "Sein Worker wurde beendet.", todo: "Nichts: er läuft anderswo." },
};
