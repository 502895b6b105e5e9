/**
 * CellRun: one run and what it put out, made of the events of the stream.
 *
 * The same events in the same order make the same outputs here and on the worker (`sagews/messages/outputs.py`).
 */

import type { JsonObject } from "./fields";
import type { CellRunRecord, Content, Frame } from "./messages";

/** How far a run is, or how it ended. */
export type RunStatus = CellRunRecord["status"];

/** One output in the notebook format 4.5: `output_type` is stream, display_data, execute_result or error. */
export type Output = JsonObject;

/** The text of a run went over what is shown: all of it is at `Api.output(workspace, run)`. */
export interface Cut {
  /** Bytes of the run's whole text so far; 0 = not known. */
  readonly keptBytes: number;
  /** Lines of the run's whole text so far; 0 = not known. */
  readonly keptLines: number;
  /** Bytes that are not shown; 0 = not known. */
  readonly hiddenBytes: number;
  /** Where the missing part would be: before the output with this index; -1 = not known. */
  readonly before: number;
}

/** The last run of a cell, or a run outside of a document. */
export interface CellRun {
  /** "" for code that was executed outside of a document. */
  readonly document: string;
  readonly cell: string;
  readonly run: string;
  readonly session: string;
  readonly status: RunStatus;
  /** 0 = not known yet. */
  readonly executionCount: number;
  /** An output that changes is replaced by another object; the others stay the same objects. */
  readonly outputs: readonly Output[];
  /** Unix time in milliseconds; 0 = not yet. */
  readonly started: number;
  /** Unix time in milliseconds; 0 = not yet. */
  readonly ended: number;
  /** Why it ended, where there is more to say than the status. */
  readonly reason: string;
  readonly cut: Cut | null;
}

/** A run that still changes. */
export type Writable = { -readonly [Name in keyof CellRun]: CellRun[Name] } & {
  outputs: Output[];
  /** The next output takes the place of all. */
  clearFirst: boolean;
};

export function newRun(document: string, cell: string, run: string, session: string): Writable {
  return {
    document,
    cell,
    run,
    session,
    status: "queued",
    executionCount: 0,
    outputs: [],
    started: 0,
    ended: 0,
    reason: "",
    cut: null,
    clearFirst: false,
  };
}

export function fromRecord(record: CellRunRecord): Writable {
  return {
    ...newRun(record.document, record.cell, record.run, record.document),
    status: record.status,
    executionCount: record.execution_count,
    outputs: [...record.outputs],
    started: record.started * 1000,
    ended: record.ended * 1000,
    cut: record.cut
      ? {
          keptBytes: record.kept_bytes,
          keptLines: record.kept_lines,
          hiddenBytes: record.hidden_bytes,
          before: -1,
        }
      : null,
  };
}

export function isUnfinished(run: CellRun): boolean {
  return run.status === "queued" || run.status === "running";
}

export function displayId(output: Output): unknown {
  const transient = output["transient"];
  return transient !== null && typeof transient === "object"
    ? (transient as JsonObject)["display_id"]
    : undefined;
}

/** Changes the run as the event says; false where the event says nothing about a run. */
export function applyToRun(run: Writable, frame: Frame): boolean {
  switch (frame.type) {
    case "run_started":
      run.status = "running";
      run.started = frame.content.at * 1000;
      return true;
    case "run_ended":
      run.status = frame.content.status;
      run.ended = frame.content.at * 1000;
      run.reason = frame.content.reason;
      run.executionCount = frame.content.execution_count || run.executionCount;
      return true;
    case "execute_input":
      run.executionCount = frame.content.execution_count;
      return true;
    case "clear_output":
      run.clearFirst = frame.content.wait;
      if (!frame.content.wait) clear(run);
      return true;
    case "output_cut":
      cutText(run, frame.content);
      return true;
    default:
      return addOutput(run, frame);
  }
}

function clear(run: Writable): void {
  run.outputs.length = 0;
  run.cut = null;
}

function addOutput(run: Writable, frame: Frame): boolean {
  const output = outputOf(frame);
  if (!output) return false;
  if (run.clearFirst) clear(run);
  run.clearFirst = false;
  if (frame.type === "stream") addText(run, frame.content.name, frame.content.text);
  else run.outputs.push(output);
  return true;
}

/** Joins text with the last output, where that is text of the same stream. */
function addText(run: Writable, name: string, text: string): void {
  const last = run.outputs.at(-1);
  if (last?.["output_type"] === "stream" && last["name"] === name) {
    run.outputs[run.outputs.length - 1] = { ...last, text: joinText(last["text"]) + text };
  } else run.outputs.push({ output_type: "stream", name, text });
}

/** The notebook output that a message is, or undefined. */
function outputOf(frame: Frame): Output | undefined {
  switch (frame.type) {
    case "stream":
      return { output_type: "stream", name: frame.content.name, text: frame.content.text };
    case "display_data":
      return displayOf(frame.content);
    case "execute_result":
      return { output_type: "execute_result", ...frame.content };
    case "error":
      return { output_type: "error", ...frame.content };
    default:
      return undefined;
  }
}

/** `transient` is kept only where it names the display, so that its updates find it. */
function displayOf({ data, metadata, transient }: Content<"display_data">): Output {
  const output = { output_type: "display_data", data, metadata };
  return transient["display_id"] === undefined ? output : { ...output, transient };
}

/** The text of a notebook's multi-line string, which may be a list of pieces. */
export function joinText(value: unknown): string {
  return Array.isArray(value) ? value.join("") : typeof value === "string" ? value : "";
}

/** The tail is joined with what is before it only where nothing is missing between them. */
function cutText(run: Writable, content: Content<"output_cut">): void {
  const { kept_bytes, kept_lines, hidden_bytes, name, tail } = content;
  if (tail && hidden_bytes === 0) {
    run.cut = null;
    return addText(run, name, tail);
  }
  const before = run.cut?.before ?? run.outputs.length;
  run.cut = {
    keptBytes: kept_bytes,
    keptLines: kept_lines,
    hiddenBytes: hidden_bytes,
    before,
  };
  if (tail) run.outputs.push({ output_type: "stream", name, text: tail });
}
