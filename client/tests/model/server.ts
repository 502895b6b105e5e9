/**
 * A model of a site with one workspace: small, but honest about what docs/protocol.md promises.
 *
 * Its "worker" holds documents, stream and queue; its "database" only what was journaled. `crashWorker` loses the first
 * and opens the workspace again from the second, at a higher epoch.
 */

import * as Y from "yjs";

import { cellIds } from "../../src/lib/cells";
import { dumpFrame, frame as makeFrame, parseFrame } from "../../src/lib/messages";
import type {
  CellRunRecord,
  ContentGiven,
  Envelope,
  Frame,
  FrameOf,
  MessageType,
} from "../../src/lib/messages";
import type { Clock } from "./clock";
import type { Peer } from "./network";

const WORKSPACE = "w";

interface Client {
  readonly peer: Peer;
  name: string;
  attached: boolean;
}

interface Stored {
  readonly path: string;
  readonly journal: Uint8Array[];
}

export class ModelServer {
  epoch = 1;
  stream: Frame[] = [];
  documents = new Map<string, { path: string; doc: Y.Doc }>();
  cells = new Map<string, CellRunRecord>();
  /** How many events can be replayed. */
  replay = 1_000;
  /** Milliseconds until an update is in the journal; Infinity: the database is down. */
  journalTime = 3;
  /** Every command that was obeyed, as "epoch client k type". */
  readonly obeyed: string[] = [];
  /** Every acknowledgement that was sent, as "client k". */
  readonly acknowledgements: string[] = [];
  /** What it tells of other addresses. */
  addresses: readonly string[] = [];
  /** Refuses what this says, with its code. */
  refuse: (frame: Frame) => string | undefined = () => undefined;
  /** What an evaluated cell prints. */
  evaluate: (source: string) => string = (source) => `<${source}>`;
  readonly stored = new Map<string, Stored>();
  readonly presences: Frame[] = [];
  readonly #clients = new Set<Client>();
  readonly #clock: Clock;
  #answers = new Map<string, Map<number, Frame>>();
  #runs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly accept = (peer: Peer): void => {
    const client: Client = { peer, name: "", attached: false };
    peer.onText = (text) => this.#hear(client, parseFrame(text));
    peer.onGone = () => {
      this.#clients.delete(client);
      if (client.attached)
        this.#tellAll(makeFrame("person_left", { client: person(client.name).client }, this.#here()));
    };
    this.#clients.add(client);
  };

  /** The worker is gone with all that was not journaled; the workspace is open again at the next epoch. */
  crashWorker(): void {
    this.epoch += 1;
    this.stream = [];
    this.cells.clear();
    this.#answers = new Map();
    this.documents = new Map(
      [...this.stored].map(([id, { path, journal }]) => [id, { path, doc: replay(journal) }]),
    );
    for (const client of this.#clients) {
      if (!client.attached) continue;
      client.attached = false;
      this.#send(
        client,
        makeFrame("workspace_closed", { reason: "The worker is gone." }, { workspace: WORKSPACE }),
      );
    }
  }

  /** Numbers an event and tells it. */
  tell<T extends MessageType>(type: T, content: ContentGiven<T>, where: Partial<Envelope> = {}): number {
    const n = (this.stream.at(-1)?.n ?? 0) + 1;
    const event = makeFrame(type, content, { ...this.#here(), n, ...where }) as Frame;
    this.stream.push(event);
    this.#tellAll(event);
    return n;
  }

  /** Sends a text to everyone who is connected, whatever it is. */
  say(text: string): void {
    for (const { peer } of this.#clients) peer.send(text);
  }

  #tellAll(frame: Frame, besides?: Client): void {
    for (const client of this.#clients) if (client.attached && client !== besides) this.#send(client, frame);
  }

  #here(): Partial<Envelope> {
    return { workspace: WORKSPACE, epoch: this.epoch };
  }

  #send(client: Client, frame: Frame): void {
    client.peer.send(dumpFrame(frame));
  }

  #hear(client: Client, frame: Frame): void {
    const code = this.refuse(frame);
    if (code !== undefined) {
      const content = { code, what: "The test wants it so.", refused: frame.type };
      return this.#send(client, { ...frame, ...makeFrame("refused", content), ...where(frame) });
    }
    if (frame.type === "hello") {
      client.name = frame.content.client;
      this.#send(
        client,
        makeFrame("welcome", {
          protocol: 1,
          build: "model",
          environments: ["sage", "python"],
          addresses: this.addresses,
        }),
      );
    } else if (frame.type === "ping") this.#send(client, makeFrame("pong", {}));
    else if (frame.type === "attach") this.#attach(client, frame);
    else if (!client.attached) return;
    else if (frame.type === "detach") this.#detach(client, frame);
    else if (frame.type === "presence") {
      this.presences.push(frame);
      this.#tellAll({ ...frame, client: person(client.name).client }, client);
    } else if (frame.type === "complete_request") {
      const content = { matches: ["factor"], cursor_start: 0, cursor_end: frame.content.cursor_pos };
      this.#send(client, makeFrame("complete_reply", content, where(frame)));
    } else this.#numbered(client, frame);
  }

  #detach(client: Client, frame: Frame): void {
    client.attached = false;
    this.#send(client, makeFrame("done", {}, where(frame)));
  }

  #attach(client: Client, frame: FrameOf<"attach">): void {
    const last = this.stream.at(-1)?.n ?? 0;
    const first = Math.max(0, last - this.replay);
    const resumed = frame.epoch === this.epoch && frame.n >= first;
    const people = [...this.#clients].filter(({ attached }) => attached).map(({ name }) => person(name));
    if (!client.attached)
      this.#tellAll(makeFrame("person_came", { person: person(client.name) }, this.#here()));
    client.attached = true;
    const snapshot = {
      documents: [...this.documents].map(([document, { path, doc }]) => {
        return { document, path, state: Y.encodeStateAsUpdate(doc), digest: "" };
      }),
      cells: [...this.cells.values()],
      sessions: [],
      queue: [],
      inputs: [],
    };
    const k = Math.max(0, ...(this.#answers.get(client.name)?.keys() ?? []));
    const content = {
      how: resumed ? "resumed" : "snapshot",
      snapshot: resumed ? null : snapshot,
      k,
    } as const;
    const more = { people: [...people, person(client.name)] };
    const head = { ...where(frame), epoch: this.epoch, n: resumed ? frame.n : last };
    this.#send(client, makeFrame("attached", { ...content, ...more }, head));
    if (resumed) for (const event of this.stream.filter(({ n }) => n > frame.n)) this.#send(client, event);
  }

  // --- updates and commands

  #numbered(client: Client, frame: Frame): void {
    const answers = this.#answers.get(frame.client) ?? new Map<number, Frame>();
    this.#answers.set(frame.client, answers);
    const before = answers.get(frame.k);
    if (frame.k <= Math.max(0, ...answers.keys())) {
      if (before) this.#answer(client, before);
      return;
    }
    if (frame.type === "update") return this.#update(client, frame, answers);
    if (frame.epoch !== this.epoch) {
      const content = { code: "fenced", what: "The epoch is over.", refused: frame.type };
      return this.#send(client, makeFrame("refused", content, where(frame)));
    }
    if (frame.type === "run_cells" && this.#lacks(frame.content)) {
      const refusal = makeFrame(
        "refused",
        { code: "conflict", what: "Edits are missing.", refused: frame.type },
        where(frame),
      );
      answers.set(frame.k, refusal);
      return this.#answer(client, refusal);
    }
    this.obeyed.push(`${frame.epoch} ${frame.client} ${frame.k} ${frame.type}`);
    const answer = makeFrame("acknowledged", this.#obey(frame), where(frame));
    answers.set(frame.k, answer);
    this.#answer(client, answer);
  }

  #update(client: Client, frame: FrameOf<"update">, answers: Map<number, Frame>): void {
    const { document, update } = frame.content;
    const live = this.documents.get(document);
    if (!live) throw new Error(`There is no document ${document}.`);
    Y.applyUpdate(live.doc, update);
    const n = this.tell("document_update", { document, update, path: live.path }, { client: frame.client });
    const answer = makeFrame("acknowledged", {}, { ...where(frame), epoch: this.epoch, n });
    const { epoch } = this;
    answers.set(frame.k, makeFrame("pong", {}));
    this.#inJournal(() => {
      if (epoch !== this.epoch) return;
      this.stored.get(document)?.journal.push(update);
      answers.set(frame.k, answer);
      const now = [...this.#clients].find(({ name, attached }) => attached && name === frame.client);
      if (now) this.#answer(now, answer);
    });
    void client;
  }

  #inJournal(action: () => void): void {
    if (this.journalTime === Infinity) this.#clock.after(100, () => this.#inJournal(action));
    else this.#clock.after(this.journalTime, action);
  }

  #answer(client: Client, answer: Frame): void {
    if (answer.type === "acknowledged") this.acknowledgements.push(`${answer.client} ${answer.k}`);
    if (answer.type !== "pong") this.#send(client, answer);
  }

  #obey(frame: Frame): ContentGiven<"acknowledged"> {
    switch (frame.type) {
      case "open_document":
        return { document: this.#open(frame.content.path) };
      case "run_cells":
        return { runs: this.#run(frame.content) };
      case "clear_outputs":
        this.tell("clear_outputs", frame.content);
        return {};
      case "save":
        this.tell("saved", {
          document: frame.content.document,
          contains: this.stream.length,
          at: 1_700_000_000,
        });
        return {};
      case "execute":
        return { runs: [this.#evaluate("", "", frame.content.code, frame.session)] };
      default:
        return {};
    }
  }

  /** Whether its document lacks edits that a run needs. */
  #lacks({ document, needs }: FrameOf<"run_cells">["content"]): boolean {
    const live = this.documents.get(document);
    if (!live) return false;
    const had = Y.decodeStateVector(Y.encodeStateVector(live.doc));
    return [...Y.decodeStateVector(needs)].some(([client, clock]) => clock > (had.get(client) ?? 0));
  }

  #open(path: string): string {
    const id = `d-${path}`;
    if (this.documents.has(id)) return id;
    const stored = this.stored.get(id);
    const doc = stored ? replay(stored.journal) : new Y.Doc();
    if (!stored) doc.getMap("metadata").set("kernelspec", { name: "sage" });
    const update = Y.encodeStateAsUpdate(doc);
    this.documents.set(id, { path, doc });
    if (!stored) this.stored.set(id, { path, journal: [update] });
    this.tell("document_opened", { document: id, path });
    this.tell("document_update", { document: id, path, update });
    return id;
  }

  #run({ document, cells, all }: FrameOf<"run_cells">["content"]): string[] {
    const live = this.documents.get(document);
    if (!live) return [];
    const chosen = all ? cellIds(live.doc) : cells;
    return chosen.map((cell) => {
      const map = live.doc.getMap("cells").get(cell) as Y.Map<unknown> | undefined;
      return this.#evaluate(document, cell, String(map?.get("source") ?? ""), document);
    });
  }

  #evaluate(document: string, cell: string, source: string, session: string): string {
    const run = `r${(this.#runs += 1)}`;
    const of = { run, session };
    this.tell("run_queued", { document, cell }, of);
    this.tell("run_started", { document, cell, at: 1_700_000_000 }, of);
    const text = this.evaluate(source);
    this.tell("stream", { name: "stdout", text }, of);
    this.tell("run_ended", { document, cell, status: "ok", execution_count: this.#runs }, of);
    const outputs = [{ output_type: "stream", name: "stdout", text }];
    this.cells.set(`${document} ${cell}`, {
      ...{ document, cell, run, status: "ok", execution_count: this.#runs, outputs },
      ...{ started: 1, ended: 2, ...{ cut: false, hidden_bytes: 0, kept_bytes: 0, kept_lines: 0 } },
    });
    return run;
  }
}

function where({ workspace, client, k, request, session }: Frame): Partial<Envelope> {
  return { workspace, client, k, request, session };
}

function person(client: string): { client: string; account: string; name: string; role: "owner" } {
  return { client: `account/${client}`, account: "account", name: client, role: "owner" };
}

function replay(journal: readonly Uint8Array[]): Y.Doc {
  const doc = new Y.Doc();
  for (const update of journal) Y.applyUpdate(doc, update);
  return doc;
}
