/** Workspace: an open workspace that is followed: its people, sessions, worksheets. */

import { Attachment } from "./attachment";
import type { WorkspaceState } from "./attachment";
import type { CellRun } from "./cellrun";
import type { LiveDocument } from "./document";
import { Documents } from "./documents";
import { Refused } from "./errors";
import type { SagewsError } from "./errors";
import { Emitter } from "./events";
import { Executions } from "./executions";
import { frame as makeFrame } from "./messages";
import type { Content, Frame, Person, Role, Snapshot } from "./messages";
import { People } from "./people";
import { Runs } from "./runs";
import { Sessions } from "./sessions";
import type { SessionView } from "./sessions";
import { isComm } from "./comms";
import { TextFile } from "./textfile";
import { Worksheet } from "./worksheet";
import type { OpenOptions, WorkspaceEvents, WorkspaceParts } from "./workspaceevents";

/** Made by `Site.workspace`. */
export class Workspace extends Emitter<WorkspaceEvents> {
  readonly id: string;
  readonly #parts: WorkspaceParts;
  readonly #attachment: Attachment;
  readonly #runs = new Runs();
  readonly #sessions = new Sessions();
  readonly #people: People;
  readonly #documents: Documents;
  readonly #worksheets = new Map<string, Worksheet>();
  readonly #texts = new Map<string, TextFile>();
  readonly #executions = new Executions();

