/**
 * The errors that the library raises, mirroring those of the server (`sagews/errors.py`).
 *
 *     SagewsError
 *     ├── MessageError        a text that is no message of ours
 *     │   └── UnknownType     a message of a newer server; a client ignores it
 *     ├── Refused             the server did not do what a message asked for
 *     └── ApiError            the server's answer to an HTTP request is an error
 *
 * Each says in `what` what happened and in `whatToDo` what to do about it; both are for people.
 */

/** Something that sagews did not do; `code` is for programs ("not_allowed", "fenced", ...). */
export class SagewsError extends Error {
  readonly code: string;
  readonly what: string;
  readonly whatToDo: string;

  constructor(code: string, what: string, whatToDo = "") {
    super(`${what} ${whatToDo}`.trim());
    this.name = new.target.name;
    this.code = code;
    this.what = what;
    this.whatToDo = whatToDo;
  }
}

/** This is no message of ours; `what` names the field that is wrong. */
export class MessageError extends SagewsError {
  constructor(what: string) {
    super("bad_message", what, "See docs/protocol.md for the form of messages.");
  }
}

/** A message of a type that this version does not know. */
export class UnknownType extends MessageError {}

/** The server refused a command, an update or a question. */
export class Refused extends SagewsError {}

/** The server's answer to an HTTP request is an error; `status` is its HTTP status (0: no answer came). */
export class ApiError extends SagewsError {
  readonly status: number;

  constructor(code: string, what: string, whatToDo: string, status: number) {
    super(code, what, whatToDo);
    this.status = status;
  }
}