  constructor(id: string, parts: WorkspaceParts) {
    super();
    this.id = id;
    this.#parts = parts;
    this.#attachment = new Attachment(id, parts.client, parts.connection, parts.timing, parts.number);
    this.#people = new People(parts.client);
    this.#documents = new Documents(
      {
        workspace: id,
        outbox: this.#attachment.outbox,
        keepsakes: parts.keepsakes,
        timing: parts.timing,
        epoch: () => this.#attachment.epoch,
        pump: () => this.#attachment.pump(),
      },
      (document, state) => this.#tellPresence(document, state),
    );
    this.#attachment.on("state", (state) => this.emit("state", state));
    this.#attachment.on("attached", (content) => this.#attached(content));
    this.#attachment.on("event", (frame) => this.#hear(frame));
    this.#attachment.on("acknowledged", (document) => this.#documents.get(document)?.acknowledged());
    this.#attachment.on("refused", ({ document, update, error }) => this.#refused(document, update, error));
  }

  get state(): WorkspaceState {
    return this.#attachment.state;
  }

  /** Who is attached, ourselves included. */
  get people(): readonly Person[] {
    return this.#people.all;
  }

  /** What we may do here; null = not known yet. */
  get role(): Role | null {
    return this.#people.role;
  }

  /** Whether the name of a client is ours; the site writes the account's id and a slash before it. */
  isMe(client: string): boolean {
    return this.#people.isMe(client);
  }

  get sessions(): readonly SessionView[] {
    return this.#sessions.all();
  }

  /** Paths of the documents that are live; the files of new ones may not be written yet. */
  get livePaths(): readonly string[] {
    return this.#documents.all.map(({ path }) => path);
  }

  /** Edits in all its documents that are not known to be kept by the server yet. */
  get unacknowledged(): number {
    return this.#documents.all.reduce((sum, live) => sum + live.unacknowledged, 0);
  }

  /** Follows the workspace from now on, over reconnections. Rejects when it is refused (Refused says why). */
  attach(): Promise<void> {
    return this.#attachment.attach();
  }

  /** Follows it no more; its sessions and queues go on without us. */
  async detach(): Promise<void> {
    this.flush();
    this.#closeFiles();
    await this.#attachment.detach();
  }

  /** Sends or writes down what was edited, now. */
  flush(): void {
    for (const live of this.#documents.all) live.flush();
  }

  /** Makes the worksheet at `path` (in the workspace, POSIX, relative) live, and opens it. */
  async openWorksheet(path: string, options: OpenOptions = {}): Promise<Worksheet> {
    const live = await this.#openDocument(path, options);
    const document = live.id;
    const known = this.#worksheets.get(document);
    if (known) return known;
    const worksheet = new Worksheet({
      live,
      attachment: this.#attachment,
      runs: this.#runs,
      sessions: this.#sessions,
      onClose: () => this.#worksheets.delete(document),
    });
    this.#worksheets.set(document, worksheet);
    return worksheet;
  }

  /** Makes the text file at `path` (in the workspace, POSIX, relative; no `.ipynb`) live, and opens it. */
  async openText(path: string, options: Pick<OpenOptions, "create"> = {}): Promise<TextFile> {
    const live = await this.#openDocument(path, options);
    const known = this.#texts.get(live.id);
    if (known) return known;
    const text = new TextFile({
      live,
      attachment: this.#attachment,
      onClose: () => this.#texts.delete(live.id),
    });
    this.#texts.set(live.id, text);
    return text;
  }

  async #openDocument(path: string, options: OpenOptions): Promise<LiveDocument> {
    await this.attach();
    const { create = false, environment = "" } = options;
    const { document } = await this.#attachment.again(() =>
      this.#attachment.command("open_document", { path, create, environment }),
    );
    await this.#documents.arrived(document);
    return this.#documents.known(document, path);
  }

  /**
   * Evaluates code outside of any document, in a session that is started if need be. Resolves when the run has ended.
   *
   * @param environment what a new session runs in; "" = the site's first.
   * @param onOutput is called whenever there is more output.
   */
  async execute(
    session: string,
    environment: string,
    code: string,
    onOutput?: (run: CellRun) => void,
  ): Promise<CellRun> {
    await this.attach();
    const opened = this.#attachment.command("open_session", { environment }, session);
    const executed = this.#attachment.command("execute", { code }, session);
    await Promise.all([opened, executed]);
    const run = (await executed).runs[0];
    if (run === undefined) throw new Refused("internal", "The server did not name the run.", "Try again.");
    return this.#executions.ended(run, this.#runs.get(run), onOutput);
  }

  /** Stops what a session evaluates; the session stays. */
  async interrupt(session: string): Promise<void> {
    await this.#attachment.command("interrupt_request", {}, session);
  }

  /** Ends a session. */
  async shutdown(session: string): Promise<void> {
    await this.#attachment.command("shutdown_request", {}, session);
  }

  /** Says something on a widget's channel. */
  async comm(session: string, id: string, data: Content<"comm_msg">["data"]): Promise<void> {
    await this.#attachment.command("comm_msg", { comm_id: id, data }, session);
  }

  // --- for Site

  /** @internal The connection is open (again). */
  connectionOpened(): void {
    this.#attachment.opened();
  }

  /** @internal The connection is lost; with `refusal`, no other one will be tried. */
  connectionLost(refusal?: SagewsError): void {
    this.#attachment.lost(refusal);
  }

  /** @internal A frame about this workspace. */
  hearFrame(frame: Frame): void {
    this.#attachment.hear(frame);
  }

  /** @internal Stops all timers, after writing down what is not acknowledged. */
  close(): void {
    this.#closeFiles();
    for (const live of this.#documents.all) live.close();
  }

  // --- attaching

  #attached(content: Content<"attached">): void {
    this.#people.restore(content.people);
    if (content.snapshot) this.#restore(content.snapshot);
    this.#documents.tellPresences();
    this.emit("people", this.people);
  }

  #restore(snapshot: Snapshot): void {
    const now = this.#parts.timing.now();
    this.#sessions.restore(snapshot, now);
    const changed = this.#runs.restore(snapshot);
    const missing = new Set(this.#documents.all.map(({ id }) => id));
    for (const { document, path, state } of snapshot.documents) {
      missing.delete(document);
      const live = this.#documents.known(document, path);
      live.path = path;
      live.restore(state);
      this.#documents.arrive(document);
    }
    for (const document of missing) void this.#reopen(document);
    this.#tellRuns(changed);
    for (const worksheet of this.#worksheets.values()) worksheet.restored();
    this.emit("sessions", this.sessions);
  }

  /** The server does not have a document that we have: let it open it again, or let go of it. */
  async #reopen(document: string): Promise<void> {
    const live = this.#documents.get(document);
    if (!live) return;
    live.hold();
    if (!this.#file(document) && live.unacknowledged === 0) return this.#forget(live, "");
    try {
      const answer = await this.#attachment.again(() =>
        this.#attachment.command("open_document", { path: live.path }),
      );
      if (answer.document === document) live.release();
      else this.#forget(live, "The file was replaced by another one.");
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#forget(live, error.message);
    }
  }

  // --- documents

  /** Where an update is refused for good, what we show is not what the server has: its state is asked for anew. */
  #refused(document: string, update: Uint8Array, error: Refused): void {
    const live = this.#documents.get(document);
    if (!live || live.refused(update, error)) return;
    this.#forget(live, error.message);
    this.#attachment.startOver();
  }

  #forget(live: LiveDocument, reason: string): void {
    this.#documents.delete(live.id);
    this.#file(live.id)?.close(reason);
    live.close();
    this.#parts.keepsakes.keep(this.id, live.id, null);
  }

  /** What is open of a document. */
  #file(document: string): Worksheet | TextFile | undefined {
    return this.#worksheets.get(document) ?? this.#texts.get(document);
  }

  #closeFiles(): void {
    for (const file of [...this.#worksheets.values(), ...this.#texts.values()]) file.close();
  }

  #tellPresence(document: string, state: Uint8Array | null): void {
    if (state) this.#attachment.send(makeFrame("presence", { document, state }, { workspace: this.id }));
  }

  // --- events

  #hear(frame: Frame): void {
    const sessions = this.#sessions.apply(frame, this.#parts.timing.now());
    this.#tellRuns(this.#runs.apply(frame));
    this.#hearDocument(frame);
    this.#hearPeople(frame);
    if (isComm(frame)) {
      this.emit("comm", frame);
      this.#worksheets.get(frame.session)?.heardComm(frame);
    }
    if (frame.type === "folder_changed") this.emit("folder", frame.content.path);
    if (frame.type === "notice") {
      this.emit("notice", frame.content);
      this.#file(frame.content.document)?.noticed(frame.content);
    }
    for (const session of sessions) this.#worksheets.get(session)?.sessionChanged();
    if (sessions.length > 0) this.emit("sessions", this.sessions);
  }

  #hearDocument(frame: Frame): void {
    switch (frame.type) {
      case "document_update":
        this.#documents
          .known(frame.content.document, frame.content.path)
          .apply(frame.content.update, frame.n);
        return this.#documents.arrive(frame.content.document);
      case "document_opened":
        this.#documents.known(frame.content.document, frame.content.path);
        return this.#tellRuns(this.#runs.load(frame.content.cells));
      case "document_moved":
        return this.#moved(frame.content.document, frame.content.path);
      case "saved":
        return this.#documents
          .get(frame.content.document)
          ?.saved(frame.content.contains, frame.content.at * 1000);
    }
  }

  #moved(document: string, path: string): void {
    const live = this.#documents.get(document);
    if (!live) return;
    if (path) live.path = path;
    else this.#forget(live, "The file was deleted.");
  }

  #hearPeople(frame: Frame): void {
    if (frame.type === "presence") {
      const { document, state } = frame.content;
      this.#documents.get(document)?.applyPresence(frame.client, state);
    } else if (this.#people.apply(frame)) {
      if (frame.type === "person_came") this.#documents.tellPresences();
      if (frame.type === "person_left") this.#documents.forgetPerson(frame.content.client);
      this.emit("people", this.people);
    }
  }

  #tellRuns(runs: readonly CellRun[]): void {
    for (const run of runs) {
      if (run.document) this.#worksheets.get(run.document)?.runChanged(run.cell);
      else {
        this.emit("run", run);
        this.#executions.changed(run);
      }
    }
  }
}
